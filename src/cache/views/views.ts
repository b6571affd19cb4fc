// Views in a process: kept computed by timers, and judged by the data cache that they stand on.
//
// A value stands beside the cache's tiers, not in them, so that no eviction makes a reader wait. It has a key and tags like an
// entry, and the cache's ledger judges it like one: whatever invalidates an entry of that key and those tags outdates it.

import type { ValueJudge } from '../../engine/values/value-contract.ts';
import { expected, TidegateError } from '../../errors.ts';
import { type Duration, MAX_TIMER_MS } from '../../options/durations.ts';
import * as kit from '../../options/kit.ts';
import type { Cancel, Eventually, Random } from '../../ports.ts';
import { insideOf } from '../cache.ts';
import type { Cache } from '../contract.ts';
import { placeOf } from '../keys/key-space.ts';
import { platformRandom } from '../platform.ts';
import { Counters, checkCount, namedCounters } from './counters.ts';
import { type Flush, Flusher } from './flusher.ts';
import { type Judgement, ViewRunner } from './runner.ts';
import type { Slot, ViewAnswer } from './slot.ts';
import type { ViewStats } from './stats.ts';
import { type GivenParameters, plansOf, type View, type ViewParameters, type ViewPlan } from './view.ts';

export interface ViewsOptions {
  /** Invalidations of this cache, or namespace, outdate what the views have computed. Its clock is that of the views. */
  readonly cache: Cache;
  /** Takes what `count` added up; see Flush. Default: it is counted for the views alone. */
  readonly flush?: Flush;
  /** Between two flushes. Default 5 s. */
  readonly flushEvery?: Duration;
  /** How many combinations are computed at once, besides those that readers wait for. Default 4. */
  readonly concurrency?: number;
  /** Told of each computation and each flush that failed. Default: `onFault` of the cache. */
  readonly onFault?: (error: unknown) => void;
}

export interface Views {
  /**
   * The value, at once where there is one that may be given: without a promise. Else it is computed, once for all who ask. Throws,
   * or rejects with, E_VIEW where no such view or combination is declared; E_FILL, E_FILL_TIMEOUT where the computation fails.
   */
  get<P extends ViewParameters, V>(view: View<P, V>, params: GivenParameters<P>): Eventually<ViewAnswer<V>>;
  get(view: string, params?: { readonly [name: string]: unknown }): Eventually<ViewAnswer>;
  /** Has the views computed again that name the signal in `when`. Throws E_VIEW: none does. */
  signal(name: string): void;
  /** Adds to a counter. Default 1. Throws E_VIEW: it is no number, or too many counters wait to be flushed. */
  count(counter: string, by?: number): void;
  stats(): readonly ViewStats[];
  /** Ends the timers, waits for what is under way, and flushes once more. What that flush does not take goes to `onFault` (E_CLOSE). */
  close(): Promise<void>;
}

const CHECKS: kit.Checks<ViewsOptions> = {
  cache: kit.required(
    kit.be('one that createCache made', (cache) => kit.isRecord(cache) && insideOf(cache) !== undefined),
  ),
  flush: kit.func,
  flushEvery: kit.timeout(100),
  concurrency: kit.whole(1, 1_000),
  onFault: kit.func,
};

/** Begins to compute the views. Throws E_CONFIG. */
export function createViews(views: readonly View[], options: ViewsOptions): Views {
  return createViewsOn(views, options, platformRandom);
}

/** The same with a source of randomness of the caller's. */
export function createViewsOn(views: readonly View[], options: ViewsOptions, random: Random): Views {
  return new ProcessViews(plansOf(views), options, random);
}

/** How a value is judged: as an entry under its key, with its tags. */
type EntryNames = Parameters<ValueJudge['isCurrent']>[0];

class ProcessViews implements Views {
  readonly #runner: ViewRunner<EntryNames>;
  readonly #counters: Counters;
  readonly #flusher: Flusher | undefined;
  readonly #inside: NonNullable<ReturnType<typeof insideOf>>;
  readonly #unfollow: Cancel;
  #cancelWake: Cancel = () => {};
  #cancelCheck: Cancel | undefined;
  #fault: (error: unknown) => void;

  constructor(views: readonly ViewPlan[], options: ViewsOptions, random: Random) {
    const { flush, flushEveryMs = 5_000, concurrency = 4, onFault } = kit.checkOptions('createViews', options, CHECKS);
    const inside = insideOf(options.cache) as NonNullable<ReturnType<typeof insideOf>>;
    const { shared } = inside;
    const { clock, tasks } = shared;
    this.#inside = inside;
    this.#fault = safe(onFault ?? shared.fault, shared.fault);
    const id = Math.floor(random() * 2 ** 48).toString(36);
    let batches = 0;
    const newId = () => `${id}-${clock.now().toString(36)}-${++batches}`;
    this.#counters = new Counters({ newId, named: namedCounters(views), isFlushed: flush !== undefined });
    const fault = (error: unknown) => this.#fault(error);
    const common = { clock, tasks, random, env: undefined, fault };
    this.#runner = new ViewRunner<EntryNames>(views, {
      ...{ ...common, concurrency },
      stamp: (slot) => this.#stamp(slot),
      judge: (slot, stamp) => this.#judge(slot, stamp),
      own: (value) => shared.own(value),
      total: (counter) => this.#counters.total(counter),
      changed: () => undefined,
      wake: (atMs) => this.#wake(atMs),
    });
    if (flush !== undefined) {
      const counters = this.#counters;
      this.#flusher = new Flusher({ ...common, counters, flush, everyMs: flushEveryMs });
    }
    this.#unfollow = shared.engine.judge.follow(() => this.#invalidated());
    // A cache that is off computes nothing ahead: each reader gets what is read for it.
    if (shared.share > 0) this.#runner.due();
  }

  get(view: { readonly name: string } | string, params?: unknown): Eventually<never> {
    const name = typeof view === 'string' ? view : view?.name;
    return this.#runner.get(name, params) as Eventually<never>;
  }

  signal(name: string): void {
    if (this.#runner.signal(name) === 0) expected('E_VIEW', 'a signal that a view names in `when`', name);
  }

  count(counter: string, by = 1): void {
    checkCount(counter, by);
    this.#counters.add(counter, by);
    this.#runner.moved(counter);
    if (this.#flusher === undefined) return;
    this.#flusher.counted();
    this.#runner.due();
  }

  stats(): readonly ViewStats[] {
    return this.#runner.stats();
  }

  async close(): Promise<void> {
    this.#runner.end();
    this.#unfollow();
    this.#cancelWake();
    this.#cancelCheck?.();
    while (this.#runner.isComputing) await this.#runner.someEnd();
    await this.#flusher?.flush();
    // The one that was under way may have left something.
    while (!this.#counters.isEmpty && (await this.#flusher?.flush()) === true);
    if (this.#counters.isEmpty) return;
    const left = JSON.stringify(this.#counters.left());
    this.#fault(
      new TidegateError('E_CLOSE', `expected counters to be flushed before their views close, got left ${left}`),
    );
  }

  #stamp({ key, tags, view }: Slot<EntryNames>): EntryNames {
    const { shared, space, terms } = this.#inside;
    const { epoch, position } = shared.engine.judge.arrive();
    const all = terms.tagsOf(terms.resolve(undefined, { tags, tables: view.tables }), key);
    return { kind: 'value', key: space.whole(key), epoch, stamp: position, checkedUpTo: position, tags: all };
  }

  #judge(_slot: unknown, names: EntryNames): Judgement {
    const { engine, share } = this.#inside.shared;
    if (share === 0 || placeOf(names.key) >= share) return 'outdated';
    if (engine.judge.isCurrent(names)) return 'current';
    return engine.judge.isExpired(names) ? 'expired' : 'outdated';
  }

  /** Many come at once, from a transaction, say; each reader is answered by what is in force all the same. */
  #invalidated(): void {
    this.#cancelCheck ??= this.#inside.shared.tasks.later(CHECK_MS, () => {
      this.#cancelCheck = undefined;
      this.#runner.judgeAll();
    });
  }

  #wake(atMs: number): void {
    const { clock, tasks, share } = this.#inside.shared;
    this.#cancelWake();
    this.#cancelWake = () => {};
    if (share === 0) return;
    const flushMs = this.#flusher?.due(() => this.#runner.due()) ?? Number.POSITIVE_INFINITY;
    const waitMs = Math.min(atMs - clock.now(), flushMs);
    if (waitMs === Number.POSITIVE_INFINITY) return;
    this.#cancelWake = tasks.later(Math.min(waitMs, MAX_TIMER_MS), () => this.#runner.due());
  }
}

/** So that a thousand combinations are not looked through for each invalidation. */
const CHECK_MS = 10;

/** What `told` throws goes to `fault`. */
function safe(told: (error: unknown) => void, fault: (error: unknown) => void): (error: unknown) => void {
  return (error) => {
    try {
      told(error);
    } catch (thrown) {
      fault(thrown);
    }
  };
}
