// The interval of Clopper and Pearson (Biometrika 26, 1934) for a share: it holds the true share in at least 95 of 100 cases,
// whatever that is. Others are shorter on the average, and miss small shares more often, which are the ones here.
//
// Its ends are quantiles of beta distributions. So they are defined for a count that is no integer, too: samples have weights.

/** The shares from `low` to `high`. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Probability that the true share is below it, and as much that it is above it. */
const TAIL = 0.025;

/** `found`: so many of `count` for certain; `atMost`: so many if each that was left open counts. */
export function shareInterval(found: number, count: number, atMost = found): Interval {
  if (count <= 0) return { low: 0, high: 1 };
  return {
    low: found <= 0 ? 0 : betaQuantile(TAIL, found, count - found + 1),
    high: atMost >= count ? 1 : betaQuantile(1 - TAIL, atMost + 1, count - atMost),
  };
}

/** Bisection: slow, sure, and asked for a few times a minute. */
function betaQuantile(probability: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let step = 0; step < 60; step++) {
    const middle = (low + high) / 2;
    if (regularisedBeta(middle, a, b) < probability) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** I_x(a, b), by its continued fraction (Press et al., Numerical Recipes, 3rd edition, §6.4) where that converges fast. */
function regularisedBeta(x: number, a: number, b: number): number {
  if (x <= 0 || x >= 1) return x <= 0 ? 0 : 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2)
    ? (front * continuedFraction(x, a, b)) / a
    : 1 - (front * continuedFraction(1 - x, b, a)) / b;
}

/** Terms grow with the square root of the larger parameter. */
const MAX_TERMS = 10_000;
const PRECISION = 1e-14;
/** Stands for 0 in a divisor (Lentz's method). */
const TINY = 1e-300;

function continuedFraction(x: number, a: number, b: number): number {
  const nonZero = (value: number) => (Math.abs(value) < TINY ? TINY : value);
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let term = 1; term <= MAX_TERMS; term++) {
    const at = a + 2 * term;
    const even = (term * (b - term) * x) / ((at - 1) * at);
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + term) * (a + b + term) * x) / (at * (at + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < PRECISION) break;
  }
  return fraction;
}

/** Lanczos' approximation with g = 7 and 9 terms (Godfrey's coefficients): 15 digits for arguments above 0.5. */
const LANCZOS = [
  ...[676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406],
  ...[12.507343278686905, -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7],
] as const;

function logGamma(value: number): number {
  // The recurrence lifts small arguments to where the approximation holds.
  if (value < 1) return logGamma(value + 1) - Math.log(value);
  const z = value - 1;
  const sum = LANCZOS.reduce((total, coefficient, at) => total + coefficient / (z + at + 1), 0.9999999999998099);
  const t = z + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (z + 0.5) * Math.log(t) - t + Math.log(sum);
}
