// Mutants: the gate with one rule taken out. Each must be caught by rounds of the usual kind, or the harness does not
// look where it should.

import type { SourceEdit } from '../sim/source-edits.ts';
import type { Fault } from './judge.ts';
import type { RoundPlan } from './round.ts';

export interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  /** What it must be caught with; another finding does not count. */
  readonly faults: readonly Fault[];
  /** Where to look, so that a few rounds are enough. */
  readonly focus?: Partial<Pick<RoundPlan, 'moment' | 'damages' | 'damaged' | 'memoryBytes'>>;
}

const OLD: readonly Fault[] = ['outdated', 'lost invalidation'];
const JOURNAL = 'src/store/disk/journal/journal.ts';

export const MUTANTS: readonly Mutant[] = [
  {
    name: 'outdated-served',
    edits: [
      { file: 'src/semantics/reuse.ts', find: 'if (at.outdated) return VALIDATE.outdated.nothing;', replace: '' },
    ],
    faults: OLD,
  },
  {
    name: 'invalidations-not-written',
    edits: [
      { file: JOURNAL, find: 'this.#log?.append(record);', replace: '' },
      { file: JOURNAL, find: "if (this.#health === 'exact') this.#tailMark.advance(this.#end());", replace: '' },
    ],
    faults: OLD,
  },
  {
    name: 'intents-not-written',
    edits: [
      {
        file: JOURNAL,
        find: 'this.#write(encodeRecord(this.#epoch, {',
        replace: "if (change.kind === 'invalidate') this.#write(encodeRecord(this.#epoch, {",
      },
    ],
    faults: ['lost intent'],
    focus: { moment: 'in a write' },
  },
  {
    name: 'cut-log-believed',
    edits: [
      {
        file: 'src/store/disk/journal/recovery.ts',
        find: '(log) => reachOf(log).serial >= end.serial',
        replace: '() => true',
      },
    ],
    faults: OLD,
    focus: { damages: 1, damaged: ['journal'] },
  },
  {
    name: 'records-unchecked',
    edits: [
      {
        file: 'src/store/entry-record.ts',
        find: "if (platform.crc32(record.subarray(8)) !== view.getUint32(4, true)) return 'checksum';",
        replace: '',
      },
    ],
    faults: ['corrupt'],
    focus: { damages: 3, damaged: ['segment'], memoryBytes: 0 },
  },
  {
    name: 'blocks-unchecked',
    edits: [
      {
        file: 'src/store/disk/bodies/body-file.ts',
        find: 'crc32(content, seedOf(body.id, block)) !== bytes.readUInt32LE(0)',
        replace: 'false',
      },
    ],
    faults: ['corrupt'],
    focus: { damages: 3, damaged: ['large body'] },
  },
];

/** Names the mutant that preload.ts makes of the gate. */
export const MUTANT_VARIABLE = 'TIDEGATE_CRASH_MUTANT';

export function mutantOf(name: string | undefined): Mutant {
  const found = MUTANTS.find((mutant) => mutant.name === name);
  if (found !== undefined) return found;
  throw new TypeError(`expected one of ${MUTANTS.map((mutant) => mutant.name).join(', ')}; got ${name}`);
}
