// Values that are put in, not filled: in which order, and which of them are stored.
//
// A value that was read before another was put in must not take its place, in any tier. So each put
// has a turn, and where there are slower tiers the put is an invalidation of what was there.

import type { OwnedValue } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import { type EntryLedger, valueSubject } from '../../entry/subject.ts';
import type { Clock, Eventually, Random } from '../../ports.ts';
import type { Invalidator } from '../invalidator.ts';
import type { UnderWay } from '../under-way.ts';
import type { SetTerms, ValueTerms } from './value-contract.ts';
import { entryOf, type Filled } from './value-entries.ts';
import type { ValueTally } from './value-tally.ts';

export interface SetsParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly ledger: EntryLedger;
  readonly invalidator: Invalidator;
  readonly tally: ValueTally;
  readonly underWay: UnderWay;
  readonly hasSlower: boolean;
  readonly drop: (key: string) => void;
  /** False: no tier took it, as far as that is known at once. */
  readonly keep: (entry: StoredValue, memoryOnly: boolean) => Eventually<boolean>;
}

export class ValueSets {
  readonly #parts: SetsParts;

  constructor(parts: SetsParts) {
    this.#parts = parts;
  }

  /** Whether it was stored. */
  take(key: string, owned: OwnedValue, { stamp, validator, ...terms }: SetTerms): Eventually<boolean> {
    const { ledger, tally, clock, random, underWay } = this.#parts;
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
    if (this.#parts.hasSlower) return underWay.track(this.#takeEverywhere(filled, terms));
    const isKept = terms.ttlMs !== 0 && this.#parts.keep(entryOf(filled, terms, random), terms.memoryOnly) !== false;
    tally.set(key, isKept ? 'stored' : 'not-stored');
    if (terms.ttlMs === 0) this.#parts.drop(key);
    return isKept;
  }

  /**
   * A slower tier may fail to take it, or take an older value later; so that no older one is ever given again, all that
   * are there are outdated first.
   */
  async #takeEverywhere(filled: Filled, terms: ValueTerms): Promise<boolean> {
    const { ledger, invalidator, tally, keep, random } = this.#parts;
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
