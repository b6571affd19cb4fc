// Mutants: the gate or the tracker with one rule taken out. Each must be found by rounds of the usual kind, or the drill
// does not look where it should.

import type { SourceEdit } from '../sim/source-edits.ts';
import type { TroubleName } from './events.ts';
import type { Fault } from './judge.ts';
import type { StatementName } from './statements.ts';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  readonly setUp: string;
  /** Where to look, so that a few rounds are enough. */
  readonly trouble: TroubleName;
  readonly statements?: readonly StatementName[];
  /** What it must be found by; another finding does not count. */
  readonly faults: readonly Fault[];
}

const LEASES = 'src/engine/source-leases.ts';
const FOLLOWER = 'src/track/follow/follower.ts';
const LATE: readonly Fault[] = ['outdated beyond the stated lag'];

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'lease-never-ends',
    edits: [{ file: LEASES, find: 'if (state.untilMs === 0 || now < state.untilMs) continue;', replace: 'continue;' }],
    setUp: 'sqlite',
    trouble: 'application stopped past its lease',
    faults: LATE,
  },
  {
    name: 'restart-is-no-gap',
    edits: [{ file: LEASES, find: 'untilMs: 0, hasLapsed: true,', replace: 'untilMs: 0, hasLapsed: false,' }],
    setUp: 'sqlite',
    trouble: 'application killed',
    faults: LATE,
  },
  {
    name: 'disk-served-unheard',
    edits: [{ file: LEASES, find: 'return isFromBefore || this.#hasDead ?', replace: 'return this.#hasDead ?' }],
    setUp: 'sqlite',
    trouble: 'gate killed, with a disk tier',
    faults: ['hit while the gate does not know', 'outdated while the gate does not know'],
  },
  {
    name: 'lag-unbounded',
    edits: [
      { file: FOLLOWER, find: "return state === 'live' && lagMs <= this.#parts.maxLagMs;", replace: 'return true;' },
    ],
    setUp: 'postgres',
    trouble: 'network to the database held',
    faults: LATE,
  },
  {
    name: 'truncate-ignored',
    edits: [
      {
        file: FOLLOWER,
        find: 'this.#registry.apply(set)',
        replace: "this.#registry.apply({ ...set, changes: set.changes.filter((one) => one.kind !== 'truncate') })",
      },
    ],
    setUp: 'postgres',
    trouble: 'network to the gate cut',
    statements: ['table emptied', 'column added'],
    faults: LATE,
  },
  {
    name: 'lost-slot-is-no-gap',
    edits: [
      {
        file: 'src/feed/postgres/logical/attempt.ts',
        find: 'if (opened.gap !== undefined) this',
        replace: 'if (opened.gap !== undefined && this.options.from === undefined) this',
      },
      {
        file: 'src/feed/postgres/logical/attempt.ts',
        find: 'this.#isGapOpen = opened.gap !== undefined;',
        replace: '',
      },
    ],
    setUp: 'postgres',
    trouble: 'slot dropped',
    faults: [...LATE, 'outdated after an acknowledged write'],
  },
  {
    name: 'dropped-triggers-unnoticed',
    edits: [
      {
        file: 'src/feed/sqlite/feed.ts',
        find: 'const isSameSchema = version !== undefined && version === this.#schemaVersion;',
        replace: 'const isSameSchema = this.#schemaVersion !== undefined;',
      },
    ],
    setUp: 'sqlite',
    trouble: 'triggers dropped',
    faults: LATE,
  },
  {
    name: 'settled-at-once',
    edits: [
      {
        file: FOLLOWER,
        find: 'const head = await database.head();',
        replace: 'if (database !== undefined) return true;\n    const head = await database.head();',
      },
    ],
    setUp: 'postgres',
    trouble: 'network to the gate held',
    faults: ['outdated after an acknowledged write'],
  },
];

/** Names the mutant that preload.ts makes of a process. */
export const MUTANT_VARIABLE = 'TIDEGATE_DRILL_MUTANT';

export function mutantOf(name: string | undefined): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`expected one of ${MUTANTS.map((mutant) => mutant.name).join(', ')}; got ${name}`);
}
