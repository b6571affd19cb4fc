// Stale values of a data cache: which may be given, and what is given instead.
//
// A caller who waits for a fill was promised a stale value before. By the time it is wanted something
// may have outdated it, or a newer value have been stored. So it is judged again at that very moment.

import { readOwned } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import { RecentMap } from '../../memory/recent-map.ts';
import type { Eventually } from '../../ports.ts';
import { after } from '../eventually.ts';
import type { ValueContext } from './value-context.ts';
import type { AskedFill, ValueFlight } from './value-flight.ts';
import { taken } from './value-storing.ts';

/** Keys whose failures are remembered, at least. */
const FAILED_KEYS = 10_000;

export class ValueGrace {
  readonly #context: ValueContext;
  /** Monotonic time until which no fill is begun while a stale value is there. */
  readonly #restUntil = new RecentMap<number>(FAILED_KEYS);

  constructor(context: ValueContext) {
    this.#context = context;
  }

  /** The source is left alone so long. */
  rest(key: string, ms: number): void {
    this.#restUntil.set(key, this.#context.clock.monotonic() + ms);
  }

  wake(key: string): void {
    this.#restUntil.delete(key);
  }

  rests(key: string): boolean {
    const until = this.#restUntil.get(key);
    return until !== undefined && this.#context.clock.monotonic() < until;
  }

  /** Undefined: it cannot be had by the tags of whoever asks. */
  give(entry: StoredValue, asked: AskedFill): Eventually<unknown> {
    return after(taken(this.#context, entry, asked), (one) => this.given(one));
  }

  given(entry: StoredValue | undefined): unknown {
    if (entry === undefined) return undefined;
    this.#context.tally.count('stale', entry.key);
    return readOwned(entry);
  }

  /**
   * For one who waits for the fill no longer: what is fresh by now, or the stale value; undefined: something outdated it, and
   * nothing has taken its place.
   */
  async giveStill(
    entry: StoredValue,
    { flight, asked }: { readonly flight: ValueFlight; readonly asked: AskedFill },
  ): Promise<unknown> {
    const { ledger, memory } = this.#context;
    const newer = this.#fresh(memory?.get(entry.key));
    if (newer !== undefined) return this.#giveFresh(newer, asked);
    // Slower tiers are not waited for in vain: whatever takes its place there outdates it.
    const mayBeGiven = flight.fill.overtakenIn.size === 0 && (ledger.isCurrent(entry) || ledger.isExpired(entry));
    if (mayBeGiven) return this.give(entry, asked);
    const below = this.#fresh(await this.#context.find(entry.key));
    return below === undefined ? undefined : this.#giveFresh(below, asked);
  }

  #fresh(found: Eventually<StoredValue | undefined>): StoredValue | undefined {
    const isAtHand = found !== undefined && !(found instanceof Promise);
    return isAtHand && this.#context.isFresh(found) ? found : undefined;
  }

  async #giveFresh(entry: StoredValue, asked: AskedFill): Promise<unknown> {
    const better = await taken(this.#context, entry, asked);
    if (better === undefined) return undefined;
    this.#context.tally.hit(better.key, better);
    return readOwned(better);
  }
}
