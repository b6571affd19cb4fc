// The fills of a data cache: which is begun, who joins it, what is stored of it, and what is given when it fails.
//
// The one complication: a caller may have a stale value in grace while the fill goes on without them. Then the fill's
// failure is nobody's to hear, so it is told as a fault; and a source that fails is left alone for a while.

import { type OwnedValue, readOwned } from '../entry/owned-value.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { Clock, Eventually, Random, Tasks } from '../ports.ts';
import type { Invalidator } from './invalidator.ts';
import { RecentMap } from './recent-map.ts';
import type { FillResult, FillTerms, ValueFill } from './value-contract.ts';
import { entryOf } from './value-entries.ts';
import { type Previous, ValueFlight, type ValueLanding } from './value-flight.ts';
import type { ValueTally } from './value-tally.ts';

export interface FillsParts {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly invalidator: Invalidator;
  readonly tally: ValueTally;
  readonly own: (value: unknown) => OwnedValue;
  readonly fault: (error: unknown) => void;
  readonly find: (key: string) => Eventually<StoredValue | undefined>;
  /** Removes what is there: something newer is known, and not to be stored. */
  readonly drop: (key: string) => void;
  readonly keep: (entry: StoredValue, memoryOnly: boolean) => Eventually<void>;
}

export interface AskedFill {
  readonly key: string;
  readonly fill: ValueFill;
  readonly terms: FillTerms;
}

/** One caller that waits. */
interface Waiting {
  readonly asked: AskedFill;
  readonly flight: ValueFlight;
  /** Log position at which it asked. */
  readonly arrival: number;
  readonly joined: boolean;
  /** What it may have instead. */
  readonly stale: Previous | undefined;
}

/** Keys whose failures are remembered, at least. */
const FAILED_KEYS = 10_000;

export class ValueFills {
  readonly #parts: FillsParts;
  readonly #flights = new Map<string, ValueFlight>();
  /** Monotonic time until which no fill is begun while a stale value is there. */
  readonly #restUntil = new RecentMap<number>(FAILED_KEYS);
  #inFlight = 0;

  constructor(parts: FillsParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Something newer was put under the key: what is being filled is not stored, and nobody joins it any more. */
  overtake(key: string): void {
    const flight = this.#flights.get(key);
    if (flight === undefined) return;
    flight.isOvertaken = true;
    this.#flights.delete(key);
  }

  /** The value of a fill; `entry`: what is stored and not fresh. */
  async fill(asked: AskedFill, entry: StoredValue | undefined): Promise<unknown> {
    const { key, terms } = asked;
    const { invalidator, tally } = this.#parts;
    if (terms.signal?.aborted === true) throw terms.signal.reason;
    const previous = this.#previous(entry);
    const stale = entry !== undefined && this.#isInGrace(entry) ? previous : undefined;
    if (stale !== undefined && this.#rests(key)) return this.#giveStale(key, stale);
    const arrival = invalidator.applied;
    const running = this.#joinable(key, terms.tags);
    if (running !== undefined) tally.collapsed(key);
    else tally.miss(key);
    const flight = running ?? this.#begin(asked, previous);
    const waiting = { asked, flight, arrival, joined: running !== undefined, stale };
    const landing = await this.#landing(waiting);
    if (landing === undefined) return this.#giveStale(key, stale as Previous);
    return this.#share(waiting, landing);
  }

  /** Begins a fill in the background when the entry is soon to be stale. */
  refreshEarly(asked: AskedFill, entry: StoredValue): void {
    if (!this.#isDue(entry, asked.terms.earlyRefresh) || this.#flights.has(asked.key) || this.#rests(asked.key)) return;
    this.#unheard(this.#begin(asked, this.#previous(entry)));
  }

  #isDue(entry: StoredValue, early: FillTerms['earlyRefresh']): boolean {
    const { bornMs, lifetimeMs, fillMs } = entry;
    if (early === undefined || lifetimeMs === Number.POSITIVE_INFINITY) return false;
    const { clock, random } = this.#parts;
    const ageMs = clock.now() - bornMs;
    // XFetch with beta 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
    if (early === 'probabilistic') return ageMs - fillMs * Math.log(1 - random()) >= lifetimeMs;
    return ageMs >= early * lifetimeMs;
  }

  #begin({ key, fill, terms }: AskedFill, previous: Previous | undefined): ValueFlight {
    const { invalidator, clock, tasks, tally } = this.#parts;
    const stamp = invalidator.stamp();
    const flight = new ValueFlight({ key, fill, terms, stamp, previous, startedMs: clock.monotonic() });
    // One that is under way was read before something that this one will have seen.
    this.overtake(key);
    this.#flights.set(key, flight);
    this.#inFlight++;
    tally.fills++;
    // First of all that wait: whoever is given the value then finds it stored.
    flight.landed.then((landing) => this.#land(flight, landing)).catch(this.#parts.fault);
    flight.start(tasks, this.#parts.own);
    return flight;
  }

  #land(flight: ValueFlight, landing: ValueLanding): void {
    const { key, terms, previous, startedMs } = flight.plan;
    const { clock, tally } = this.#parts;
    this.#inFlight--;
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
    const nowMs = clock.monotonic();
    const durationMs = nowMs - startedMs;
    if (landing.kind === 'failed') {
      if (previous !== undefined) this.#restUntil.set(key, nowMs + terms.graceBackoffMs);
      tally.filled({ key, result: 'failed', durationMs, error: landing.error });
      return;
    }
    this.#restUntil.delete(key);
    const result = landing.kind === 'skipped' ? 'skipped' : this.#store(flight, landing, durationMs);
    tally.filled({ key, result, durationMs, error: undefined });
  }

  #store(flight: ValueFlight, landing: ValueLanding & { kind: 'filled' }, fillMs: number): FillResult {
    const { owned, terms, validator } = landing;
    const { invalidator, clock, keep, drop, fault } = this.#parts;
    const { key, stamp } = flight.plan;
    if (invalidator.refusal(stamp, { uri: key, origin: '', tags: terms.tags }) !== undefined) return 'refused';
    if (flight.isOvertaken) return 'overtaken';
    if (terms.ttlMs === 0) {
      drop(key);
      return 'not-stored';
    }
    const stored = keep(entryOf({ key, owned, validator, fillMs, now: clock.now(), stamp }, terms), terms.memoryOnly);
    if (stored instanceof Promise) stored.catch(fault);
    return 'stored';
  }

  #joinable(key: string, tags: readonly string[]): ValueFlight | undefined {
    const flight = this.#flights.get(key);
    if (flight === undefined) return undefined;
    const { stamp } = flight.plan;
    return this.#parts.invalidator.isAffectedSince(stamp, { uri: key, origin: '', tags }) ? undefined : flight;
  }

  /** How the fill ended; undefined: the caller has waited long enough, and a stale value is there. */
  async #landing({ asked, flight, stale }: Waiting): Promise<ValueLanding | undefined> {
    const { softMs, signal } = asked.terms;
    const isSoft = stale !== undefined && softMs !== Number.POSITIVE_INFINITY;
    if (!isSoft && signal === undefined) return flight.landed;
    const { promise, resolve, reject } = Promise.withResolvers<ValueLanding | undefined>();
    const leave = () => reject(signal?.reason);
    const cancel = isSoft ? this.#parts.tasks.later(softMs, () => resolve(undefined)) : undefined;
    if (signal?.aborted === true) leave();
    signal?.addEventListener('abort', leave, { once: true });
    flight.landed.then(resolve);
    try {
      const landing = await promise;
      if (landing === undefined) this.#unheard(flight);
      return landing;
    } finally {
      cancel?.();
      signal?.removeEventListener('abort', leave);
    }
  }

  #share(waiting: Waiting, landing: ValueLanding): Eventually<unknown> {
    const { asked, flight, arrival, joined, stale } = waiting;
    const { stamp } = flight.plan;
    const tags = landing.kind === 'filled' ? landing.terms.tags : flight.terms.tags;
    const { invalidator } = this.#parts;
    const comesTooLate = joined && arrival > stamp.position;
    if (comesTooLate && invalidator.isAffectedSince(stamp, { uri: asked.key, origin: '', tags })) {
      return this.#again(asked);
    }
    if (landing.kind === 'filled') return readOwned(landing.owned);
    if (landing.kind === 'skipped') return landing.value;
    if (stale !== undefined) return this.#giveStale(asked.key, stale);
    throw landing.error;
  }

  /** What it waited for was read before something it must see: it asks anew. */
  async #again(asked: AskedFill): Promise<unknown> {
    return this.fill(asked, await this.#parts.find(asked.key));
  }

  #giveStale(key: string, stale: Previous): unknown {
    this.#parts.tally.stale(key);
    return stale.read();
  }

  #rests(key: string): boolean {
    const until = this.#restUntil.get(key);
    return until !== undefined && this.#parts.clock.monotonic() < until;
  }

  /** Nobody waits for it, so its failure is told here. */
  #unheard(flight: ValueFlight): void {
    void flight.landed.then((landing) => {
      if (landing.kind === 'failed') this.#parts.fault(landing.error);
    });
  }

  #isInGrace({ bornMs, lifetimeMs, graceMs }: StoredValue): boolean {
    return graceMs > 0 && this.#parts.clock.now() - bornMs < lifetimeMs + graceMs;
  }

  /** What may be built upon: not what is outdated. */
  #previous(entry: StoredValue | undefined): Previous | undefined {
    if (entry === undefined) return undefined;
    const { invalidator } = this.#parts;
    if (!invalidator.isCurrent(entry) && !invalidator.isExpired(entry)) return undefined;
    const { validator, tags } = entry;
    return { owned: entry, validator, tags, read: () => readOwned(entry) };
  }
}
