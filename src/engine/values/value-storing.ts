// Stores a fill's result in a data cache: whether it may be stored, and under which stamp.
//
// A fill may take the place of a current value. No invalidation has outdated that value, so a slower tier that
// fails to take the new value, or takes an older one later, would give the old one again. So where there are slower tiers
// all that is there is superseded first, as by a value that is put in. Fills of the key that began later have read it later
// still: to them that invalidation is none, so their stamp for the key, and for nothing else, moves past it.

import type { StoredValue } from '../../entry/stored-value.ts';
import { type EntryLedger, valueSubject } from '../../entry/subject.ts';
import type { Clock, Eventually, Random } from '../../ports.ts';
import type { Invalidator } from '../invalidator.ts';
import type { UnderWay } from '../under-way.ts';
import type { FillResult, ValueTerms } from './value-contract.ts';
import { entryOf } from './value-entries.ts';
import type { ValueFlight, ValueLanding } from './value-flight.ts';

export interface StoringParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: EntryLedger<ValueFlight>;
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

/** A fill's result. */
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
    const isReplaced = this.#parts.hasSlower && flight.replaces;
    return this.#refusal(flight, given) ?? (isReplaced ? this.#replace(flight, given) : this.#keep(flight, given));
  }

  #refusal(flight: ValueFlight, given: Given): 'refused' | 'overtaken' | undefined {
    const refusal = this.#parts.ledger.judge(flight.fill, valueSubject(flight.key, termsOf(flight, given).tags));
    return refusal === undefined || refusal === 'overtaken' ? refusal : 'refused';
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
    const read = { stamp: flight.fill.keyStamp, readAt: flight.fill.stamp.position };
    const filled = { key, owned, validator, fillMs, now: clock.now(), ...read };
    const stored = keep(entryOf(filled, terms, random), terms.memoryOnly);
    if (stored instanceof Promise) stored.catch(fault);
    return stored === false ? 'not-stored' : 'stored';
  }

  #replace(flight: ValueFlight, given: Given): Eventually<FillResult> {
    const { ledger, invalidator, underWay, fault } = this.#parts;
    const { key } = flight.plan;
    const before = ledger.applied;
    const superseded = invalidator.supersede(key);
    if (ledger.applied !== before + 1) {
      const kept = this.#keepLater(flight, { ...given, superseded, before });
      flight.settled = underWay.track(kept);
      return kept;
    }
    // Nothing concerned the key since this one began, so nothing did since the later ones began.
    ledger.fills.supersede(key, ledger.applied, flight.fill.keyStamp.position);
    // In force, so it is stored at once. A read is no change: nobody waits until the log has made it durable.
    if (superseded instanceof Promise) void underWay.track(superseded.catch(fault));
    return this.#keep(flight, given);
  }

  /** The log takes time, so others may have had their turn meanwhile. */
  async #keepLater(
    flight: ValueFlight,
    given: Given & { readonly superseded: Eventually<number>; readonly before: number },
  ): Promise<FillResult> {
    const { ledger, fault } = this.#parts;
    try {
      const position = await given.superseded;
      if (position !== given.before + 1) return 'refused';
      ledger.fills.supersede(flight.key, position, flight.fill.keyStamp.position);
      return this.#refusal(flight, given) ?? this.#keep(flight, given);
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
