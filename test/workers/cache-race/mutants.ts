// Mutants of the Workers Cache tier: one rule taken out. The race catches each.

import type { SourceEdit } from '../../sim/source-edits.ts';

interface Mutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
}

function mutant(name: string, file: string, find: string, replace: string): Mutant {
  return { name, edits: [{ file: `src/workers/${file}.ts`, find, replace }] };
}

export const WORKERS_CACHE_MUTANTS: readonly Mutant[] = [
  mutant('takes every answer for current', 'cache-forward', 'if (note.readAt >= last) return', 'if (last >= 0) return'),
  mutant('judges by the key alone', 'cache-forward', 'originName, tags });', 'originName, tags: tags.slice(99) });'),
  mutant(
    'says that it has heard of a position before it has',
    'cache-forward',
    'const heard = String(tier.invalidations.applied);',
    'const heard = String(tier.invalidations.applied + 1);',
  ),
  mutant(
    'takes what a tier below has for read just now',
    'cached-entrypoint',
    'answered, olderOf(stamp, answered.stamp)',
    'answered, stamp',
  ),
];
