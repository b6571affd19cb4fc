// The facts about intervals: what holds a point is found, however the tree came about.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cell } from '../../src/dependency/change.ts';
import { NONE } from '../../src/dependency/index-numbers.ts';
import { afterPrefix, IntervalOrder, prefixOf } from '../../src/dependency/interval-order.ts';
import { IntervalTrees } from '../../src/dependency/interval-tree.ts';

const end = fc.option(fc.integer({ min: 0, max: 50 }), { nil: undefined });
const type = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;

describe('a tree of intervals', () => {
  test.each([false, true])('finds what holds a point, and nothing else (reversed: %s)', (isReversed) => {
    const order = new IntervalOrder({ type, by: 'value', nulls: 'none', isReversed, foldsCase: false });
    const steps = fc.array(
      fc.record({ low: end, high: end, leaves: fc.nat(), point: fc.integer({ min: -1, max: 51 }) }),
    );
    fc.assert(
      fc.property(steps, (all) => {
        const trees = new IntervalTrees(order);
        const there = new Map<number, readonly [Cell, Cell]>();
        let root = NONE;
        for (const [node, { low, high, leaves, point }] of all.entries()) {
          trees.setEnds(node, low, high);
          root = trees.insert(root, node);
          there.set(node, [low, high]);
          if (leaves % 3 === 0) {
            const leaving = [...there.keys()][leaves % there.size] as number;
            root = trees.remove(root, leaving);
            there.delete(leaving);
          }
          const found: number[] = [];
          trees.find(root, point, found);
          const isAfter = (one: Cell, other: number) => one !== undefined && order.compare(one, other) > 0;
          const isBefore = (one: Cell, other: number) => one !== undefined && order.compare(one, other) < 0;
          const wanted = [...there].filter(([, [from, to]]) => !isAfter(from, point) && !isBefore(to, point));
          expect(found.sort()).toEqual(wanted.map(([number]) => number).sort());
        }
      }),
      { numRuns: 300 },
    );
  });

  test('a node that is not there is not taken out in silence', () => {
    const trees = new IntervalTrees(
      new IntervalOrder({ type, by: 'value', nulls: 'none', isReversed: false, foldsCase: false }),
    );
    trees.setEnds(0, 1, 2);
    expect(() => trees.remove(NONE, 0)).toThrow(RangeError);
  });
});

describe('a prefix', () => {
  test.each([
    ['abc%', '', 'abc'],
    ['a_c', '', 'a'],
    ['%a', '', ''],
    ['a\\%b%', '\\', 'a'],
    ['a\\%b%', '', 'a\\'],
    ['ab!', '!', ''],
    ['a\0b%', '', ''],
    ['a\u{1f600}%', '', 'a'],
  ])('of %j, escaped by %j', (pattern, escapeBy, prefix) => {
    expect(prefixOf(pattern, escapeBy)).toBe(prefix);
  });

  test('comes before all that begin with it, and they before what comes after it', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (prefix, rest) => {
        const after = afterPrefix(prefix);
        expect(prefix <= prefix + rest).toBe(true);
        if (after !== undefined) expect(prefix + rest < after).toBe(true);
      }),
    );
    expect(afterPrefix('a\uffff')).toBe('b');
    expect(afterPrefix('\uffff')).toBeUndefined();
  });
});
