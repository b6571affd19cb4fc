// Whether a fresh entry is soon to be stale, and is to be filled again before it is.

import type { StoredValue } from '../../entry/stored-value.ts';
import type { Clock, Random } from '../../ports.ts';
import type { FillTerms } from './value-contract.ts';

export function isDueEarly(
  { bornMs, lifetimeMs: untilMs, fillMs, sliding }: StoredValue,
  early: FillTerms['earlyRefresh'],
  { clock, random }: { readonly clock: Pick<Clock, 'now'>; readonly random: Random },
): boolean {
  // One that ends for want of use has nobody to be filled for.
  const lifetimeMs = sliding?.limitMs ?? untilMs;
  if (early === undefined || lifetimeMs === Number.POSITIVE_INFINITY) return false;
  const ageMs = clock.now() - bornMs;
  // XFetch with beta 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
  if (early === 'probabilistic') return ageMs - fillMs * Math.log(1 - random()) >= lifetimeMs;
  return ageMs >= early * lifetimeMs;
}
