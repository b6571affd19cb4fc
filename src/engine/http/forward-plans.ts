// Ways to the origin: which request is sent there (a client's as it is, one for the whole representation, one that
// validates, one that completes a part), why, and how a flight is started for it.

import { decodeHead, type StoredResponse } from '../../entry/stored-response.ts';
import type { OriginRequest } from '../../ports.ts';
import { requestDemands } from '../../semantics/cache-control.ts';
import type { Fields } from '../../semantics/fields.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import { type ForwardReason, OUTCOME_DETAILS, type Outcome } from '../../semantics/outcome.ts';
import type { ValidateReason } from '../../semantics/reuse.ts';
import { completionFields, validationFields, withoutConditions } from '../../semantics/validation.ts';
import { originFields } from '../answers/edits.ts';
import type { Context } from '../context.ts';
import type { GateRequest } from '../contract.ts';
import { Flight } from './flight.ts';
import { storedPart } from './partial.ts';
import type { Departure, Landing, RunningFlight, Way } from './running-flight.ts';

/** Starts a flight that others may join under `flightKey`. */
export function openFlight(
  context: Context,
  from: Departure & { readonly flightKey: string },
  way: Way,
): RunningFlight {
  const { flights } = context;
  const { flightKey, ...departure } = from;
  const flight = flyAlone(context, departure, { ...way, stores: true });
  // Nobody is to wait for what its client wants kept from all others.
  if (requestDemands(from.request.fields).noStore) return flight;
  flights.set(flightKey, flight);
  flight.whenOver(() => flights.get(flightKey) === flight && flights.delete(flightKey));
  return flight;
}

/** Starts a flight for one client alone; `stores` false: its answer goes by the cache. */
export function flyAlone(context: Context, from: Departure, way: Way & { readonly stores: boolean }): RunningFlight {
  return new Flight(context, { ...way, ...from, abortable: true });
}

/** The way of a request that goes as its client sent it. */
export function wayAsAsked(request: GateRequest, reason: ForwardReason): Way {
  const { method, target, body, bypass } = request;
  const retryable = body === undefined && isSafeMethod(method);
  const forward = { method, target, fields: originFields(request), body, retryable };
  return { forward, asAsked: true, reason, detail: bypass === 'credentials' ? bypass : undefined };
}

/** The way that fills the whole representation. */
export function wayToFill(request: GateRequest, reason: ForwardReason): Way {
  return { forward: asWhole(request), reason };
}

/** The way that validates the stored response, or fills anew where it has no validator that could tell (RFC 9111 §4.3.1). */
export function wayToValidate(
  request: GateRequest,
  entry: StoredResponse,
  why: { readonly outdated: boolean; readonly reason: ForwardReason },
): Way {
  const { outdated, reason } = why;
  const whole = asWhole(request);
  const way = { reason, ...(outdated ? { detail: 'outdated' as const } : { replaces: entry }) };
  const conditions = validationFields(decodeHead(entry.bytes, entry.headBytes), { outdated });
  if (conditions === undefined) return { ...way, forward: whole };
  return { ...way, forward: withFields(whole, conditions), unconditional: whole, validating: entry };
}

/** The way that gets what the stored part lacks; undefined when the two could not be told to be of one representation. */
export function wayToComplete(request: GateRequest, entry: StoredResponse): Way | undefined {
  const { profile } = request.route.policy;
  const part = storedPart(entry, profile);
  const range = part && completionFields(part, profile);
  if (range === undefined) return undefined;
  const whole = asWhole(request);
  const forward = withFields(whole, range);
  return { forward, part: entry, completing: true, unconditional: whole, reason: 'partial' };
}

/** RFC 9211 §2.2: `request` when the client's own wish is the reason, else the stored response was not fit for use. */
export const FORWARD_REASON: { readonly [reason in ValidateReason]: ForwardReason } = {
  'request-no-cache': 'request',
  'request-max-age': 'request',
  'request-min-fresh': 'request',
  outdated: 'stale',
  'no-cache': 'stale',
  stale: 'stale',
};

/** Where a landing came from, for one who waited for it. */
export interface Landed {
  readonly flight: RunningFlight;
  readonly way: Way;
  readonly collapsed: boolean;
}

/** The outcome of a request that went forward. Without a status the origin did not answer. */
export function forwardedOutcome(from: Landed, forwardStatus: number | undefined): Outcome {
  const { way, collapsed } = from;
  const detail = forwardStatus === 304 ? 'validated' : way.detail;
  return {
    hit: false,
    forward: way.reason,
    ...(forwardStatus !== undefined && { forwardStatus }),
    ...(collapsed && { collapsed }),
    ...(detail !== undefined && { detail }),
  };
}

/** The outcome while the response is still arriving: whether it is being stored, or the engine's reason against it. */
export function responseOutcome(from: Landed, landing: Landing & { kind: 'response' }): Outcome {
  const { head, draft, refusal } = landing;
  const outcome = forwardedOutcome(from, head.status);
  const detail = OUTCOME_DETAILS.find((one) => one === refusal);
  const judged = draft !== undefined || refusal !== undefined;
  return { ...outcome, ...(detail && { detail }), ...(judged && { stored: refusal === undefined }) };
}

/** A GET for the whole representation: the client's conditions and ranges are answered from it (RFC 9111 §4.3.2). */
function asWhole(request: GateRequest): OriginRequest {
  const fields = withoutConditions(originFields(request));
  return { method: 'GET', target: request.target, fields, body: undefined, retryable: true };
}

function withFields(request: OriginRequest, added: Fields): OriginRequest {
  return { ...request, fields: [...request.fields, ...added] };
}
