// Stale values of a data cache: which may be given, and what is given instead.
//
// A caller who waits for a fill was promised a stale value before. By the time it is wanted something
// may have outdated it, or a newer value have been stored. So it is judged again at that very moment.

import { readOwned } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import type { Clock, Eventually, Random } from '../../ports.ts';
import { RecentMap } from '../recent-map.ts';
import type { FillTerms } from './value-contract.ts';
import type { AskedFill, ValueFlight } from './value-flight.ts';
import type { ValueNaming } from './value-naming.ts';
import type { ValueSteps } from './value-steps.ts';

/** The fresh entry in memory; and in any tier, which may take time. */
export interface FreshEntries {
  readonly freshAtHand: (key: string) => StoredValue | undefined;
  readonly freshAnywhere: (key: string) => Promise<StoredValue | undefined>;
}

/** Who waited, and for what. */
export interface GivenUp {
  readonly flight: ValueFlight;
  readonly asked: AskedFill;
}

/** Keys whose failures are remembered, at least. */
const FAILED_KEYS = 10_000;

export class ValueGrace {
  readonly #steps: ValueSteps;
  readonly #naming: ValueNaming;
  readonly #fresh: FreshEntries;
  /** Monotonic time until which no fill is begun while a stale value is there. */
  readonly #restUntil = new RecentMap<number>(FAILED_KEYS);

  constructor(steps: ValueSteps, naming: ValueNaming, fresh: FreshEntries) {
    this.#steps = steps;
    this.#naming = naming;
    this.#fresh = fresh;
  }

  /** The source is left alone so long. */
  rest(key: string, ms: number): void {
    this.#restUntil.set(key, this.#steps.clock.monotonic() + ms);
  }

  wake(key: string): void {
    this.#restUntil.delete(key);
  }

  rests(key: string): boolean {
    const until = this.#restUntil.get(key);
    return until !== undefined && this.#steps.clock.monotonic() < until;
  }

  isInGrace({ bornMs, lifetimeMs, graceMs }: StoredValue): boolean {
    return graceMs > 0 && this.#steps.clock.now() - bornMs < lifetimeMs + graceMs;
  }

  /** Undefined: it cannot be had by the tags of whoever asks. */
  give(entry: StoredValue, asked: AskedFill): Eventually<unknown> {
    const taken = this.#naming.taken(entry, asked);
    return taken instanceof Promise ? taken.then((one) => this.given(one)) : this.given(taken);
  }

  given(entry: StoredValue | undefined): unknown {
    if (entry === undefined) return undefined;
    this.#steps.tally.stale(entry.key);
    return readOwned(entry);
  }

  /**
   * For one who waits for the fill no longer: what is fresh by now, or the stale value; undefined: something outdated it, and
   * nothing has taken its place.
   */
  async giveStill(entry: StoredValue, { flight, asked }: GivenUp): Promise<unknown> {
    const { freshAtHand, freshAnywhere } = this.#fresh;
    const { ledger } = this.#steps;
    const newer = freshAtHand(entry.key);
    if (newer !== undefined) return this.#giveFresh(newer, asked);
    // Slower tiers are not waited for in vain: whatever takes its place there outdates it.
    const mayBeGiven = flight.fill.overtakenIn.size === 0 && (ledger.isCurrent(entry) || ledger.isExpired(entry));
    if (mayBeGiven) return this.give(entry, asked);
    const below = await freshAnywhere(entry.key);
    return below === undefined ? undefined : this.#giveFresh(below, asked);
  }

  async #giveFresh(entry: StoredValue, asked: AskedFill): Promise<unknown> {
    const taken = await this.#naming.taken(entry, asked);
    if (taken === undefined) return undefined;
    this.#steps.tally.hit(taken.key, taken);
    return readOwned(taken);
  }
}

export function isDueEarly(
  { bornMs, lifetimeMs: untilMs, fillMs, sliding }: StoredValue,
  early: FillTerms['earlyRefresh'],
  { clock, random }: { readonly clock: Pick<Clock, 'now'>; readonly random: Random },
): boolean {
  // One that ends for want of use has nobody to be filled for.
  const lifetimeMs = sliding?.limitMs ?? untilMs;
  if (early === undefined || lifetimeMs === Number.POSITIVE_INFINITY) return false;
  const ageMs = clock.now() - bornMs;
  // XFetch with beta 1 (Vattani, Chierichetti, Lowenstein: Optimal Probabilistic Cache Stampede Prevention, VLDB 2015).
  if (early === 'probabilistic') return ageMs - fillMs * Math.log(1 - random()) >= lifetimeMs;
  return ageMs >= early * lifetimeMs;
}
