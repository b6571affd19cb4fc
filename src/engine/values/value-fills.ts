// The fills of a data cache: which is begun, who joins it, what is stored of it, and what is given when it fails.
//
// A caller may leave while the fill goes on without them: with a stale value in grace, at their own
// hard timeout, or by their signal. When all have left, the fill's failure is nobody's to hear, so it is told as a fault;
// and a source that fails is left alone for a while.

import { valueSubject } from '../../entry/key.ts';
import { readOwned } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import { TidegateError } from '../../errors.ts';
import type { Arrival } from '../../ledger/ledger.ts';
import type { Eventually } from '../../ports.ts';
import { onAbort } from '../abort-listeners.ts';
import { after } from '../eventually.ts';
import { FlightWatch } from './flight-watch.ts';
import { isDueEarly, previousOf, type ValueContext } from './value-context.ts';
import type { FillResult } from './value-contract.ts';
import { type AskedFill, type FlightPlan, tagsOf, ValueFlight, type ValueLanding } from './value-flight.ts';
import { ValueGrace } from './value-grace.ts';
import { named, storeFilled } from './value-storing.ts';

/** How long a close waits for a fill without a hard timeout. */
const CLOSE_MS = 5_000;

interface Waiting {
  readonly asked: AskedFill;
  readonly flight: ValueFlight;
  readonly arrival: Arrival;
  readonly joined: boolean;
  /** A stale value that it may have instead. */
  readonly stale: StoredValue | undefined;
  /** Monotonic times at which it asked, and until which it waits at most. */
  readonly askedMs: number;
  readonly untilMs: number;
}

export class ValueFills {
  readonly #context: ValueContext;
  readonly #askAnew: (asked: AskedFill) => Eventually<unknown>;
  readonly #running = new Set<ValueFlight>();
  readonly #grace: ValueGrace;
  readonly #watch: FlightWatch | undefined;

  /**
   * `askAnew`: answers one who asks anew, with what is stored, if that is fresh by now. `endingRequests`: where a fill ends with
   * the request that began it; see FlightWatch.
   */
  constructor(
    context: ValueContext,
    askAnew: (asked: AskedFill) => Eventually<unknown>,
    endingRequests: { readonly handsOver: boolean } | undefined,
  ) {
    this.#context = context;
    this.#askAnew = askAnew;
    this.#grace = new ValueGrace(context);
    if (endingRequests !== undefined) this.#watch = new FlightWatch(context, endingRequests.handsOver);
  }

  /** Whether `get` may give the stale entry. */
  isInGrace(entry: StoredValue): boolean {
    return this.#context.isInGrace(entry) && previousOf(entry, this.#context.ledger) !== undefined;
  }

  stale(entry: StoredValue): unknown {
    return this.#grace.given(entry);
  }

  isUnderWay(key: string): boolean {
    return this.#context.ledger.fills.newestJoinable(key) !== undefined;
  }

  get inFlight(): number {
    return this.#running.size;
  }

  /**
   * Resolves once none is under way, those begun meanwhile included, or with `enough`. Those without a hard timeout are told by
   * their signal to end, and waited for a limited time; when it was enough, all are told.
   */
  async close(enough: Promise<unknown>): Promise<void> {
    const { promise: given, resolve } = Promise.withResolvers<void>();
    const cancel = this.#context.tasks.later(CLOSE_MS, resolve);
    const end = (flight: ValueFlight) => {
      const message = `expected the fill of ${flight.key} to end before its cache closes, got no end yet`;
      flight.abort(new TidegateError('E_FILL_TIMEOUT', message));
    };
    const known = new Set<ValueFlight>();
    const isNew = (flight: ValueFlight) => !known.has(flight);
    for (let begun = [...this.#running]; begun.length > 0; begun = [...this.#running].filter(isNew)) {
      const ends = begun.map((flight) => {
        known.add(flight);
        if (flight.plan.terms.hardMs !== Number.POSITIVE_INFINITY) return flight.landed;
        end(flight);
        return Promise.race([flight.landed, given]);
      });
      await Promise.race([Promise.all(ends), enough]);
    }
    cancel();
    for (const flight of this.#running) end(flight);
  }

  /** The value of a fill; `entry`: what is stored and not fresh, or not to be had by those tags. */
  async fill(asked: AskedFill, entry: StoredValue | undefined): Promise<unknown> {
    const { key, terms } = asked;
    const { ledger, clock, tally } = this.#context;
    if (terms.signal?.aborted === true) throw terms.signal.reason;
    const asNamed = entry && named(this.#context, entry, asked);
    const previous = previousOf(asNamed, ledger);
    const stale = previous !== undefined && entry !== undefined && this.#context.isInGrace(entry) ? entry : undefined;
    if (stale !== undefined && this.#grace.rests(key)) {
      const given = await this.#grace.give(stale, asked);
      if (given !== undefined) return given;
    }
    const arrival = asked.arrival ?? ledger.arrive();
    const askedMs = asked.askedMs ?? clock.monotonic();
    // A caller that asks for a refresh does not want a read that began earlier.
    const running = terms.refresh ? undefined : this.#joinable(asked, arrival);
    tally.count(running === undefined ? 'miss' : 'collapsed', key);
    // Current for those who call it by its own tags alone.
    const others = entry !== undefined && asNamed !== entry && ledger.isCurrent(entry) ? entry.tags : undefined;
    // One that slides may be on its way into a slower tier once more, and arrive there last.
    const isReplacing = terms.refresh || others !== undefined || entry?.sliding !== undefined;
    const flight = running ?? this.#begin(asked, { previous, replaces: isReplacing });
    if (others !== undefined) flight.join(others);
    const joined = running !== undefined;
    // A fill that it has begun itself ends in time.
    const untilMs = joined || asked.isAgain === true ? askedMs + terms.hardMs : Number.POSITIVE_INFINITY;
    const waiting = { asked, flight, arrival, askedMs, joined, stale, untilMs };
    const landing = await this.#landing(waiting);
    if (flight.settled !== undefined) await flight.settled;
    if (landing !== undefined) return this.#share(waiting, landing);
    const given = await this.#grace.giveStill(stale as StoredValue, waiting);
    if (given !== undefined) return given;
    // There is no stale value for it any more, and without one it rejects when it has waited long enough.
    const still = { ...waiting, stale: undefined };
    return this.#share(still, (await this.#landing(still)) as ValueLanding);
  }

  /** Begins a fill in the background when the entry is soon to be stale. */
  refreshEarly(asked: AskedFill, entry: StoredValue): void {
    this.#watch?.loseEnded();
    const { key, terms } = asked;
    if (!isDueEarly(entry, terms.earlyRefresh, this.#context) || this.isUnderWay(key) || this.#grace.rests(key)) return;
    this.#begin(asked, { previous: previousOf(entry, this.#context.ledger), replaces: true });
  }

  #begin({ key, fill, terms }: AskedFill, what: Pick<FlightPlan, 'previous' | 'replaces'>): ValueFlight {
    const { ledger, clock, tasks, tally } = this.#context;
    const startedMs = clock.monotonic();
    const flight = new ValueFlight({ key, fill, terms, startedMs, ...what }, (holder) => ledger.begin(key, holder));
    this.#running.add(flight);
    this.#watch?.begun(flight, (landing) => this.#land(flight, landing));
    tally.begun();
    // First of all that wait: whoever is given the value then finds it stored.
    flight.landed.then((landing) => this.#land(flight, landing)).catch(this.#context.fault);
    flight.start(tasks, this.#context.own);
    return flight;
  }

  #land(flight: ValueFlight, landing: ValueLanding): void {
    const { key, terms, previous, startedMs } = flight.plan;
    const { ledger, clock, tally } = this.#context;
    if (!this.#running.delete(flight)) return;
    if (landing.kind !== 'failed') return this.#keep(flight, landing);
    if (flight.isOverdue) this.#giveUp(flight);
    else ledger.fills.end(flight.fill);
    const isOfSource = flight.fill.overtakenIn.size === 0 && this.#watch?.isLost(flight) !== true;
    if (previous !== undefined && isOfSource) this.#grace.rest(key, terms.graceBackoffMs);
    tally.filled({ key, result: 'failed', durationMs: clock.monotonic() - startedMs, error: landing.error });
    if (flight.waiting === 0) this.#tell(flight, landing.error);
  }

  /** Those who waited have been told. What it gives in the end is no worse for it. */
  #giveUp(flight: ValueFlight): void {
    const { ledger } = this.#context;
    ledger.fills.giveUp(flight.fill);
    flight.whenLate = (landing) => {
      if (landing.kind === 'failed') return ledger.fills.end(flight.fill);
      // A fill that has begun since may come after it.
      for (const { holder } of ledger.fills.of(flight.key, flight.fill)) holder.replaces = true;
      this.#keep(flight, landing);
    };
  }

  #keep(flight: ValueFlight, landing: Exclude<ValueLanding, { kind: 'failed' }>): void {
    const { key, startedMs } = flight.plan;
    const durationMs = this.#context.clock.monotonic() - startedMs;
    this.#grace.wake(key);
    if (landing.kind === 'skipped') return this.#end(flight, 'skipped', durationMs);
    let result: Eventually<FillResult> = 'refused';
    try {
      result = storeFilled(this.#context, flight, { landing, fillMs: durationMs });
    } catch (error) {
      this.#context.fault(error);
    }
    void after(result, (one) => this.#end(flight, one, durationMs));
  }

  #end(flight: ValueFlight, result: FillResult, durationMs: number): void {
    const { key, fill } = flight;
    const { ledger, tally } = this.#context;
    if (result === 'stored' || result === 'not-stored') ledger.fills.settle(fill);
    ledger.fills.end(fill);
    tally.filled({ key, result, durationMs, error: undefined });
  }

  #joinable(asked: AskedFill, arrival: Arrival): ValueFlight | undefined {
    const { ledger } = this.#context;
    const running = ledger.fills.newestJoinable(asked.key);
    if (running === undefined) return undefined;
    const tags = tagsOf(asked);
    if (!ledger.mayShare(running, arrival, valueSubject(asked.key, tags))) return undefined;
    if (typeof asked.fill !== 'function') asked.fill.noted();
    running.holder.join(tags);
    return running.holder;
  }

  /** How the fill ended; undefined: the caller has waited long enough, and a stale value is there. */
  async #landing({ asked, flight, joined, stale, untilMs }: Waiting): Promise<ValueLanding | undefined> {
    const { softMs, signal } = asked.terms;
    const { clock, tasks } = this.#context;
    const leftMs = Math.max(0, untilMs - clock.monotonic());
    const waitMs = stale === undefined ? leftMs : Math.min(softMs, leftMs);
    const landed = (joined ? this.#watch?.heard(flight) : undefined) ?? flight.landed;
    flight.waiting++;
    if (waitMs === Number.POSITIVE_INFINITY && signal === undefined) return landed;
    const { promise, resolve, reject } = Promise.withResolvers<ValueLanding | undefined>();
    const tooLate = () => {
      if (stale !== undefined) return resolve(undefined);
      const message = `expected the fill of ${asked.key}, which another call began, to end within ${asked.terms.hardMs} ms, got no end`;
      reject(new TidegateError('E_FILL_TIMEOUT', message));
    };
    const leave = () => reject(signal?.reason);
    const cancel = waitMs === Number.POSITIVE_INFINITY ? undefined : tasks.later(waitMs, tooLate);
    if (signal?.aborted === true) leave();
    const stopListening = signal && onAbort(signal, leave);
    let hasLanded = false;
    landed.then((landing) => {
      hasLanded = true;
      resolve(landing);
    });
    try {
      return await promise;
    } finally {
      if (!hasLanded) flight.waiting--;
      cancel?.();
      stopListening?.();
    }
  }

  #share(waiting: Waiting, landing: ValueLanding): Eventually<unknown> {
    const { asked, flight, arrival, askedMs, joined, stale } = waiting;
    const tags = flight.joinedTo(landing.kind === 'filled' ? landing.terms.tags : flight.terms.tags);
    const isLost = joined && this.#watch?.isLost(flight) === true;
    if (isLost || !this.#context.ledger.mayShare(flight.fill, arrival, valueSubject(flight.key, tags))) {
      // Its fill read too early for it, or will never end.
      return this.#askAnew({ ...asked, arrival, askedMs, isAgain: true });
    }
    if (landing.kind === 'filled') return readOwned(landing.owned);
    if (landing.kind === 'skipped') return landing.value;
    if (stale === undefined) throw landing.error;
    return this.#giveInstead(stale, waiting, landing.error);
  }

  async #giveInstead(stale: StoredValue, waiting: Waiting, error: TidegateError): Promise<unknown> {
    const given = await this.#grace.giveStill(stale, waiting);
    if (given === undefined) throw error;
    this.#tell(waiting.flight, error);
    return given;
  }

  /** Reports a failure that some caller does not get; once. */
  #tell(flight: ValueFlight, error: unknown): void {
    if (flight.isTold) return;
    flight.isTold = true;
    this.#context.fault(error);
  }
}
