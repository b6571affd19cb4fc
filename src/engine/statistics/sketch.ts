// Durations by how long they were, in buckets whose width is a part of their value: so a quantile is off by 1.6 % at most,
// whatever the durations are. A bucket is the exponent of a number and the first bits of its mantissa, so counting one reads
// no table and computes no logarithm.

/** Of the mantissa; the rest of it does not tell buckets apart. */
const MANTISSA_BITS = 5;
const DROPPED_BITS = 23 - MANTISSA_BITS;
const PER_OCTAVE = 2 ** MANTISSA_BITS;
/** From 2^-10 ms, about a microsecond, to 2^22 ms, more than an hour; what lies beyond counts as the first or the last. */
const LOWEST_EXPONENT = -10;
const OCTAVES = 32;
export const SKETCH_BUCKETS = PER_OCTAVE * OCTAVES;
const FIRST = (127 + LOWEST_EXPONENT) << MANTISSA_BITS;

const number = new Float32Array(1);
const bits = new Uint32Array(number.buffer);

/** Counts a duration; `sketch` has a count for each bucket. */
export function count(sketch: Float64Array, ms: number): void {
  number[0] = ms;
  const bucket = ((bits[0] as number) >>> DROPPED_BITS) - FIRST;
  // What is less than nothing, or no number, has a bucket beyond the last.
  if (!(ms > 0) || bucket < 0) sketch[0]!++;
  else sketch[bucket < SKETCH_BUCKETS ? bucket : SKETCH_BUCKETS - 1]!++;
}

export interface Percentiles {
  readonly count: number;
  /** In ms; null: nothing was counted. */
  readonly p50: number | null;
  readonly p90: number | null;
  readonly p99: number | null;
  readonly max: number | null;
}

export function percentilesOf(sketch: Float64Array): Percentiles {
  let total = 0;
  for (const some of sketch) total += some;
  const at = (part: number) => valueAt(sketch, Math.max(1, Math.ceil(total * part)));
  return { count: total, p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) };
}

/** The middle of the bucket with the duration of that rank, from 1. */
function valueAt(sketch: Float64Array, rank: number): number | null {
  let seen = 0;
  for (const [bucket, some] of sketch.entries()) {
    seen += some;
    if (some > 0 && seen >= rank) return (edgeOf(bucket) + edgeOf(bucket + 1)) / 2;
  }
  return null;
}

function edgeOf(bucket: number): number {
  return 2 ** (LOWEST_EXPONENT + Math.floor(bucket / PER_OCTAVE)) * (1 + (bucket % PER_OCTAVE) / PER_OCTAVE);
}
