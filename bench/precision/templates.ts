// Which templates are key-exact: the values of a change alone tell whom of their instances it affects.

import type { Predicate } from '../../src/dependency/predicate.ts';
import type { Tracked } from './database.ts';

/** Each of its tables is looked up by a value: by a parameter or a constant, or by what the answer itself shows. */
export function isKeyExact({ reads }: Tracked): boolean {
  return reads.length > 0 && reads.every(({ predicate }) => hasEquality(predicate));
}

function hasEquality(predicate: Predicate): boolean {
  if (predicate.kind === 'and') return predicate.parts.some(hasEquality);
  return predicate.kind === 'in' || (predicate.kind === 'compare' && predicate.operator === '=');
}
