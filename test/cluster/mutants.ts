// Mutants: members with one rule taken out. Each must be caught with an outdated answer, or the drill does not look where it should.

import type { SourceEdit } from '../sim/source-edits.ts';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  /** Part of the names of the faults that show it; every fault where there is none. */
  readonly only?: string;
}

const KEEPER = 'src/log/redis/redis-keeper.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'lease-that-never-ends',
    edits: [
      {
        file: 'src/log/lease/held-lease.ts',
        find: 'return this.#now() < this.#endMs;',
        replace: 'return this.#endMs > 0;',
      },
    ],
    only: 'links',
  },
  {
    name: 'nobody-waited-for',
    edits: [{ file: KEEPER, find: 'if (members.size === 0) return undefined;', replace: 'return undefined;' }],
  },
  {
    name: 'waits-too-short',
    edits: [{ file: KEEPER, find: 'if (leftMs <= 0) {', replace: 'if (leftMs <= leaseMs * 0.8) {' }],
    only: 'links',
  },
  {
    name: 'next-epoch-not-told',
    edits: [
      {
        file: 'src/log/lease/log-copy.ts',
        find: 'for (const apply of this.#followers) apply(this.applied, this.#beginning());',
        replace: '',
      },
    ],
    only: 'trimmed',
  },
  {
    name: 'workers-not-waited-for',
    edits: [
      { file: 'src/log/lease/log-share.ts', find: 'if (!(settled instanceof Promise)) {', replace: 'if (true) {' },
    ],
    only: 'a worker stopped',
  },
  {
    name: 'missed-changes-not-noticed',
    edits: [
      {
        file: 'src/log/lease/replica.ts',
        find: 'if (changes === undefined || changes.length < missing) {',
        replace: 'if (false) {',
      },
      {
        file: 'src/log/lease/replica.ts',
        find: 'changes.slice(changes.length - missing)',
        replace: '(changes ?? []).slice(-missing)',
      },
    ],
    only: 'trimmed',
  },
];

export const MUTANT_VARIABLE = 'TIDEGATE_CLUSTER_MUTANT';

export function mutantOf(name: string | undefined): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found === undefined)
    throw new TypeError(`expected one of ${MUTANTS.map((one) => one.name).join(', ')}, got ${name}`);
  return found;
}
