// The plan of a flight, and how it ends for those who wait. Types only.

import type { StoredResponse } from '../../entry/stored-response.ts';
import type { TidegateError } from '../../errors.ts';
import type { Fill } from '../../ledger/fills.ts';
import type { Eventually, OriginRequest } from '../../ports.ts';
import type { ResponseHead } from '../../semantics/fields.ts';
import type { Tags } from '../../semantics/tags.ts';
import type { GateRequest } from '../contract.ts';
import type { Draft, Refusal } from './draft.ts';
import type { FillBody } from './fill-body.ts';

/** The work of one flight. */
export interface FlightPlan {
  readonly request: GateRequest;
  /** Plain cache key of what is fetched. */
  readonly key: string;
  readonly forward: OriginRequest;
  /** True: with the client's own conditions and ranges, so that the origin answers them. */
  readonly asAsked?: boolean;
  /** False: a pass; its answer is never stored. */
  readonly stores: boolean;
  /** False: carried through even when nobody waits any more, since the origin may already have acted on it. */
  readonly abortable: boolean;
  /** The stored response that a 304 would freshen. */
  readonly validating?: StoredResponse;
  /** The stored part that a 206 would add to. */
  readonly part?: StoredResponse;
  /** True: the client wants the whole, and the request was for what `part` lacks of it. */
  readonly completing?: boolean;
  /** Forwarded instead, should the answer to the condition or the range turn out to be of no use. */
  readonly unconditional?: OriginRequest;
  /** The stored response it would replace, when that is current: an error of the moment must not. */
  readonly replaces?: StoredResponse;
  /** Runs at the origin's head, before anyone hears of it. */
  readonly beforeLanding?: (head: ResponseHead, fill: Fill) => Eventually<void>;
  /** Runs when no head has come, before anyone hears of it. */
  readonly beforeFailure?: (error: TidegateError) => Eventually<void>;
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
      /** False: for the one client whose request it was. */
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

/** The end of a flight. */
export type FlightEnd =
  | { readonly kind: 'stored' }
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'failed'; readonly error: TidegateError | undefined };

/** A flight as those see it who wait for it, or consider to. */
export interface RunningFlight {
  readonly plan: FlightPlan;
  readonly fill: Fill;
  /** Time from sending to the origin's head, once it is there. */
  readonly forwardMs: number | undefined;
  /** Tags of its response, once the head is there. */
  readonly tags: Tags;
  /** The entry that it is about to store, once the head is there. */
  readonly draft: Draft | undefined;
  /** True as long as its answer is, or may turn out to be, one that others can share. */
  readonly joinable: boolean;
  /** True when the origin was asked for the whole, so that the client's own conditions are still to be answered. */
  readonly asksForWhole: boolean;
  /** Calls the waiter once, at the landing; at once if that has come. The result takes the waiter back. */
  whenLanded(waiter: (landing: Landing) => void): () => void;
  /** Calls the waiter once, when nothing more is going to come: what was stored, or why nothing was. */
  whenOver(waiter: (end: FlightEnd) => void): void;
  /** Nobody is going to read the body of a response that is not stored. */
  releaseUnread(): void;
}
