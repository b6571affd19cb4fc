// Which templates are key-exact: the values of one changed row tell whom of their instances it can affect, and nothing
// else need be known.
//
// Of `items i JOIN users u … WHERE i.category = ? AND u.region = ?` each table is looked up by a
// value, but a row of one has only half of what tells the instances apart. That is not key-exact.

import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import type { Tracked } from './database.ts';

/** Each of its tables is looked up by all parameters that any is looked up by, or by what the answer itself shows. */
export function isKeyExact({ reads }: Tracked): boolean {
  const keys = reads.map(({ predicate }) => keysOf(predicate));
  const parameters = new Set(keys.flatMap((one) => [...one]).filter((key) => key !== 'result'));
  return keys.every((one) => one.has('result') || (one.size > 0 && one.size === parameters.size));
}

/** The parameters, or lists of them, that a column must be equal to. */
function keysOf(predicate: Predicate): Set<string> {
  if (predicate.kind === 'and') return new Set(predicate.parts.flatMap((part) => [...keysOf(part)]));
  if (predicate.kind === 'compare' && predicate.operator === '=' && predicate.operand.kind === 'parameter') {
    return new Set([`${predicate.operand.index}`]);
  }
  if (predicate.kind !== 'in') return new Set();
  if (predicate.operands.every(({ kind }) => kind === 'result')) return new Set(['result']);
  const indexes = predicate.operands.flatMap((operand) => (operand.kind === 'parameter' ? [operand.index] : []));
  return indexes.length === predicate.operands.length ? new Set([indexes.join()]) : new Set();
}
