// Plans of forwarding to the origin: which request is sent there (a client's as it is, one for the whole representation, one that
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
import type { FlightOwner, ForwardPlan, Landing, RunningFlight } from './running-flight.ts';

/** Starts a flight that others may join under `flightKey`. */
export function openFlight(
  context: Context,
  from: FlightOwner & { readonly flightKey: string },
  plan: ForwardPlan,
): RunningFlight {
  const { flights } = context;
  const { flightKey, ...owner } = from;
  const flight = flyAlone(context, owner, { ...plan, stores: true });
  // Nobody is to wait for what its client wants kept from all others.
  if (requestDemands(from.request.fields).noStore) return flight;
  flights.set(flightKey, flight);
  flight.whenOver(() => flights.get(flightKey) === flight && flights.delete(flightKey));
  return flight;
}

/** Starts a flight for one client alone; `stores` false: its answer bypasses the cache. */
export function flyAlone(
  context: Context,
  from: FlightOwner,
  plan: ForwardPlan & { readonly stores: boolean },
): RunningFlight {
  return new Flight(context, { ...plan, ...from, abortable: true });
}

/** The plan of a request that goes as its client sent it. */
export function planAsAsked(request: GateRequest, reason: ForwardReason): ForwardPlan {
  const { method, target, body, bypass, client, connection } = request;
  const retryable = body === undefined && isSafeMethod(method);
  const forward = { method, target, fields: originFields(request), body, retryable, client, connection };
  return { forward, asAsked: true, reason, detail: typeof bypass === 'string' ? bypass : undefined };
}

/** The plan that fills the whole representation. */
export function planToFill(request: GateRequest, reason: ForwardReason): ForwardPlan {
  return { forward: asWhole(request), reason };
}

/** The plan that validates the stored response, or fills anew where it has no validator that could tell (RFC 9111 §4.3.1). */
export function planToValidate(
  request: GateRequest,
  entry: StoredResponse,
  why: { readonly outdated: boolean; readonly reason: ForwardReason },
): ForwardPlan {
  const { outdated, reason } = why;
  const whole = asWhole(request);
  const plan = { reason, ...(outdated ? { detail: 'outdated' as const, outdated: entry } : { replaces: entry }) };
  const conditions = validationFields(decodeHead(entry.bytes, entry.headBytes), { outdated });
  if (conditions === undefined) return { ...plan, forward: whole };
  return { ...plan, forward: withFields(whole, conditions), unconditional: whole, validating: entry };
}

/** The plan that gets what the stored part lacks; undefined when the two could not be told to be of one representation. */
export function planToComplete(request: GateRequest, entry: StoredResponse): ForwardPlan | undefined {
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
  readonly plan: ForwardPlan;
  readonly collapsed: boolean;
}

/** The outcome of a request that went forward. Without a status the origin did not answer. */
export function forwardedOutcome(from: Landed, forwardStatus: number | undefined): Outcome {
  const { plan, collapsed } = from;
  const detail = forwardStatus === 304 ? 'validated' : plan.detail;
  return {
    hit: false,
    forward: plan.reason,
    ...(forwardStatus !== undefined && { forwardStatus }),
    ...(collapsed && { collapsed }),
    ...(detail !== undefined && { detail }),
  };
}

/** The outcome while the response is still arriving: whether it is being stored, or the reason against it. */
export function responseOutcome(from: Landed, landing: Landing & { kind: 'response' }): Outcome {
  const { head, draft, refusal } = landing;
  const outcome = forwardedOutcome(from, head.status);
  const detail = OUTCOME_DETAILS.find((one) => one === refusal);
  const judged = draft !== undefined || refusal !== undefined;
  return {
    ...outcome,
    ...(detail && { detail }),
    ...(judged && { stored: refusal === undefined }),
    ...(refusal !== undefined && { refusal }),
  };
}

/** A GET for the whole representation: the client's conditions and ranges are answered from it (RFC 9111 §4.3.2). */
function asWhole(request: GateRequest): OriginRequest {
  const fields = withoutConditions(originFields(request));
  const { target, client, connection } = request;
  return { method: 'GET', target, fields, body: undefined, retryable: true, client, connection };
}

function withFields(request: OriginRequest, added: Fields): OriginRequest {
  return { ...request, fields: [...request.fields, ...added] };
}
