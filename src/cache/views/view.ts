// What a view is: a value for each combination of parameters, computed ahead of whoever asks. Its options and their checks are
// the same on Node and on Workers.

import type { Signal } from '../../engine/values/value-contract.ts';
import { expected } from '../../errors.ts';
import type { Duration, InMs } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import { checkedTags } from '../keys/tags.ts';
import { combinationsOf, type Declared, type Parameters } from './combinations.ts';
import type { Pace } from './schedule.ts';

/** The values of each parameter. `'text'` and `'number'` take any value; see `ViewOptions.maxOpen`. */
export type ViewParameters = { readonly [name: string]: readonly (string | number | boolean)[] | 'text' | 'number' };

/** The parameters of one combination, as `compute` gets them. */
export type ParametersOf<P extends ViewParameters> = {
  readonly [Name in keyof P]: P[Name] extends readonly (infer Value)[]
    ? Value
    : P[Name] extends 'number'
      ? number
      : string;
};

/** The parameters of one combination, as a reader gives them: a value, or its text, such as a query has it. */
export type GivenParameters<P extends ViewParameters> = { readonly [Name in keyof P]: ParametersOf<P>[Name] | string };

/** What `compute` is given. */
export interface ViewContext<P extends ViewParameters = ViewParameters> {
  readonly params: ParametersOf<P>;
  /** Aborted after `timeout`. Hand it to `fetch`. */
  readonly signal: Signal;
  /** On Workers: the bindings of the Durable Object. On Node: undefined. */
  readonly env: unknown;
}

/** When a view is computed again, besides `every`: at `views.signal(name)`, or once a counter has moved enough. */
export type ViewEvent =
  | { readonly signal: string }
  /** The counter has moved by at least so much, up or down, since the last computation. */
  | { readonly counter: string; readonly by: number }
  /** The counter has moved by at least this part of what it was at the last computation. */
  | { readonly counter: string; readonly byPart: number };

export interface ViewOptions<P extends ViewParameters, V> {
  /** Default: none, so there is one value. */
  readonly params?: P;
  /** Reads the source. What it throws leaves the last good value in place. */
  readonly compute: (context: ViewContext<P>) => V | Promise<V>;
  /** Each combination is computed again after this time. Default: never by time. */
  readonly every?: Duration;
  /** At random, up to this part of `every` is left off, 0 to 1, so that combinations do not come at once. Default 0.1. */
  readonly jitter?: number;
  /** Default: none. */
  readonly when?: ViewEvent | readonly ViewEvent[];
  /** An invalidation of one of them outdates the value: it is computed again, and readers wait for that. Default: none. */
  readonly tags?: readonly string[] | ((params: ParametersOf<P>) => readonly string[]);
  /** Tables of the database, as in `tags`. Default: none. */
  readonly tables?: readonly string[];
  /** True: while an outdated value is computed again, readers get it, with `outdated: true`. Default false. */
  readonly serveOutdated?: boolean;
  /** Between two beginnings that events cause, at least. A reader who finds no current value is not made to wait. Default 1 s. */
  readonly atMost?: Duration;
  /** A computation is given up after this time. Default 30 s. */
  readonly timeout?: Duration;
  /** The wait after a failure: `from`, doubled with each failure in a row, `to` at most. Default 1 s to 5 min. */
  readonly backoff?: { readonly from?: Duration; readonly to?: Duration };
  /** An older value is not given. Default 1 d. */
  readonly maxAge?: Duration;
  /** With a parameter of any value: so many combinations are kept, those asked for last. Default 100. */
  readonly maxOpen?: number;
}

/** Made by `view`; `createViews` keeps it computed. */
export interface View<P extends ViewParameters = ViewParameters, V = unknown> {
  readonly name: string;
  readonly params: P;
  compute(context: ViewContext<P>): V | Promise<V>;
}

/** A view with its options checked. */
export interface ViewPlan {
  readonly name: string;
  readonly params: Declared;
  readonly compute: (context: Omit<ViewContext, 'params'> & { readonly params: Parameters }) => unknown;
  readonly tags: (params: Parameters) => readonly string[];
  readonly tables: readonly string[];
  /** False: no tag and no table may be invalidated that it is made of. */
  readonly isNamed: boolean;
  readonly events: readonly ViewEvent[];
  readonly pace: Pace;
  readonly timeoutMs: number;
  readonly maxAgeMs: number;
  readonly serveOutdated: boolean;
  readonly maxOpen: number;
  /** Every combination; empty where a parameter takes any value. */
  readonly combinations: readonly Parameters[];
}

/** Throws E_CONFIG. */
export function plansOf(views: readonly View[]): readonly ViewPlan[] {
  const isView = (one: unknown) => kit.isRecord(one) && kit.isRecord(one.pace) && typeof one.compute === 'function';
  if (!Array.isArray(views) || !views.every(isView)) expected('E_CONFIG', 'a list of what view() made', views);
  return views as readonly unknown[] as readonly ViewPlan[];
}

const EVENT = "{ signal: 'name' }, { counter: 'name', by: 100 } or { counter: 'name', byPart: 0.05 }";

function isEvent(value: unknown): boolean {
  if (!kit.isRecord(value)) return false;
  const names = Object.keys(value).sort().join(' ');
  const { signal, counter, by, byPart } = value;
  const isName = (name: unknown) => typeof name === 'string' && name !== '';
  const isAbove0 = (amount: unknown) => typeof amount === 'number' && amount > 0 && amount < Number.POSITIVE_INFINITY;
  if (names === 'signal') return isName(signal);
  return (
    (names === 'by counter' && isName(counter) && isAbove0(by)) ||
    (names === 'byPart counter' && isName(counter) && isAbove0(byPart))
  );
}

type Options = ViewOptions<ViewParameters, unknown>;

const CHECKS: kit.Checks<Options> = {
  params: kit.be('an object of lists of values', kit.isRecord),
  compute: kit.required(kit.func),
  every: kit.timeout(100),
  jitter: kit.part,
  when: (given, name) => {
    for (const one of Array.isArray(given) ? given : [given]) kit.be(EVENT, isEvent)(one, name);
  },
  tags: (given, name) => {
    if (typeof given !== 'function') checkedTags(given as readonly string[], name);
  },
  tables: (given, name) => void checkedTags(given as readonly string[], name),
  serveOutdated: kit.flag,
  atMost: kit.timeout(0),
  timeout: kit.timeout(1),
  backoff: kit.nested<NonNullable<Options['backoff']>>({ from: kit.timeout(1), to: kit.timeout(1) }),
  maxAge: kit.duration,
  maxOpen: kit.whole(1, 10_000),
};

const BACKOFF: kit.Checks<NonNullable<Options['backoff']>> = { from: kit.timeout(1), to: kit.timeout(1) };

/**
 * A view: `view('trending', { params: { window: ['1h', '24h'], limit: [10, 20] }, compute, every: '30s' })`. Nothing is computed
 * before `createViews`. Throws E_CONFIG, E_TAG.
 */
export function view<const P extends ViewParameters, V>(name: string, options: ViewOptions<P, V>): View<P, V> {
  if (typeof name !== 'string' || !/^[\w.-]{1,64}$/.test(name)) {
    expected('E_CONFIG', 'the name of a view to be 1 to 64 letters, digits, dots, dashes and underscores', name);
  }
  const given = kit.checkOptions(`the view ${name}`, options, CHECKS) as InMs<Options>;
  const { params = {}, when = [], tags = [], tables = [] } = given;
  const events = Array.isArray(when) ? (when as readonly ViewEvent[]) : [when as ViewEvent];
  const { everyMs = Number.POSITIVE_INFINITY, maxAgeMs = DAY_MS } = given;
  const isNamed = typeof tags === 'function' || tags.length + tables.length > 0;
  if (everyMs === Number.POSITIVE_INFINITY && events.length === 0 && !isNamed) {
    expected('E_CONFIG', `every, when, tags or tables for the view ${name}`, undefined);
  }
  const { fromMs = 1_000, toMs = 300_000 } = kit.checkOptions('backoff', given.backoff ?? {}, BACKOFF);
  if (fromMs > toMs) expected('E_CONFIG', `backoff.from to be at most backoff.to, which is ${toMs} ms`, fromMs);
  const namesOf = (typeof tags === 'function' ? tags : () => tags) as (one: Parameters) => readonly string[];
  const { jitter = 0.1, atMostMs = 1_000, timeoutMs = 30_000, serveOutdated = false, maxOpen = 100 } = given;
  const plan: ViewPlan = {
    ...{ name, params, tables, isNamed, events, timeoutMs, maxAgeMs, serveOutdated, maxOpen },
    compute: given.compute as ViewPlan['compute'],
    tags: (one) => checkedTags(namesOf(one), `tags of the view ${name}`),
    pace: { everyMs, jitter, atMostMs, backoffMs: { from: fromMs, to: toMs } },
    combinations: combinationsOf(name, params),
  };
  return plan as unknown as View<P, V>;
}

const DAY_MS = 86_400_000;
