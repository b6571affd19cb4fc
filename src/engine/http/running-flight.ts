// A flight as those see it who wait for it, or consider to: its plan, how it lands and ends, when a request may wait for
// it, and when it may have what came of it (collapsed forwarding, RFC 9111 §4). The ledger says whether the read is new
// enough; here is what HTTP adds. The question is asked twice: at the door, by URI and origin, and at the landing, when the
// tags are known.

import type { EntryLedger } from '../../entry/key.ts';
import type { StoredResponse } from '../../entry/stored-response.ts';
import type { TidegateError } from '../../errors.ts';
import type { Subject } from '../../ledger/invalidations.ts';
import type { Arrival, Fill } from '../../ledger/ledger.ts';
import type { Eventually, OriginRequest } from '../../ports.ts';
import type { RequestDemands } from '../../semantics/cache-control.ts';
import type { ResponseHead } from '../../semantics/fields.ts';
import { mayServe } from '../../semantics/freshness.ts';
import type { Tags } from '../../semantics/invalidation.ts';
import type { ForwardReason, OutcomeDetail } from '../../semantics/outcome.ts';
import { decideReuse } from '../../semantics/reuse.ts';
import type { GateRequest } from '../contract.ts';
import { type Draft, type Refusal, requestVariantKey } from './draft.ts';
import type { FillBody } from './fill-body.ts';

/** A request to the origin, and the reason it is sent. */
export interface ForwardPlan {
  readonly forward: OriginRequest;
  /** True: the request carries the client's own conditions and ranges, so that the origin answers them. */
  readonly asAsked?: boolean;
  /** The stored response that a 304 would freshen. */
  readonly validating?: StoredResponse;
  /** The stored part that a 206 would add to. */
  readonly part?: StoredResponse;
  /** True: the client wants the whole body, and the request asks for the rest that `part` lacks. */
  readonly completing?: boolean;
  /** The gate forwards this one instead if the answer to the condition or the range is of no use. */
  readonly unconditional?: OriginRequest;
  /** The stored response it would replace, when that is current: an error of the moment must not. */
  readonly replaces?: StoredResponse;
  /** The invalidated one that it would replace. */
  readonly outdated?: StoredResponse;
  readonly reason: ForwardReason;
  readonly detail?: OutcomeDetail | undefined;
}

/** Whose flight it is. */
export interface FlightOwner {
  readonly request: GateRequest;
  /** Plain cache key of what is fetched. */
  readonly key: string;
  /** Interim responses go to the one client the flight was started for. */
  readonly onInterim?: (head: ResponseHead) => void;
}

export interface FlightPlan extends ForwardPlan, FlightOwner {
  /** False: the flight is a pass, and its answer is never stored. */
  readonly stores: boolean;
  /** False: the flight goes on even when nobody waits for it, since the origin may already have acted on the request. */
  readonly abortable: boolean;
  /** Runs at the origin's head, before anyone hears of it. */
  readonly beforeLanding?: (head: ResponseHead, fill: Fill) => Eventually<unknown>;
  /** Runs when no head has come, before anyone hears of it. */
  readonly beforeFailure?: (error: TidegateError, isUnsent?: boolean) => Eventually<unknown>;
}

/** How a flight ended for those who wait. */
export type Landing =
  /** A stored response, validated or completed just now. */
  | {
      readonly kind: 'entry';
      readonly entry: StoredResponse;
      /** Its selecting header fields. */
      readonly names: readonly string[];
      readonly forwardStatus: number;
      /** False: only the client that sent the request may have the answer. */
      readonly shareable: boolean;
    }
  | {
      readonly kind: 'response';
      readonly head: ResponseHead;
      readonly draft: Draft | undefined;
      /** Why it is not stored, as far as the head tells. */
      readonly refusal: Refusal | undefined;
      readonly body: FillBody;
    }
  | { readonly kind: 'failed'; readonly error: TidegateError };

export type FlightEnd =
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly error: TidegateError | undefined };

export interface RunningFlight {
  readonly plan: FlightPlan;
  readonly fill: Fill;
  /** Time from sending to the origin's head, once it is there. */
  readonly forwardMs: number | undefined;
  /** Tags of its response, once the head is there. */
  readonly tags: Tags;
  /** The entry that it is about to store, or that others may share at least, once the head is there. */
  readonly draft: Draft | undefined;
  /** True as long as its answer is, or may turn out to be, one that others can share. */
  readonly joinable: boolean;
  /** Calls the waiter once, at the landing; at once if that has come. The result takes the waiter back. */
  whenLanded(waiter: (landing: Landing) => void): () => void;
  /** Calls the waiter once, when nothing more is going to come: what was stored, or why nothing was. */
  whenOver(waiter: (end: FlightEnd) => void): void;
  /** Nobody is going to read the body of a response that is not stored. */
  releaseUnread(): void;
}

export interface Joiner extends Pick<FlightOwner, 'request' | 'key'> {
  readonly arrival: Arrival;
  readonly demands: RequestDemands;
}

/** At the door: may the joiner wait for the flight? */
export function mayJoin(flight: RunningFlight, joiner: Joiner, ledger: EntryLedger): boolean {
  const { draft, plan } = flight;
  // Where the route is retired it was sent by rules that a reload has replaced.
  if (!flight.joinable || plan.request.route.retired()) return false;
  // Its head is there: a reload came later, and asks for another.
  if (draft !== undefined && isReload(joiner.demands)) return false;
  if (draft !== undefined && draft.key !== requestVariantKey(joiner.key, draft.names, joiner.request)) return false;
  return ledger.mayShare(flight.fill, joiner.arrival, subjectOfFlight(flight, draft?.tags ?? []));
}

/** At the landing: may the joiner have the result? If not it asks again, on its own if need be. */
export function mayShare(what: {
  readonly landing: Landing;
  readonly flight: RunningFlight;
  readonly joiner: Joiner;
  readonly now: number;
  readonly ledger: EntryLedger;
}): boolean {
  const { landing, flight, joiner, now, ledger } = what;
  if (landing.kind === 'failed') return true;
  if (landing.kind === 'entry' && !landing.shareable) return false;
  const shared = landing.kind === 'entry' ? landing.entry : landing.draft;
  const names = landing.kind === 'entry' ? landing.names : landing.draft?.names;
  // Not to be stored, so not to be shared: it may be for the first client alone.
  if (shared === undefined || names === undefined) return false;
  if (shared.key !== requestVariantKey(joiner.key, names, joiner.request)) return false;
  if (!mayServe(shared.terms, joiner.request.fields, joiner.request.route.policy)) return false;
  if (!ledger.mayShare(flight.fill, joiner.arrival, subjectOfFlight(flight, shared.tags))) return false;
  // A reload's demand is met by an answer fresh from the origin.
  const demands = isReload(joiner.demands)
    ? { ...joiner.demands, noCache: false, maxAgeMs: undefined }
    : joiner.demands;
  return decideReuse(demands, shared, { now, outdated: false }).kind === 'serve';
}

function isReload({ noCache, maxAgeMs }: RequestDemands): boolean {
  return noCache || maxAgeMs === 0;
}

function subjectOfFlight({ plan }: RunningFlight, tags: readonly string[]): Subject {
  const { uri, route } = plan.request;
  return { uri, origin: route.originName, tags };
}
