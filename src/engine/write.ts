// An unsafe request on its way through: what it may change is invalidated before its client is answered (RFC 9111 §4.4,
// RFC 9875 §3), and while it is under way nothing that it may change is stored.
//
// The one complication: an outcome can stay unknown. A connection that broke, a time-out or a 5xx does not say whether the
// origin carried the write out, or will yet. Then the target is invalidated, and stays unstorable for a while, after
// which it is invalidated once more.

import type { Selector } from '../dependency/selector.ts';
import type { ResponseHead } from '../semantics/fields.ts';
import { groupsInvalidated, tagsOf } from '../semantics/tags.ts';
import { invalidatedUris } from '../semantics/unsafe.ts';
import type { Context } from './context.ts';
import type { GateRequest } from './contract.ts';
import type { Departure, Way } from './departures.ts';
import { Flight } from './flight.ts';
import type { FlightPlan, RunningFlight } from './flight-plan.ts';
import type { Stamp } from './invalidator.ts';

/** Forwards the write. It is carried through even when the client goes away: the origin may have begun. */
export function startWrite(context: Context, from: Departure, way: Way): RunningFlight {
  const { request, key, onInterim } = from;
  const closeIntent = context.invalidator.openIntent(request.uri);
  const plan: FlightPlan = {
    ...way,
    request,
    key,
    stores: request.method === 'POST' && !request.bypass,
    abortable: false,
    beforeLanding: (head, stamp) => {
      const counts = invalidateAfter(context, { request, head, stamp });
      if (isUnknownOutcome(request, head)) holdUnknown(context, request, { closeIntent, head });
      else closeIntent();
      return counts;
    },
  };
  const flight = new Flight(context, plan, onInterim);
  flight.whenLanded((landing) => {
    if (landing.kind !== 'failed') return;
    if (NOT_SENT.has(landing.error.code)) closeIntent();
    else holdUnknown(context, request, { closeIntent });
  });
  return flight;
}

/** Failures after which the origin cannot have seen the request. */
const NOT_SENT: ReadonlySet<string> = new Set(['E_ORIGIN_CONNECT', 'E_ORIGIN_OPEN']);

/** A 5xx may come after the change was made. RFC 9111 does not ask for an invalidation then; never outdated does. */
function isUnknownOutcome(request: GateRequest, head: ResponseHead): boolean {
  return head.status >= 500 && request.route.policy.profile === 'safe';
}

/**
 * Invalidates what the answer names; returns the stamp from which the answer itself counts. It shows the state after the
 * write, so the write's own invalidation does not make it outdated; any other since its sending does.
 */
function invalidateAfter(
  context: Context,
  answer: { readonly request: GateRequest; readonly head: ResponseHead; readonly stamp: Stamp },
): Stamp {
  const { request, head, stamp } = answer;
  const { invalidator } = context;
  const named = namedBy(request, head);
  if (named.length === 0) return stamp;
  const { tags } = tagsOf(head.fields, request.uri);
  const affected = invalidator.isAffectedSince(stamp, { uri: request.uri, origin: request.route.originName, tags });
  for (const selector of named) invalidator.invalidate(selector);
  return affected ? stamp : invalidator.stamp();
}

/** RFC 9111 §4.4, and RFC 9875 §3, which has no regard to the status. */
function namedBy(request: GateRequest, head: ResponseHead): Selector[] {
  const uris = invalidatedUris(request.uri, head).map((uri) => request.route.cacheUri(uri));
  const tags = groupsInvalidated(request, head.fields);
  return [...uris.map((uri) => ({ kind: 'url', uri }) as const), ...tags.map((tag) => ({ kind: 'tag', tag }) as const)];
}

/** Invalidates the target, and what the answer named if there was one, now and once more when the hold is over. */
function holdUnknown(context: Context, request: GateRequest, hold: Hold): void {
  const { invalidator, tasks, unknownOutcomeMs } = context;
  const target: Selector = { kind: 'url', uri: request.uri };
  invalidator.invalidate(target);
  const named = hold.head === undefined ? [] : namedBy(request, hold.head);
  tasks.later(unknownOutcomeMs, () => {
    for (const selector of [target, ...named]) invalidator.invalidate(selector);
    hold.closeIntent();
  });
}

interface Hold {
  readonly closeIntent: () => void;
  readonly head?: ResponseHead;
}
