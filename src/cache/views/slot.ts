// One combination of a view: what is kept of it, how its last computation went, and how a reader is answered.

import { type OwnedValue, readOwned } from '../../entry/owned-value.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { Parameters } from './combinations.ts';
import { combinationKey } from './combinations.ts';
import { type Timing, UNCOMPUTED } from './schedule.ts';
import type { ViewPlan } from './view.ts';

/** Why the last computation failed. Plain data, so that it can be sent. */
export interface ViewFailure {
  readonly message: string;
  /** In a row. */
  readonly failures: number;
  /** ms since the Unix epoch: the first of them. */
  readonly sinceMs: number;
}

/** What a reader gets. */
export interface ViewAnswer<V = unknown> {
  readonly value: V;
  /** Since its computation began. */
  readonly ageMs: number;
  /** True: a tag or table of the view was invalidated since. Only a view with `serveOutdated` gives such a value. */
  readonly outdated: boolean;
  /** Undefined: the last computation did not fail. */
  readonly error: ViewFailure | undefined;
}

/** A value that was computed. `stamp`: by which it is judged. */
export interface Kept<Stamp> {
  readonly owned: OwnedValue;
  readonly computedMs: number;
  readonly stamp: Stamp;
  /** Of its computation: a later one is never replaced by an earlier one. */
  readonly order: number;
}

/** A computation under way. */
export interface ViewFlight<Stamp> {
  readonly stamp: Stamp;
  readonly order: number;
  readonly begunMs: number;
  kept: Promise<Kept<Stamp>>;
}

export interface Slot<Stamp> {
  readonly view: ViewPlan;
  readonly params: Parameters;
  readonly key: string;
  readonly tags: readonly string[];
  timing: Timing;
  kept: Kept<Stamp> | undefined;
  failure: ViewFailure | undefined;
  /** The one that began last. */
  flight: ViewFlight<Stamp> | undefined;
  /** The number of the computation that began last. */
  order: number;
  /** True: somebody asked for the view since that computation began. */
  isAsked: boolean;
  /** Totals of the view's counters when the last of them began. */
  counted: { readonly [counter: string]: number };
}

/** Throws E_TAG. */
export function newSlot<Stamp>(view: ViewPlan, params: Parameters): Slot<Stamp> {
  return {
    ...{ view, params, key: combinationKey(view.name, params), tags: view.tags(params) },
    ...{ timing: UNCOMPUTED, kept: undefined, failure: undefined, flight: undefined },
    ...{ order: 0, isAsked: false, counted: {} },
  };
}

export function answerOf<Stamp>(
  slot: Slot<Stamp>,
  kept: Kept<Stamp>,
  at: { now: number; outdated: boolean },
): ViewAnswer {
  const ageMs = Math.max(0, at.now - kept.computedMs);
  return { value: readOwned(kept.owned), ageMs, outdated: at.outdated, error: slot.failure };
}

export function failureOf(
  { failure, timing }: Pick<Slot<unknown>, 'failure' | 'timing'>,
  error: unknown,
  now: number,
): ViewFailure {
  return { message: messageOf(error), failures: timing.failures, sinceMs: failure?.sinceMs ?? now };
}

/** What a reader gets whose computation failed. */
export function computeFailure(key: string, error: unknown): TidegateError {
  if (error instanceof TidegateError) return error;
  return new TidegateError('E_FILL', `expected a value of ${key}, got a failure: ${messageOf(error)}`, {
    cause: error,
  });
}

/** What a reader gets where there is no value to give, and the source is left alone for a while. */
export function restFailure(key: string, failure: ViewFailure | undefined, waitMs: number): TidegateError {
  const { failures = 1, message = 'a failure' } = failure ?? {};
  const got = `${failures} in a row that failed, the last with: ${message}`;
  return new TidegateError(
    'E_FILL',
    `expected a value of ${key}, got ${got}; the next begins in ${Math.ceil(waitMs)} ms`,
  );
}
