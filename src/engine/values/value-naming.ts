// Tags that come late: a caller asks for an entry by tags that it does not have. They count like those it was stored with,
// so it takes them, in every tier, before it is given.
//
// A slower tier may fail to take the entry with its new tags, or take an older one later; once memory
// has evicted it, it would come back without them. So where there are slower tiers all that is there is superseded in the
// log first, as by a value that is put in. It was current at that moment, so its stamp moves past that.

import { valueSubject } from '../../entry/key.ts';
import { ownTexts } from '../../entry/own-text.ts';
import { lateTags, type StoredValue } from '../../entry/stored-value.ts';
import type { Eventually } from '../../ports.ts';
import { wasReadNoEarlier } from '../tiers/tier-loop.ts';
import { type AskedFill, MAX_TAGS, tagsOf } from './value-flight.ts';
import type { ValueSteps } from './value-steps.ts';

/** A caller that names an entry. */
export type Naming = Pick<AskedFill, 'fill' | 'terms'>;

export class ValueNaming {
  readonly #steps: ValueSteps;

  constructor(steps: ValueSteps) {
    this.#steps = steps;
  }

  /**
   * The entry with the tags of whoever names it so, itself where it has them; not stored. Undefined: something outdated it by
   * one that it did not have.
   */
  named(entry: StoredValue, asked: Naming): StoredValue | undefined {
    const late = lateTags(entry.tags, tagsOf(asked));
    if (late.length === 0) return entry;
    const { epoch, stamp, readAt } = entry;
    const since = { epoch, position: readAt };
    const what = { uri: '', origin: '', tags: late };
    if (readAt !== stamp && this.#steps.ledger.isAffectedSince(since, what)) return undefined;
    return { ...entry, tags: [...entry.tags, ...ownTexts(late)], checkedUpTo: stamp };
  }

  /** Gives the entry its late tags in every tier that is to have it. Undefined also where this is impossible. */
  taken(entry: StoredValue, asked: Naming): Eventually<StoredValue | undefined> {
    const by = typeof asked.fill === 'function' ? undefined : asked.fill.naming;
    if (by !== undefined && entry.namedBy === by) return entry;
    if (this.named(entry, asked) === entry) {
      entry.namedBy = by;
      return entry;
    }
    const latest = this.#latest(entry);
    const named = this.named(latest, asked);
    if (named === latest || named === undefined) return named;
    const { ledger, hasSlower, underWay, keep } = this.#steps;
    // Superseded, what is expired would be outdated.
    const mayTake = ledger.isCurrent(named) || (!hasSlower && ledger.isExpired(named));
    if (!mayTake || named.tags.length > MAX_TAGS) return undefined;
    if (typeof asked.fill !== 'function') asked.fill.noted();
    // The fill under way will take its place.
    ledger.fills.newestJoinable(entry.key)?.holder.join(tagsOf(asked));
    if (hasSlower) return underWay.track(this.#takenEverywhere(named, asked.terms.memoryOnly));
    keep(named, true);
    return named;
  }

  /** Memory may have it with more tags by now. */
  #latest(entry: StoredValue): StoredValue {
    const { atHand, ledger } = this.#steps;
    const there = atHand(entry.key);
    if (there === undefined || there instanceof Promise || !wasReadNoEarlier(there, entry)) return entry;
    return ledger.isCurrent(there) || ledger.isExpired(there) ? there : entry;
  }

  async #takenEverywhere(entry: StoredValue, memoryOnly: boolean): Promise<StoredValue | undefined> {
    const { ledger, invalidator, keep, fault } = this.#steps;
    const { key, epoch, tags } = entry;
    try {
      const before = ledger.applied;
      const superseded = invalidator.supersede(key);
      const position = before + 1;
      if (ledger.applied !== position) {
        // The log takes time, so others may have had their turn meanwhile.
        const isNext = (await superseded) === position;
        if (!isNext || ledger.isAffectedSince({ epoch, position }, valueSubject(key, tags))) return undefined;
      }
      const taken = { ...entry, stamp: position, checkedUpTo: position };
      // Fills of the key that are under way read it later still.
      ledger.fills.supersede(key, position, entry.stamp);
      const kept = keep(taken, memoryOnly);
      await superseded;
      await kept;
      return taken;
    } catch (error) {
      fault(error);
      return undefined;
    }
  }
}
