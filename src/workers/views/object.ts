// The Durable Object of views: the runner of `cache/views/` on its alarm and storage. All of its requests share one context, so
// readers may wait for a computation that another has begun.

import { Counters, namedCounters } from '../../cache/views/counters.ts';
import { type Flush, Flusher } from '../../cache/views/flusher.ts';
import { ViewRunner } from '../../cache/views/runner.ts';
import { answerOf, type Kept, type Slot, type ViewAnswer } from '../../cache/views/slot.ts';
import type { ViewStats } from '../../cache/views/stats.ts';
import type { ViewPlan } from '../../cache/views/view.ts';
import { TidegateError } from '../../errors.ts';
import type { Stamp } from '../../ledger/ledger.ts';
import type { KeeperStorage } from '../../log/lease/kept-log.ts';
import type { Clock, Random, Tasks } from '../../ports.ts';
import { KeptValues } from './kept-values.ts';
import type { KvValues } from './kv-values.ts';
import { Membership, type MembershipParts } from './membership.ts';
import { ObjectAlarm } from './object-alarm.ts';
import { ViewRows } from './rows.ts';

export interface ViewsObjectParts {
  readonly views: readonly ViewPlan[];
  readonly storage: KeeperStorage;
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly env: unknown;
  readonly log: Pick<MembershipParts, 'join' | 'defer'>;
  /** Where new values are pushed to. */
  readonly kv: KvValues | undefined;
  readonly concurrency: number;
  readonly flush: Flush | undefined;
  readonly flushEveryMs: number;
  /** Invalidations are asked for this often, with nobody who reads. Infinity: never. */
  readonly followMs: number;
  readonly setAlarm: (atMs: number) => Promise<void>;
  readonly newId: () => string;
  readonly fault: (error: unknown) => void;
}

/** What `get` gives by RPC, which keeps no class of an error. */
export type ViewReply =
  /** `kept`: by what the reader's isolate judges the value when it gives it again; undefined: it does not. */
  | { readonly answer: ViewAnswer; readonly kept: Omit<Kept<Stamp>, 'owned'> | undefined }
  | { readonly failure: { readonly code: TidegateError['code']; readonly message: string } };

/** A computation whose object is gone is begun anew by then. */
const GUARD_MS = 60_000;
/** Of views that no invalidation reaches. */
const UNSTAMPED: Stamp = { epoch: '', position: 0 };
const UNKNOWN: Stamp = { epoch: '', position: -1 };

export class ViewsObject {
  readonly #parts: ViewsObjectParts;
  readonly #runner: ViewRunner<Stamp>;
  readonly #rows: ViewRows;
  readonly #membership: Membership;
  readonly #counters: Counters;
  readonly #flusher: Flusher | undefined;
  readonly #values: KeptValues;
  readonly #alarm: ObjectAlarm;
  #isStarted = false;
  #isToJudge = false;

  constructor(parts: ViewsObjectParts) {
    const { clock, tasks, random, env, fault, flush, flushEveryMs, concurrency } = parts;
    this.#parts = parts;
    this.#alarm = new ObjectAlarm({ ...parts, again: () => this.#runner.due() });
    this.#rows = new ViewRows(parts.storage);
    this.#values = new KeptValues({ ...parts, rows: this.#rows });
    this.#counters = new Counters({
      ...{ newId: parts.newId, named: namedCounters(parts.views), isFlushed: flush !== undefined, keep: this.#rows },
    });
    this.#membership = new Membership({ ...parts.log, fault, changed: () => this.#invalidated() });
    const common = { clock, tasks, random, env, fault };
    this.#runner = new ViewRunner<Stamp>(parts.views, {
      ...{ ...common, concurrency },
      stamp: ({ view }) => this.#stamp(view),
      judge: (slot, stamp) => this.#membership.judge(slot, stamp),
      own: (value, { key }) => this.#values.own(value, key),
      total: (counter) => this.#counters.total(counter),
      changed: (slot, isGone) => this.#values.changed(slot, isGone),
      wake: (atMs) => this.#wake(atMs),
    });
    if (flush !== undefined) {
      this.#flusher = new Flusher({ ...common, counters: this.#counters, flush, everyMs: flushEveryMs });
    }
    this.#values.restore(this.#runner.slots);
  }

  async get(view: string, params: unknown): Promise<ViewReply> {
    try {
      const slot = this.#runner.slots.find(view, params);
      await this.#started();
      const unheard = await this.#unheard(slot);
      if (unheard !== undefined) return { answer: unheard, kept: undefined };
      const found = this.#runner.get(view, params);
      if (found instanceof Promise) return { answer: await found, kept: undefined };
      const { owned: _, ...kept } = slot.kept as Kept<Stamp>;
      return { answer: found, kept: found.outdated ? undefined : kept };
    } catch (error) {
      if (!(error instanceof TidegateError)) throw error;
      return { failure: { code: error.code, message: error.message } };
    }
  }

  /** Returns how many combinations name it. */
  async signal(name: string): Promise<number> {
    await this.#heard();
    return this.#runner.signal(name);
  }

  count(counter: string, by: number): void {
    this.#counters.add(counter, by);
    this.#flusher?.counted();
    this.#runner.moved(counter);
    this.#runner.due();
  }

  stats(): ViewStats[] {
    return this.#runner.stats();
  }

  /**
   * What was invalidated is asked for, and what is due begun. Resolves when that is computed, or the next alarm is due: the platform runs
   * one at a time. It rejects where no alarm could be set, and the platform repeats it.
   */
  async alarm(given?: { readonly scheduledTime?: number }): Promise<void> {
    const alarm = this.#alarm;
    alarm.fired(given?.scheduledTime);
    await this.#heard();
    this.#runner.due();
    while (this.#runner.isComputing && (await alarm.before(this.#runner.someEnd())));
    await alarm.isSet();
  }

  /** With the first call the combinations begin to be computed. */
  async #started(): Promise<void> {
    if (this.#isStarted) return;
    this.#isStarted = true;
    await this.#heard();
    this.#runner.due();
  }

  /**
   * What may be given although the log does not answer, so that nobody knows what was invalidated: an outdated value, where the
   * view allows it. Undefined: the log has answered. Rejects with E_LOG.
   */
  async #unheard(slot: Slot<Stamp>): Promise<ViewAnswer | undefined> {
    try {
      if (!this.#membership.isHeard(slot.view)) await this.#membership.renew();
      return undefined;
    } catch (error) {
      const { kept, view } = slot;
      const now = this.#parts.clock.now();
      if (!view.serveOutdated || kept === undefined || now - kept.computedMs >= view.maxAgeMs) throw error;
      this.#parts.fault(error);
      return answerOf(slot, kept, { now, outdated: true });
    }
  }

  async #heard(): Promise<void> {
    const isNamed = this.#parts.views.some((view) => view.isNamed);
    if (!this.#membership.isHeard({ isNamed })) await this.#membership.tryRenew();
  }

  #invalidated(): void {
    if (this.#isToJudge) return;
    this.#isToJudge = true;
    this.#parts.tasks.soon(() => {
      this.#isToJudge = false;
      this.#runner.judgeAll();
    });
  }

  #stamp({ isNamed }: ViewPlan): Stamp {
    if (!isNamed) return UNSTAMPED;
    // By the other nothing is current: what is computed without the log is given to nobody.
    return this.#membership.stamp() ?? UNKNOWN;
  }

  #wake(atMs: number): void {
    const { clock, followMs, views } = this.#parts;
    const flushMs = this.#flusher?.due(() => this.#runner.due()) ?? Number.POSITIVE_INFINITY;
    const guardMs = this.#runner.isComputing ? GUARD_MS : Number.POSITIVE_INFINITY;
    const heardMs = views.some(({ isNamed }) => isNamed) ? followMs : Number.POSITIVE_INFINITY;
    this.#alarm.need(Math.min(atMs, clock.now() + Math.min(flushMs, guardMs, heardMs)));
  }
}
