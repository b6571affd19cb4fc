// What the steps of a data cache share: its ledger, its log, its tiers. Types only.

import type { EntryLedger } from '../../entry/key.ts';
import type { OwnedValue } from '../../entry/owned-value.ts';
import type { StoredValue } from '../../entry/stored-value.ts';
import type { Clock, Eventually, Random, Tasks } from '../../ports.ts';
import type { UnderWay } from '../eventually.ts';
import type { Invalidator } from '../invalidator.ts';
import type { ValueFlight } from './value-flight.ts';
import type { ValueTally } from './value-tally.ts';

export interface ValueSteps {
  readonly clock: Clock;
  /** The time, as far as a hit needs it; see `hitNotes`. */
  readonly roughNow: () => number;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly own: (value: unknown) => OwnedValue;
  readonly fault: (error: unknown) => void;
  readonly ledger: EntryLedger<ValueFlight>;
  readonly invalidator: Invalidator;
  readonly tally: ValueTally;
  readonly underWay: UnderWay;
  /** True: there are tiers that may fail, or take a value late. */
  readonly hasSlower: boolean;
  /** The entry in memory, in whatever state; and in any tier, current. */
  readonly atHand: (key: string) => Eventually<StoredValue | undefined>;
  readonly find: (key: string) => Eventually<StoredValue | undefined>;
  /** Removes what is there: something newer is known, and not to be stored. */
  readonly drop: (key: string) => void;
  /** False: no tier took it, as far as that is known at once. */
  readonly keep: (entry: StoredValue, memoryOnly: boolean) => Eventually<boolean>;
}
