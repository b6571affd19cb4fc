// Which columns a condition looks at.

import type { Predicate } from './predicate.ts';

/** Adds their ordinals. */
export function gatherColumns(predicate: Predicate, into: Set<number>): void {
  switch (predicate.kind) {
    case 'always':
    case 'never':
    case 'given':
      return;
    case 'and':
    case 'or':
      for (const part of predicate.parts) gatherColumns(part, into);
      return;
    case 'not':
      return gatherColumns(predicate.part, into);
    case 'columns':
      into.add(predicate.left).add(predicate.right);
      return;
    case 'maybe':
      for (const column of predicate.columns) into.add(column);
      return;
    default:
      into.add(predicate.column);
  }
}
