// The facts about what the index need not look at: it gives the same either way, but a look at each instance takes time, and
// beyond a bound all of them are said to be affected.

import { expect, test } from 'vitest';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { Cell, TableShape } from '../../src/dependency/change.ts';
import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import { DependencyIndex } from '../../src/dependency/index/dependency-index.ts';
import type { Template } from '../../src/dependency/template.ts';

const COUNT = 5_000;
const text = { type: { family: 'postgres', type: 'text', isOrdered: false }, isNotNull: true } as const;
const pages: TableShape = {
  name: 'pages',
  columns: [
    { name: 'id', type: { family: 'postgres', type: 'integer', isOrdered: true }, isNotNull: true },
    { name: 'tenant', ...text },
    { name: 'address', ...text },
  ],
  key: [0],
};
const isTenant: Predicate = { kind: 'compare', column: 1, operator: '=', operand: { kind: 'parameter', index: 1 } };
const isLike: Predicate = {
  kind: 'like',
  column: 2,
  pattern: { kind: 'parameter', index: 0 },
  escape: undefined,
  foldsCase: false,
};

function indexOf(predicate: Predicate, parametersOf: (number: number) => unknown[]): DependencyIndex {
  const read = {
    ...{ table: pages, alias: 'pages', predicate, valueColumns: [0, 2] },
    ...{ keyOutputs: [0], window: undefined },
  };
  const template: Template = { kind: 'tracked', id: 't', text: 't', reads: [read], output: ['id'], fallbacks: [] };
  const index = new DependencyIndex();
  for (let id = 0; id < COUNT; id++) {
    index.add(id, bindInstance(template, parametersOf(id), { rows: [] }));
  }
  return index;
}

function matched(index: DependencyIndex, row: readonly Cell[]) {
  const { ids } = index.match([{ kind: 'insert', table: pages, new: row }]);
  return { ids: [...ids], looks: index.stats().looks };
}

test('a text that is not known leaves the columns that are', () => {
  const index = indexOf({ kind: 'and', parts: [isTenant, isLike] }, (number) => [`a${number}%`, `tenant ${number}`]);
  expect(matched(index, [1, 'tenant 7', undefined])).toEqual({ ids: [7], looks: 1 });
});

test('long prefixes are told apart', () => {
  const start = 'https://www.example.com/a-catalogue-of-things/';
  const index = indexOf(isLike, (number) => [`${start}${number}/%`]);
  expect(matched(index, [1, 'x', `${start}4321/cover`])).toEqual({ ids: [4321], looks: 1 });
});

test('prefixes of more lengths than there is room for are still found', () => {
  const index = indexOf(isLike, (number) => [`${'a'.repeat(number % 200)}%`]);
  const { ids } = matched(index, [1, 'x', 'a'.repeat(199)]);
  expect(ids.length).toBe(COUNT);
  expect(
    matched(
      indexOf(isLike, (number) => [`${'a'.repeat(number % 200)}b%`]),
      [1, 'x', 'aaab'],
    ).ids.length,
  ).toBe(25);
});
