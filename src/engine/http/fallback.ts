// Whether a stored response may be served when the origin fails (RFC 5861 §4, RFC 9111 §4.2.4).

import type { StoredResponse } from '../../entry/stored-response.ts';
import type { RequestDemands } from '../../semantics/cache-control.ts';
import { decideReuse } from '../../semantics/reuse.ts';
import type { Context } from '../context.ts';

/**
 * Under which rule the entry may be served now; undefined: not at all. Judged anew, for time has passed since the origin
 * was asked, and the entry may have been invalidated. `status`: of the error answer, when there was one.
 */
export function fallbackRule(
  context: Context,
  entry: StoredResponse,
  failure: { readonly status: number | undefined; readonly demands: RequestDemands },
): 'stale-if-error' | 'grace' | undefined {
  if (!context.ledger.isCurrent(entry)) return undefined;
  const decision = decideReuse(failure.demands, entry, { now: context.clock.now(), outdated: false });
  if (decision.kind !== 'validate') return undefined;
  if (decision.onError === 'serve-stale-if-error') return 'stale-if-error';
  return decision.onError === 'serve-in-grace' && failure.status === undefined ? 'grace' : undefined;
}
