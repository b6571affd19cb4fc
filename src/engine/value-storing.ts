// What becomes of a fill's result in a data cache: whether it is stored, and under which stamp.
//
// The one complication: a fill that takes the place of what is current. Nothing has outdated that, so a slower tier that
// fails to take the new value, or takes an older one later, would give the old one again. So where there are slower tiers
// all that is there is superseded first, as by a value that is put in. Fills of the key that began later have read it later
// still: to them that invalidation is none, so their stamp for the key, and for nothing else, moves past it.

import type { StoredValue } from '../entry/stored-value.ts';
import type { Clock, Eventually, Random } from '../ports.ts';
import type { Invalidator } from './invalidator.ts';
import type { UnderWay } from './under-way.ts';
import type { FillResult, ValueTerms } from './value-contract.ts';
import { entryOf } from './value-entries.ts';
import type { ValueFlight, ValueLanding } from './value-flight.ts';
import type { ValueFlights } from './value-flights.ts';

export interface StoringParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly invalidator: Invalidator;
  readonly underWay: UnderWay;
  readonly flights: ValueFlights;
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
}

export class ValueStoring {
  readonly #parts: StoringParts;

  constructor(parts: StoringParts) {
    this.#parts = parts;
  }

  /** Stores it if it may be stored. A promise only where the log takes time to apply a change; it does not reject. */
  store(flight: ValueFlight, given: Given): Eventually<FillResult> {
    const terms = termsOf(flight, given);
    const { invalidator } = this.#parts;
    if (isAffected(flight, terms.tags, invalidator) || !invalidator.isShareable(terms.tags)) return 'refused';
    if (flight.isOvertaken) return 'overtaken';
    const isReplaced = this.#parts.hasSlower && flight.replaces;
    return isReplaced ? this.#replace(flight, given) : this.#keep(flight, given);
  }

  #keep(flight: ValueFlight, given: Given): FillResult {
    const { clock, random, keep, drop, fault } = this.#parts;
    const { key } = flight;
    const terms = termsOf(flight, given);
    if (terms.ttlMs === 0 || flight.hasTooManyTags) {
      drop(key);
      return 'not-stored';
    }
    const { landing, fillMs } = given;
    const { owned, validator } = landing;
    const read = { stamp: flight.keyStamp, readAt: flight.plan.stamp.position };
    const filled = { key, owned, validator, fillMs, now: clock.now(), ...read };
    const stored = keep(entryOf(filled, terms, random), terms.memoryOnly);
    if (stored instanceof Promise) stored.catch(fault);
    return stored === false ? 'not-stored' : 'stored';
  }

  #replace(flight: ValueFlight, given: Given): Eventually<FillResult> {
    const { invalidator, underWay, fault, flights } = this.#parts;
    const { key } = flight.plan;
    const before = invalidator.applied;
    const superseded = invalidator.supersede(key);
    if (invalidator.applied !== before + 1) {
      const kept = this.#keepLater(flight, { ...given, superseded, before });
      flight.settled = underWay.track(kept);
      return kept;
    }
    // Nothing concerned the key since this one began, so nothing did since the later ones began.
    for (const one of [flight, ...flights.after(key, flight)]) one.knowKeyAsOf(invalidator.applied);
    // In force, so it is stored at once. A read is no change: nobody waits until the log has made it durable.
    if (superseded instanceof Promise) void underWay.track(superseded.catch(fault));
    return this.#keep(flight, given);
  }

  /** The log takes time, so others may have had their turn meanwhile. */
  async #keepLater(
    flight: ValueFlight,
    given: Given & { readonly superseded: Eventually<number>; readonly before: number },
  ): Promise<FillResult> {
    const { invalidator, fault } = this.#parts;
    try {
      const position = await given.superseded;
      const moved = { ...flight.keyStamp, position };
      const what = { uri: flight.key, origin: '', tags: termsOf(flight, given).tags };
      if (position !== given.before + 1 || invalidator.isAffectedSince(moved, what)) return 'refused';
      if (flight.isOvertaken) return 'overtaken';
      flight.knowKeyAsOf(position);
      return this.#keep(flight, given);
    } catch (error) {
      fault(error);
      return 'not-stored';
    }
  }
}

/** With the tags of all who have joined by now. */
function termsOf(flight: ValueFlight, { landing }: Given): ValueTerms {
  return { ...landing.terms, tags: flight.joinedTo(landing.terms.tags) };
}

/** True: something was invalidated since it began that concerns its key, or these tags. */
export function isAffected(flight: ValueFlight, tags: readonly string[], invalidator: Invalidator): boolean {
  const { keyStamp } = flight;
  const { key, stamp } = flight.plan;
  if (invalidator.isAffectedSince(keyStamp, { uri: key, origin: '', tags })) return true;
  return keyStamp !== stamp && invalidator.isAffectedSince(stamp, { uri: '', origin: '', tags });
}
