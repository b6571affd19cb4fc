// A fill for which no client waits: the entry that a client's request would find, or make, is made before one asks.
//
// It is the very fill of a client. It takes the same look-up, joins or opens the same flights, and
// its result goes the same way into the tiers, so that its stamp keeps it from storing what was invalidated meanwhile.

import { cacheKey, codingOf } from '../../entry/key.ts';
import type { StoredResponse } from '../../entry/stored-response.ts';
import { NO_DEMANDS } from '../../semantics/cache-control.ts';
import { fieldValue, parseHttpDate, type ResponseHead } from '../../semantics/fields.ts';
import { currentAgeMs, decideReuse } from '../../semantics/reuse.ts';
import type { Context } from '../context.ts';
import type { GateRequest, PopulateResult } from '../contract.ts';
import { isMomentary, requestVariantKey } from '../http/draft.ts';
import { openFlight, planToComplete, planToFill, planToValidate } from '../http/forward-plans.ts';
import { select } from '../http/lookup.ts';
import { type FlightEnd, type ForwardPlan, mayJoin, type RunningFlight } from '../http/running-flight.ts';

/** Flights of others that one fill joins before it opens its own: they may bring another variant. */
const MAX_JOINS = 2;

const FRESH: PopulateResult = Object.freeze({ kind: 'fresh' });

/**
 * Fills what the request would be answered with, unless a stored response answers it as it is, and goes on to do so until
 * `freshUntilMs`, in ms since the Unix epoch.
 */
export async function populateOne(
  context: Context,
  request: GateRequest,
  freshUntilMs = Number.NEGATIVE_INFINITY,
): Promise<PopulateResult> {
  if (request.method !== 'GET') return { kind: 'refused', reason: 'method' };
  if (request.bypass) return { kind: 'refused', reason: request.bypass === true ? 'bypass' : request.bypass };
  const key = cacheKey(request.route, 'GET', request.uri);
  const arrival = context.ledger.arrive();
  for (let joins = 0; ; joins++) {
    // What another has just filled is not filled again, however short its lifetime.
    const at = Math.max(context.clock.now(), joins === 0 ? freshUntilMs : 0);
    if (isHeld(context, { key, at }, request)) return FRESH;
    const selection = await select(context, key, request);
    const { entry, miss = 'miss' } = selection;
    const plan = entry === undefined ? planToFill(request, miss) : planFrom(context, { entry, at }, request);
    if (plan === undefined) return FRESH;
    if (context.tally.isHitForMiss(key)) return { kind: 'refused', reason: 'hit-for-miss' };
    const other = context.flights.get(selection.key);
    const joined =
      joins < MAX_JOINS &&
      other !== undefined &&
      mayJoin(other, { arrival, demands: NO_DEMANDS, key, request }, context.ledger);
    const flight = joined ? other : openFlight(context, { request, key, flightKey: selection.key }, plan);
    const result = await resultOf(context, flight);
    if (!joined || result.kind !== 'stored') return result;
  }
}

/**
 * True when the fastest tier holds what would be served then. Asked first, because unlike a look-up it is no use of the entry:
 * an entry that only a schedule asks for must not count as popular.
 */
function isHeld(
  context: Context,
  { key, at }: { readonly key: string; readonly at: number },
  request: GateRequest,
): boolean {
  const { originName } = request.route;
  return context.tiers.held({ kind: 'url', uri: request.uri }).some((note) => {
    if (note.kind !== 'response' || note.status === 206 || !isSelected(note.key, key, request)) return false;
    const affected = context.ledger.isAffectedSince(
      { epoch: note.epoch, position: note.stamp },
      { uri: request.uri, origin: originName, tags: note.tags },
    );
    return !affected && currentAgeMs(note.bornMs, at) < note.lifetimeMs;
  });
}

/** True when the stored key is that of the variant that the request selects. */
function isSelected(stored: string, key: string, request: GateRequest): boolean {
  // In a content coding it is of use beside the entry that it was made from, and no other way.
  if (!stored.startsWith(key) || codingOf(stored) !== undefined) return false;
  const lines = stored.slice(key.length).split('\n').slice(1);
  const names = lines.map((line) => line.split(':', 1)[0] as string);
  return requestVariantKey(key, names, request) === stored;
}

/** The plan; undefined when there is nothing to ask, since the entry may be served then. */
function planFrom(
  context: Context,
  { entry, at }: { readonly entry: StoredResponse; readonly at: number },
  request: GateRequest,
): ForwardPlan | undefined {
  const outdated = !context.ledger.isCurrent(entry);
  const { kind } = decideReuse(NO_DEMANDS, entry, { now: at, outdated });
  if (entry.status === 206) {
    return (kind === 'serve' ? planToComplete(request, entry) : undefined) ?? planToFill(request, 'miss');
  }
  if (kind === 'serve') return undefined;
  // Every use of it is validated anyway, so to validate it now would spare nobody anything.
  if (!outdated && (entry.terms.noCache || entry.terms.lifetimeMs <= 0)) return undefined;
  return planToValidate(request, entry, { outdated, reason: 'stale' });
}

/** How the flight ends. The head already says that an answer is not stored, and its readers may take long. */
function resultOf(context: Context, flight: RunningFlight): Promise<PopulateResult> {
  return new Promise((resolve) => {
    let head: ResponseHead | undefined;
    const over = (end: FlightEnd) => {
      const { forwardMs } = flight;
      resolve({ ...resultFrom(end, head, context.clock.now()), ...(forwardMs !== undefined && { forwardMs }) });
    };
    flight.whenOver(over);
    flight.whenLanded((landed) => {
      if (landed.kind !== 'response') return;
      head = landed.head;
      if (landed.refusal !== undefined) over({ kind: 'refused', refusal: landed.refusal });
    });
  });
}

function resultFrom(end: FlightEnd, head: ResponseHead | undefined, now: number): PopulateResult {
  if (end.kind === 'failed') return { kind: 'failed', reason: end.error?.code ?? 'unknown' };
  if (end.kind === 'stored') return { kind: 'stored' };
  if (head === undefined || !isMomentary(head.status)) return { kind: 'refused', reason: end.refusal };
  const retryAfterMs = parseRetryAfter(fieldValue(head.fields, 'retry-after'), now);
  const asked = retryAfterMs === undefined ? {} : { retryAfterMs };
  return { kind: 'failed', reason: `status-${head.status}`, ...asked };
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function parseRetryAfter(value: string | undefined, now: number): number | undefined {
  if (value === undefined) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = parseHttpDate(value, now);
  return date === undefined ? undefined : Math.max(0, date - now);
}

/** Another attempt: not before `delayMs`. `attempts`: so many have counted. `pause`: the origin wants to be left alone. */
export interface NextAttempt {
  readonly delayMs: number;
  readonly attempts: number;
  readonly pause?: { readonly retryAfterMs: number | undefined };
}

const MAX_ATTEMPTS = 3;
const RETRY_MS = 1_000;

/** Refusals after which another attempt may succeed. */
const RETRIED: ReadonlySet<string> = new Set(['invalidated-during-fill', 'intent-open', 'overtaken', 'route-retired']);
/** Failures that say: not now. */
const BUSY: ReadonlySet<string> = new Set(['status-429', 'status-503', 'E_ORIGIN_BUSY']);

/** Undefined: the result counts. `attempts`: those before this one. */
export function nextAttempt(result: PopulateResult, attempts: number): NextAttempt | undefined {
  if (result.kind === 'fresh' || result.kind === 'stored') return undefined;
  const { reason } = result;
  // It was not asked, so that was no attempt; the breaker lets one through when its time has come.
  // An origin that never answers is given up by its pace.
  if (reason === 'E_ORIGIN_OPEN' || reason === 'E_OVERLOAD')
    return { delayMs: 0, attempts, pause: { retryAfterMs: undefined } };
  if (attempts + 1 >= MAX_ATTEMPTS || (result.kind === 'refused' && !RETRIED.has(reason))) return undefined;
  if (result.kind === 'failed' && BUSY.has(reason)) {
    return { delayMs: 0, attempts: attempts + 1, pause: { retryAfterMs: result.retryAfterMs } };
  }
  // An entry that was invalidated meanwhile is read anew at once.
  return { delayMs: reason === 'invalidated-during-fill' ? 0 : RETRY_MS * 2 ** attempts, attempts: attempts + 1 };
}
