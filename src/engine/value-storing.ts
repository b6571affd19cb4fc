// What becomes of a fill's result in a data cache: whether it is stored, and under which stamp.
//
// The one complication: a fill that takes the place of what is current. Nothing has outdated that, so a slower tier that
// fails to take the new value, or takes an older one later, would give the old one again. So where there are slower tiers
// all that is there is superseded first, as by a value that is put in. Fills of the key that began later have read it later
// still: to them that invalidation is none, so their stamp for the key, and for nothing else, moves past it.

import type { StoredValue } from '../entry/stored-value.ts';
import type { Clock, Eventually } from '../ports.ts';
import type { Invalidator } from './invalidator.ts';
import type { UnderWay } from './under-way.ts';
import type { FillResult, ValueTerms } from './value-contract.ts';
import { entryOf } from './value-entries.ts';
import type { ValueFlight, ValueLanding } from './value-flight.ts';

export interface StoringParts {
  readonly clock: Clock;
  readonly invalidator: Invalidator;
  readonly underWay: UnderWay;
  /** True: there are tiers that may fail, or take a value late. */
  readonly hasSlower: boolean;
  readonly fault: (error: unknown) => void;
  /** Removes what is there: something newer is known, and not to be stored. */
  readonly drop: (key: string) => void;
  /** False: no tier took it, as far as that is known at once. */
  readonly keep: (entry: StoredValue, memoryOnly: boolean) => Eventually<boolean>;
}

/** What a fill gave. */
interface Given {
  readonly landing: ValueLanding & { readonly kind: 'filled' };
  readonly fillMs: number;
  /** Of the fills of the same key that are under way. */
  readonly newest: ValueFlight | undefined;
}

/** What is to be stored. */
interface Result extends Given {
  readonly flight: ValueFlight;
  /** With the tags of all who joined. */
  readonly terms: ValueTerms;
}

export class ValueStoring {
  readonly #parts: StoringParts;

  constructor(parts: StoringParts) {
    this.#parts = parts;
  }

  /** Stores it if it may be stored. A promise only where the log takes time to apply a change; it does not reject. */
  store(flight: ValueFlight, given: Given): Eventually<FillResult> {
    const { landing } = given;
    const terms = { ...landing.terms, tags: flight.joinedTo(landing.terms.tags) };
    const { invalidator } = this.#parts;
    if (isAffected(flight, terms.tags, invalidator) || !invalidator.isShareable(terms.tags)) return 'refused';
    if (flight.isOvertaken) return 'overtaken';
    const result = { ...given, flight, terms };
    return this.#parts.hasSlower && flight.plan.replaces ? this.#replace(result) : this.#keep(result);
  }

  #keep({ flight, landing, fillMs, terms }: Result): FillResult {
    const { clock, keep, drop, fault } = this.#parts;
    const { key } = flight.plan;
    if (terms.ttlMs === 0 || flight.hasTooManyTags) {
      drop(key);
      return 'not-stored';
    }
    const { owned, validator } = landing;
    const filled = { key, owned, validator, fillMs, now: clock.now(), stamp: flight.keyStamp };
    const stored = keep(entryOf(filled, terms), terms.memoryOnly);
    if (stored instanceof Promise) stored.catch(fault);
    return stored === false ? 'not-stored' : 'stored';
  }

  #replace(result: Result): Eventually<FillResult> {
    const { invalidator, underWay, fault } = this.#parts;
    const { flight, newest } = result;
    const { key } = flight.plan;
    const before = invalidator.applied;
    const superseded = invalidator.supersede(key);
    if (invalidator.applied !== before + 1) {
      const kept = this.#keepLater(result, { superseded, before });
      flight.settled = underWay.track(kept);
      return kept;
    }
    // Nothing concerned the key since this one began, so nothing did since the later ones began.
    for (const one of [flight, ...laterThan(flight, newest)]) one.keyStamp = invalidator.stamp();
    // In force, so it is stored at once. A read is no change: nobody waits until the log has made it durable.
    if (superseded instanceof Promise) void underWay.track(superseded.catch(fault));
    return this.#keep(result);
  }

  /** The log takes time, so others may have had their turn meanwhile. */
  async #keepLater(
    result: Result,
    { superseded, before }: { readonly superseded: Eventually<number>; readonly before: number },
  ): Promise<FillResult> {
    const { invalidator, fault } = this.#parts;
    const { flight, terms } = result;
    try {
      const position = await superseded;
      const moved = { ...flight.keyStamp, position };
      const what = { uri: flight.key, origin: '', tags: terms.tags };
      if (position !== before + 1 || invalidator.isAffectedSince(moved, what)) return 'refused';
      if (flight.isOvertaken) return 'overtaken';
      flight.keyStamp = moved;
      return this.#keep(result);
    } catch (error) {
      fault(error);
      return 'not-stored';
    }
  }
}

/** True: something was invalidated since it began that concerns its key, or these tags. */
export function isAffected(flight: ValueFlight, tags: readonly string[], invalidator: Invalidator): boolean {
  const { keyStamp } = flight;
  const { key, stamp } = flight.plan;
  if (invalidator.isAffectedSince(keyStamp, { uri: key, origin: '', tags })) return true;
  return keyStamp !== stamp && invalidator.isAffectedSince(stamp, { uri: '', origin: '', tags });
}

function laterThan(flight: ValueFlight, newest: ValueFlight | undefined): ValueFlight[] {
  const later: ValueFlight[] = [];
  for (let one = newest; one !== undefined && one !== flight; one = one.earlier) later.push(one);
  // Nobody joins it any more: those that are under way now have nothing to do with it.
  return later;
}
