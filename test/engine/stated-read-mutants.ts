// Mutants of what the engine makes of a read's place that the origin states. The model of stated reads catches each.

import type { SourceEdit } from '../sim/source-edits.ts';

interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

const STATED = 'if (readAt !== undefined) countAsOf(this.#context.ledger, this.fill, readAt);';
const KNOWN = 'const known = readAt.epoch === epoch && readAt.position >= 0 ? readAt.position : -1;';

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file: `src/engine/http/${file}.ts`, find, replace }] };
}

export const STATED_READ_MUTANTS: readonly Mutant[] = [
  mutant('ignores the place', 'flight', STATED, 'void countAsOf; void readAt;'),
  mutant('compares positions of two epochs', 'store-fill', KNOWN, 'const known = readAt.position;'),
  mutant(
    'takes a read of another epoch for one of the flight',
    'store-fill',
    KNOWN,
    'if (readAt.epoch !== epoch) return; const known = readAt.position;',
  ),
  mutant(
    'counts storing from the place, and not sharing',
    'flight',
    STATED,
    'if (readAt !== undefined) setTimeout(() => countAsOf(this.#context.ledger, this.fill, readAt));',
  ),
];
