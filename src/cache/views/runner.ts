// Keeps views computed: answers readers, begins what is due, and takes in what comes of it. The same on Node and in a Durable
// Object; what differs is handed in: who judges a value, where it is kept, what wakes the runner.
//
// The fill protocol holds: a computation takes its stamp before it reads. A reader joins a computation only if nothing that names
// the value was invalidated between that stamp and the reader's arrival. A value is judged whenever it is given.

import type { OwnedValue } from '../../entry/owned-value.ts';
import { TidegateError } from '../../errors.ts';
import type { Clock, Eventually, Random, Tasks } from '../../ports.ts';
import { computed } from './computation.ts';
import { begun, failed, isSignificant, nextDue, rests, succeeded, waitOf, wanted } from './schedule.ts';
import { answerOf, failureOf, type Kept, restFailure, type Slot, type ViewAnswer, type ViewFlight } from './slot.ts';
import { ViewSlots } from './slots.ts';
import type { ViewStats } from './stats.ts';
import type { ViewPlan } from './view.ts';

/** `expired`: outdated by soft invalidations alone, so the value may still be given. */
export type Judgement = 'current' | 'expired' | 'outdated';

export interface RunnerParts<Stamp> {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Pick<Tasks, 'later'>;
  readonly random: Random;
  /** How many are computed at once without a reader who waits. */
  readonly concurrency: number;
  readonly env: unknown;
  /** Taken before the source is read. */
  stamp(slot: Slot<Stamp>): Stamp;
  judge(slot: Slot<Stamp>, stamp: Stamp): Judgement;
  /** The runner's own copy. Throws E_VALUE. */
  own(value: unknown, slot: Slot<Stamp>): OwnedValue;
  total(counter: string): number;
  /** Something about it has changed; `isGone`: it is not kept any more. */
  changed(slot: Slot<Stamp>, isGone: boolean): void;
  /** Calls `due` then; Infinity: not at all. */
  wake(atMs: number): void;
  fault(error: unknown): void;
}

export class ViewRunner<Stamp> {
  readonly #parts: RunnerParts<Stamp>;
  readonly #slots: ViewSlots<Stamp>;
  readonly #flights = new Set<Promise<unknown>>();
  #isEnded = false;

  /** Throws E_CONFIG: two views of one name. */
  constructor(views: readonly ViewPlan[], parts: RunnerParts<Stamp>) {
    this.#parts = parts;
    const forgotten = (slot: Slot<Stamp>) => parts.changed(slot, true);
    this.#slots = new ViewSlots(views, { check: (slot) => void parts.stamp(slot), forgotten });
  }

  get slots(): ViewSlots<Stamp> {
    return this.#slots;
  }

  /** Throws, or rejects with, E_VIEW; E_FILL and E_FILL_TIMEOUT where no value may be given and the computation fails. */
  get(name: string, params: unknown): Eventually<ViewAnswer> {
    if (this.#isEnded) throw new TidegateError('E_VIEW', 'expected views that are open, got a call after close()');
    const slot = this.#slots.find(name, params);
    const { view, kept } = slot;
    const now = this.#parts.clock.now();
    slot.isAsked = true;
    const counts = this.#slots.counts(slot);
    counts.answered++;
    if (kept !== undefined && now - kept.computedMs < view.maxAgeMs) {
      const judgement = this.#parts.judge(slot, kept.stamp);
      if (judgement === 'outdated' && view.serveOutdated && this.#want(slot)) this.due();
      const outdated = judgement === 'outdated';
      if (!outdated || view.serveOutdated) return answerOf(slot, kept, { now, outdated });
    }
    counts.waited++;
    return this.#waited(slot);
  }

  async #waited(slot: Slot<Stamp>): Promise<ViewAnswer> {
    const { clock, judge } = this.#parts;
    const { flight, timing } = slot;
    const mayJoin = flight !== undefined && judge.call(this.#parts, slot, flight.stamp) === 'current';
    if (!mayJoin && rests(timing, clock.now())) {
      throw restFailure(slot.key, slot.failure, waitOf(timing, clock.now()));
    }
    const kept = await (mayJoin ? flight : this.#begin(slot)).kept;
    // It was current for this reader when it arrived, whatever came since.
    return answerOf(slot, kept, { now: clock.now(), outdated: false });
  }

  /** Begins what is due, and sets the next waking. */
  due(): void {
    if (this.#isEnded) return;
    const { clock, concurrency } = this.#parts;
    const now = clock.now();
    const { begin, waitMs } = nextDue(this.#slots.all(), now, concurrency - this.#flights.size);
    for (const slot of begin) {
      const isOpen = slot.view.combinations.length === 0;
      if (isOpen && !slot.isAsked && slot.flight === undefined) this.#slots.forget(slot);
      else void this.#begin(slot);
    }
    this.#parts.wake(now + waitMs);
  }

  /** Something was invalidated: what it outdated is computed again. */
  judgeAll(): void {
    let isChanged = false;
    for (const slot of this.#slots.all()) {
      const stamp = slot.flight?.stamp ?? slot.kept?.stamp;
      if (stamp === undefined || this.#parts.judge(slot, stamp) === 'current') continue;
      isChanged = this.#want(slot) || isChanged;
    }
    if (isChanged) this.due();
  }

  /** Returns how many combinations are to be computed again. */
  signal(name: string): number {
    return this.#wantWhere((slot) => slot.view.events.some((event) => 'signal' in event && event.signal === name));
  }

  /** The counter has moved. */
  moved(counter: string): void {
    const total = this.#parts.total(counter);
    this.#wantWhere(({ view, counted }) =>
      view.events.some(
        (event) =>
          'counter' in event && event.counter === counter && isSignificant(event, counted[counter] ?? 0, total),
      ),
    );
  }

  stats(): ViewStats[] {
    return this.#slots.stats(this.#parts.clock.now(), (slot) => {
      return slot.kept !== undefined && this.#parts.judge(slot, slot.kept.stamp) === 'outdated';
    });
  }

  get isComputing(): boolean {
    return this.#flights.size > 0;
  }

  /** Resolves once one of the computations under way has ended. */
  async someEnd(): Promise<void> {
    await Promise.race([...this.#flights].map((flight) => flight.catch(() => undefined)));
  }

  end(): void {
    this.#isEnded = true;
    this.#parts.wake(Number.POSITIVE_INFINITY);
  }

  #wantWhere(isMeant: (slot: Slot<Stamp>) => boolean): number {
    const meant = this.#slots.all().filter(isMeant);
    const changed = meant.filter((slot) => this.#want(slot));
    if (changed.length > 0) this.due();
    return meant.length;
  }

  /** False: that was known. */
  #want(slot: Slot<Stamp>): boolean {
    const { timing: before, view } = slot;
    const timing = wanted(before, view.pace, this.#parts.clock.now());
    if (timing.dueMs === before.dueMs && timing.isWanted === before.isWanted) return false;
    slot.timing = timing;
    this.#parts.changed(slot, false);
    return true;
  }

  #begin(slot: Slot<Stamp>): ViewFlight<Stamp> {
    const { clock, stamp, total } = this.#parts;
    const begunMs = clock.now();
    const counters = slot.view.events.flatMap((event) => ('counter' in event ? [event.counter] : []));
    slot.timing = begun(slot.timing, begunMs);
    slot.isAsked = false;
    slot.counted = Object.fromEntries(counters.map((counter) => [counter, total.call(this.#parts, counter)]));
    // Later than that of a slot which was forgotten: its value may still be read elsewhere.
    slot.order = Math.max(slot.order + 1, begunMs);
    const { order } = slot;
    const started = { stamp: stamp.call(this.#parts, slot), order, begunMs };
    const kept = this.#computed(slot, started);
    const flight = Object.assign(started, { kept });
    slot.flight = flight;
    this.#flights.add(kept);
    kept.then(
      (value) => this.#landed(slot, flight, value),
      (error: unknown) => this.#failed(slot, flight, error),
    );
    return flight;
  }

  async #computed(slot: Slot<Stamp>, { stamp, order, begunMs }: Omit<ViewFlight<Stamp>, 'kept'>): Promise<Kept<Stamp>> {
    return { owned: await computed(slot, this.#parts), computedMs: begunMs, stamp, order };
  }

  #landed(slot: Slot<Stamp>, flight: ViewFlight<Stamp>, kept: Kept<Stamp>): void {
    this.#slots.counts(slot).computed++;
    if (slot.kept === undefined || slot.kept.order < kept.order) slot.kept = kept;
    this.#over(slot, flight, () => {
      slot.timing = succeeded(slot.timing, slot.view.pace, this.#moment());
      slot.failure = undefined;
    });
  }

  #failed(slot: Slot<Stamp>, flight: ViewFlight<Stamp>, error: unknown): void {
    this.#slots.counts(slot).failed++;
    this.#over(slot, flight, () => {
      slot.timing = failed(slot.timing, slot.view.pace, this.#moment());
      slot.failure = failureOf(slot, error, this.#parts.clock.now());
    });
    this.#parts.fault(error);
  }

  /** `ended`: run where no later computation is under way, to whose end the next one counts. */
  #over(slot: Slot<Stamp>, flight: ViewFlight<Stamp>, ended: () => void): void {
    this.#flights.delete(flight.kept);
    if (slot.flight === flight) {
      slot.flight = undefined;
      ended();
    }
    if (this.#slots.has(slot)) this.#parts.changed(slot, false);
    this.due();
  }

  #moment() {
    return { now: this.#parts.clock.now(), random: this.#parts.random() };
  }
}
