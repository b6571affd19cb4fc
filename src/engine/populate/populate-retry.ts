// What follows from the end of a fill: it counts as it is, or the URL is filled once more.

import type { PopulateResult } from '../contract.ts';

export type AfterFill =
  | { readonly kind: 'count' }
  /** `delayMs`: not before that. `attempts`: so many have counted. `pause`: the origin wants to be left alone. */
  | {
      readonly kind: 'again';
      readonly delayMs: number;
      readonly attempts: number;
      readonly pause?: { readonly retryAfterMs: number | undefined };
    };

const MAX_ATTEMPTS = 3;
const RETRY_MS = 1_000;

/** Refusals that may not stand a moment later. */
const PASSING: ReadonlySet<string> = new Set(['invalidated-during-fill', 'intent-open', 'overtaken', 'route-retired']);
/** Failures that say: not now. */
const BUSY: ReadonlySet<string> = new Set(['status-429', 'status-503']);

/** `attempts`: those before this one. */
export function afterFill(result: PopulateResult, attempts: number): AfterFill {
  if (result.kind === 'fresh' || result.kind === 'stored') return { kind: 'count' };
  const { reason } = result;
  // It was not asked, so that was no attempt; the breaker lets one through when its time has come.
  // An origin that never answers is given up by its pace.
  if (reason === 'E_ORIGIN_OPEN') return { kind: 'again', delayMs: 0, attempts, pause: { retryAfterMs: undefined } };
  if (attempts + 1 >= MAX_ATTEMPTS || (result.kind === 'refused' && !PASSING.has(reason))) return { kind: 'count' };
  const again = { kind: 'again', attempts: attempts + 1 } as const;
  if (result.kind === 'failed' && BUSY.has(reason)) {
    return { ...again, delayMs: 0, pause: { retryAfterMs: result.retryAfterMs } };
  }
  // What was invalidated meanwhile is read anew at once: that is what it waits for.
  const delayMs = reason === 'invalidated-during-fill' ? 0 : RETRY_MS * 2 ** attempts;
  return { ...again, delayMs };
}
