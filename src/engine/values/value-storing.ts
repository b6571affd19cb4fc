// Stores values in a data cache, filled or put in: whether a value may be stored, in which order, and under which stamp.
//
// A fill may take the place of a current value. No invalidation has outdated that value, so a slower tier that
// fails to take the new value, or takes an older one later, would give the old one again. So where there are slower tiers
// all that is there is superseded first, as by a value that is put in. Fills of the key that began later have read it later
// still: to them that invalidation is none, so their stamp for the key, and for nothing else, moves past it.
//
// A value that was read before another was put in must not take its place, in any tier. So each put has a turn, and where
// there are slower tiers the put is an invalidation of what was there.

import { valueSubject } from '../../entry/key.ts';
import type { OwnedValue } from '../../entry/owned-value.ts';
import type { Eventually } from '../../ports.ts';
import type { FillResult, SetTerms, ValueTerms } from './value-contract.ts';
import { entryOf, type Filled } from './value-entries.ts';
import type { ValueFlight, ValueLanding } from './value-flight.ts';
import type { ValueSteps } from './value-steps.ts';

/** A fill's result. */
interface Given {
  readonly landing: ValueLanding & { readonly kind: 'filled' };
  readonly fillMs: number;
}

export class ValueStoring {
  readonly #steps: ValueSteps;

  constructor(steps: ValueSteps) {
    this.#steps = steps;
  }

  /** Stores it if it may be stored. A promise only where the log takes time to apply a change; it does not reject. */
  store(flight: ValueFlight, given: Given): Eventually<FillResult> {
    const isReplaced = this.#steps.hasSlower && flight.replaces;
    return this.#refusal(flight, given) ?? (isReplaced ? this.#replace(flight, given) : this.#keep(flight, given));
  }

  #refusal(flight: ValueFlight, given: Given): 'refused' | 'overtaken' | undefined {
    const refusal = this.#steps.ledger.judge(flight.fill, valueSubject(flight.key, termsOf(flight, given).tags));
    return refusal === undefined || refusal === 'overtaken' ? refusal : 'refused';
  }

  #keep(flight: ValueFlight, given: Given): FillResult {
    const { clock, random, keep, drop, fault } = this.#steps;
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
    const { ledger, invalidator, underWay, fault } = this.#steps;
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
    const { ledger, fault } = this.#steps;
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

  /** Puts in a value that was not filled here; whether it was stored. */
  take(key: string, owned: OwnedValue, { stamp, validator, ...terms }: SetTerms): Eventually<boolean> {
    const { ledger, tally, clock, random, underWay } = this.#steps;
    const begun = stamp ?? ledger.arrive();
    const what = valueSubject(key, terms.tags);
    if (ledger.fills.wasReplacedSince(key, begun.turn) || ledger.judge(begun, what) !== undefined) {
      tally.set(key, 'refused');
      return false;
    }
    // A value that was read earlier must not take its place.
    ledger.fills.replace(key);
    const read = { stamp: begun, readAt: begun.position };
    const filled = { key, owned, validator, fillMs: 0, now: clock.now(), ...read };
    if (this.#steps.hasSlower) return underWay.track(this.#takeEverywhere(filled, terms));
    const isKept = terms.ttlMs !== 0 && this.#steps.keep(entryOf(filled, terms, random), terms.memoryOnly) !== false;
    tally.set(key, isKept ? 'stored' : 'not-stored');
    if (terms.ttlMs === 0) this.#steps.drop(key);
    return isKept;
  }

  /**
   * A slower tier may fail to take it, or take an older value later; so that no older one is ever given again, all that
   * are there are outdated first.
   */
  async #takeEverywhere(filled: Filled, terms: ValueTerms): Promise<boolean> {
    const { ledger, invalidator, tally, keep, random } = this.#steps;
    const { key, stamp } = filled;
    const before = ledger.applied;
    const position = await invalidator.supersede(key);
    // Where the log takes time, others may have had their turn, and so may a later value.
    const isNext = position === before + 1;
    const what = valueSubject(key, terms.tags);
    const isOverdue = !isNext || ledger.isAffectedSince({ ...stamp, position }, what);
    const result = isOverdue ? 'refused' : terms.ttlMs === 0 ? 'not-stored' : 'stored';
    if (result !== 'stored') {
      tally.set(key, result);
      return false;
    }
    const kept = keep(entryOf({ ...filled, stamp: { ...stamp, position } }, terms, random), terms.memoryOnly);
    // A slower tier answers later; a failure is reported then.
    tally.set(key, kept === false ? 'not-stored' : 'stored');
    return (await kept) !== false;
  }
}

/** With the tags of all who have joined by now. */
function termsOf(flight: ValueFlight, { landing }: Given): ValueTerms {
  return { ...landing.terms, tags: flight.joinedTo(landing.terms.tags) };
}
