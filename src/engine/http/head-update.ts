// Freshens or invalidates the stored response to GET by a HEAD response (RFC 9111 §4.3.5).

import { keyParts } from '../../entry/key.ts';
import { decodeHead, type Entry, type StoredResponse } from '../../entry/stored-response.ts';
import { etagsMatchStrong, headUpdate, validators } from '../../semantics/validation.ts';
import type { Context } from '../context.ts';
import type { GateRequest } from '../contract.ts';
import type { Landing, RunningFlight } from './flight-plan.ts';
import { freshen } from './freshening.ts';
import { storeFill } from './store-fill.ts';

/**
 * Freshens or invalidates the stored response. An outdated one is freshened only where a strong validator, found again
 * in the HEAD, vouches for its body; else it waits for a GET.
 */
export function updateByHead(
  context: Context,
  what: { flight: RunningFlight; landing: Landing; entry: StoredResponse; request: GateRequest },
): void {
  const { flight, landing, entry, request } = what;
  if (landing.kind !== 'response') return;
  const stored = decodeHead(entry.bytes, entry.headBytes);
  const update = headUpdate(stored, landing.head.status, landing.head.fields);
  if (update === 'invalidate') context.invalidator.invalidateSoon({ kind: 'url', uri: keyParts(entry.key).uri });
  if (update !== 'freshen') return;
  const [had = '', said = ''] = [validators(stored).etag, validators(landing.head.fields).etag];
  const vouched = etagsMatchStrong(had, said);
  if (!vouched && !context.ledger.isCurrent(entry)) return;
  const now = context.clock.now();
  const timing = { requestTimeMs: now - (flight.forwardMs ?? 0), responseTimeMs: now };
  const { key } = flight.plan;
  // Another answer may have been stored in the meantime; the HEAD was not about that one.
  const found = context.tiers.get(entry.key);
  const { fill, tags } = flight;
  const freshened = freshen(entry, { update: landing.head, request, key, timing, stamp: fill.stamp, tags });
  if (freshened.refusal !== undefined) return;
  const filled = { entry: freshened.entry, key, names: freshened.names, fill, route: request.route };
  if (!(found instanceof Promise)) {
    if (isOfOneFill(found, entry)) storeFill(context, filled);
  } else {
    // By then the flight may have ended, and a later one have stored what it read.
    const { fills } = context.ledger;
    const again = fills.again(fill);
    found
      .then((later) => isOfOneFill(later, entry) && storeFill(context, { ...filled, fill: again }))
      .catch(context.fault)
      .finally(() => fills.end(again));
  }
}

/** True when the two are one entry: a tier may make it anew each time it is asked. */
function isOfOneFill(found: Entry | undefined, entry: StoredResponse): boolean {
  if (found?.kind !== 'response') return false;
  return found.epoch === entry.epoch && found.stamp === entry.stamp && found.bornMs === entry.bornMs;
}
