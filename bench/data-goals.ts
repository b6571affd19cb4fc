// Goals of the bench `data`: ratios, each within a bound.

import type { Goal } from './report.ts';

export function over(ours: number | undefined, theirs: number | undefined): number | undefined {
  return ours === undefined || theirs === undefined ? undefined : ours / theirs;
}

export function atMost(name: string, bound: number, got: number | undefined): Goal {
  return { name, bound: `<= ${bound} x`, got: told(got), met: got !== undefined && got <= bound };
}

export function atLeast(name: string, bound: number, got: number | undefined): Goal {
  return { name, bound: `>= ${bound} x`, got: told(got), met: got !== undefined && got >= bound };
}

export function told(ratio: number | undefined): string {
  return ratio === undefined ? 'not measured' : `${ratio.toFixed(2)} x`;
}
