// An unsafe request on its way through: what it may change is invalidated before its client is answered (RFC 9111 §4.4,
// RFC 9875 §3), and while it is under way nothing that it may change is stored.
//
// An outcome can stay unknown. A connection that broke, a time-out or a 5xx does not say whether the
// origin carried the write out, or will yet. Then the target is invalidated, and stays unstorable for a while, after
// which it is invalidated once more.

import { ownedName } from '../../entry/key.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Fill } from '../../ledger/ledger.ts';
import type { Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Eventually } from '../../ports.ts';
import type { ResponseHead } from '../../semantics/fields.ts';
import { groupsInvalidated, invalidatedUris } from '../../semantics/invalidation.ts';
import { fieldsForCaches, tagsOfAnswer } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import type { GateRequest } from '../contract.ts';
import { after } from '../eventually.ts';
import { invalidateBy } from '../invalidating.ts';
import { Flight } from './flight.ts';
import type { FlightOwner, FlightPlan, ForwardPlan, RunningFlight } from './running-flight.ts';

/** Forwards the write. It is carried through even when the client goes away: the origin may have begun. */
export function startWrite(context: Context, from: FlightOwner, forwardPlan: ForwardPlan): RunningFlight {
  const { request } = from;
  let closeIntent: (() => void) | undefined;
  const beforeSending = () => {
    const over = context.writes?.open(request);
    if (over instanceof TidegateError) return Promise.reject(over);
    const close = context.invalidator.openIntent(request.uri);
    closeIntent = () => {
      close();
      over?.();
    };
    return inForce(context);
  };
  const plan: FlightPlan = {
    ...forwardPlan,
    ...from,
    forward: { ...forwardPlan.forward, beforeSending },
    stores: request.method === 'POST' && !request.bypass,
    abortable: false,
    beforeLanding: (head, fill) => {
      const named = namedBy(request, head);
      // A 5xx may come after the change was made. RFC 9111 does not ask for an invalidation then; never outdated does.
      const isSafe = request.route.policy.profile === 'safe';
      if (head.status >= 500 && head.status !== NOT_IMPLEMENTED && isSafe)
        return holdUnknown(context, request.uri, { named, closeIntent });
      const counts = countAfter(context, named, { request, head, fill });
      // Only now: a gate that ends between the two finds the intent open when it begins again.
      closeIntent?.();
      return after(counts, () => context.rehydrator?.invalidated(named, context.tiers));
    },
    beforeFailure: (error, isUnsent) => {
      const isSent = closeIntent !== undefined && isUnsent !== true && !NOT_SENT.has(error.code);
      if (isSent && error.code === 'E_ABANDONED') context.writes?.brokenOff(request);
      return isSent ? holdUnknown(context, request.uri, { closeIntent }) : closeIntent?.();
    },
  };
  return new Flight(context, plan);
}

/** Settles when the intent just opened is in force everywhere; see GateOptions. */
function inForce({ intentsInForce, answersUnlogged }: Context): Promise<unknown> | undefined {
  return intentsInForce?.()?.catch((error: unknown) => {
    if (answersUnlogged) return;
    const text = `expected the log to take the intent of a write, got ${messageOf(error)}`;
    throw new TidegateError('E_LOG', text, { cause: error });
  });
}

/** Failures after which the origin cannot have seen the request; E_LOG: the intent was refused. */
const NOT_SENT: ReadonlySet<string> = new Set([
  'E_ORIGIN_CONNECT',
  'E_ORIGIN_OPEN',
  'E_ORIGIN_BUSY',
  'E_OVERLOAD',
  'E_LOG',
]);

/** The origin does not know the method, so it changed nothing (RFC 9110 §15.6.2); a 405 is no 5xx. */
const NOT_IMPLEMENTED = 501;

/**
 * Invalidates what the answer names. The answer shows the state after the write, so the write's own invalidation does not
 * make it outdated; any other since its sending does.
 */
function countAfter(
  context: Context,
  named: readonly Selector[],
  answer: { readonly request: GateRequest; readonly head: ResponseHead; readonly fill: Fill },
): Eventually<void> {
  const { ledger } = context;
  const { request, head, fill } = answer;
  if (named.length === 0) return undefined;
  const { tags } = tagsOfAnswer(head, request);
  const isAffected = ledger.isAffected(fill, { uri: request.uri, origin: request.route.originName, tags });
  const before = ledger.applied;
  return after(invalidateBy(context, 'write', named), (positions) => {
    if (!isAffected && areNext(positions, before)) ledger.fills.countFrom(fill, before + positions.length);
  });
}

/** True when nothing else was appended between them: of what others invalidated meanwhile nothing is known. */
function areNext(positions: readonly Position[], before: Position): boolean {
  return Math.min(...positions) === before + 1 && Math.max(...positions) === before + positions.length;
}

/** RFC 9111 §4.4, and RFC 9875 §3, which has no regard to the status. */
function namedBy(request: GateRequest, head: ResponseHead): Selector[] {
  const uris = invalidatedUris(request.uri, head).map((uri) => request.route.cacheUri(uri));
  const groups = groupsInvalidated(request, fieldsForCaches(head, request.route));
  const tags = groups.map((tag) => ownedName(tag, request.route.owner));
  return [...uris.map((uri) => ({ kind: 'url', uri }) as const), ...tags.map((tag) => ({ kind: 'tag', tag }) as const)];
}

/**
 * Invalidates the target, and what the answer named if there was one, now and once more when the hold is over. `closeIntent`:
 * of the intent that is already open on the URI.
 */
export function holdUnknown(
  context: Context,
  uri: string,
  hold: { readonly named?: readonly Selector[]; readonly closeIntent?: (() => void) | undefined } = {},
): Eventually<unknown> {
  const { invalidator, tasks, unknownOutcomeMs } = context;
  const { named = [], closeIntent = invalidator.openIntent(uri) } = hold;
  const affected: Selector[] = [{ kind: 'url', uri }, ...named];
  tasks.later(unknownOutcomeMs, () => {
    for (const selector of affected) invalidator.invalidateSoon(selector, 'write');
    closeIntent();
    context.rehydrator?.invalidated(affected, context.tiers);
  });
  return invalidateBy(context, 'write', affected);
}
