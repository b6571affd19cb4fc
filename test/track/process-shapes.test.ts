// What another process sends that is not what it seems: it is refused at once.

import { expect, it } from 'vitest';
import type { TableRead } from '../../src/dependency/template.ts';
import { isBound, isListOf, isPredicate, isText } from '../../src/track/server/process-shapes.ts';

const read = {
  table: { name: 'users', columns: [{ name: 'id' }] },
  window: { order: [{ column: 0 }], limit: 1 },
} as unknown as TableRead;

/** Says that it has so many, and has none. */
function empty(length: number): unknown[] {
  const list: unknown[] = [];
  list.length = length;
  return list;
}

const LONGEST = 2 ** 32 - 1;

it('a list with holes is none, however long it says it is', () => {
  const list = (length: number) => isListOf(empty(length), isText);
  expect([list(LONGEST), list(900_000), list(1), list(0)]).toEqual([false, false, false, true]);
  expect(isListOf(['a', 'b'], isText)).toBe(true);
  // Also where what is not there would be one.
  expect(isListOf(empty(3), (one): one is undefined => one === undefined)).toBe(false);
});

it('an end of a list of rows has as many values as the order has columns', () => {
  const bound = (last: unknown) => isBound({ hasOffset: false, last }, read);
  expect([bound(empty(LONGEST)), bound(empty(1)), bound([undefined]), bound([1]), bound([1, 2])]).toEqual([
    false,
    false,
    true,
    true,
    false,
  ]);
});

it('a condition whose parts are named over and over again is refused', () => {
  let condition: unknown = { kind: 'always' };
  for (let depth = 0; depth < 20; depth++) condition = { kind: 'and', parts: [condition, condition] };
  expect(isPredicate(condition, read)).toBe(false);
  const parts = Array.from({ length: 50_000 }, (_, id) => {
    return { kind: 'compare', column: 0, operator: '=', operand: { kind: 'value', value: id } };
  });
  expect(isPredicate({ kind: 'or', parts }, read)).toBe(true);
});
