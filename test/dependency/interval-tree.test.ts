// The facts about intervals: what holds a point is found, however the tree came about.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Cell } from '../../src/dependency/change.ts';
import { type Interval, IntervalOrder } from '../../src/dependency/index/interval-blocks.ts';
import { IntervalTrees } from '../../src/dependency/index/interval-tree.ts';
import { NONE } from '../../src/dependency/index/numbers.ts';

const MOST = 50;
const end = fc.option(fc.integer({ min: 0, max: MOST }), { nil: undefined });
const type = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const step = fc.record({ low: end, high: end, leaves: fc.nat(), tree: fc.nat({ max: 9 }) });

/** Some trees of one set, most items in the first, held against lists. */
class Compared {
  readonly #order: IntervalOrder;
  readonly #ends: Interval[] = [];
  readonly #trees: IntervalTrees;
  readonly #roots = [NONE, NONE];
  readonly #there: Set<number>[] = [new Set(), new Set()];

  constructor(order: IntervalOrder, isOrdered: boolean) {
    this.#order = order;
    this.#trees = new IntervalTrees({
      order: isOrdered ? order : undefined,
      ends: (item) => this.#ends[item] as Interval,
    });
  }

  insert(tree: number, ends: Interval): void {
    const item = this.#ends.push(ends) - 1;
    this.#roots[tree] = this.#trees.insert(this.#roots[tree] as number, item);
    this.#there[tree]?.add(item);
  }

  remove(tree: number, chance: number): void {
    const items = [...(this.#there[tree] as Set<number>)];
    const item = items[chance % items.length];
    if (item === undefined) return;
    this.#roots[tree] = this.#trees.remove(this.#roots[tree] as number, item);
    this.#there[tree]?.delete(item);
  }

  /** `point` undefined: all. */
  found(tree: number, point: number | undefined): number[] {
    const found: number[] = [];
    if (point === undefined) this.#trees.all(this.#roots[tree] as number, found);
    else this.#trees.find(this.#roots[tree] as number, point, found);
    return found.sort((one, other) => one - other);
  }

  wanted(tree: number, point: number | undefined): number[] {
    const isAfter = (one: Cell) => one !== undefined && this.#order.compare(one, point as number) > 0;
    const isBefore = (one: Cell) => one !== undefined && this.#order.compare(one, point as number) < 0;
    return [...(this.#there[tree] as Set<number>)].filter((item) => {
      const { low, high } = this.#ends[item] as Interval;
      return point === undefined || (!isAfter(low) && !isBefore(high));
    });
  }

  root(tree: number): number {
    return this.#roots[tree] as number;
  }
}

describe('a tree of intervals', () => {
  test.each([
    [false, 60],
    [true, 60],
    [false, 3_000],
    [true, 3_000],
  ])('finds what holds a point, and nothing else but a single one (reversed: %s; %i steps)', (isReversed, most) => {
    const order = new IntervalOrder({ type, nulls: 'none', isReversed });
    fc.assert(
      fc.property(fc.array(step, { maxLength: most, size: 'max' }), fc.nat({ max: 3 }), (steps, growth) => {
        const compared = new Compared(order, true);
        for (const [number, { low, high, leaves, tree }] of steps.entries()) {
          const which = tree === 0 ? 1 : 0;
          // Grows, then shrinks.
          const isGrowing = number < (steps.length * growth) / 4;
          if (isGrowing || leaves % 3 !== 0) compared.insert(which, { low, high });
          if (!isGrowing || leaves % 9 === 0) compared.remove(which, leaves);
          if (number % 7 !== 0 && number > 100) continue;
          const point = (leaves % (MOST + 3)) - 1;
          const found = compared.found(which, point);
          const isSingle = compared.root(which) < NONE;
          expect(found).toEqual(compared.wanted(which, isSingle ? undefined : point));
          expect(compared.found(which, undefined)).toEqual(compared.wanted(which, undefined));
        }
      }),
      { numRuns: most > 100 ? 8 : 300 },
    );
  });

  test('without an order has all of its items', () => {
    const order = new IntervalOrder({ type, nulls: 'none', isReversed: false });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400, size: 'max' }), (steps) => {
        const compared = new Compared(order, false);
        for (const { low, high, leaves, tree } of steps) {
          compared.insert(tree === 0 ? 1 : 0, { low, high });
          if (leaves % 3 === 0) compared.remove(tree === 0 ? 1 : 0, leaves);
        }
        for (const tree of [0, 1]) expect(compared.found(tree, 5)).toEqual(compared.wanted(tree, undefined));
      }),
      { numRuns: 40 },
    );
  });

  test('is left by all, in any order, and then is none', () => {
    const order = new IntervalOrder({ type, nulls: 'none', isReversed: false });
    const compared = new Compared(order, true);
    for (let number = 0; number < 5_000; number++) compared.insert(0, { low: number % 97, high: (number % 97) + 3 });
    for (let number = 5_000; number > 0; number--) compared.remove(0, number * 7_919);
    expect(compared.root(0)).toBe(NONE);
  });

  test('an item that is not there is not taken out in silence', () => {
    const order = new IntervalOrder({ type, nulls: 'none', isReversed: false });
    const trees = new IntervalTrees({ order, ends: () => ({ low: 1, high: 2 }) });
    expect(() => trees.remove(NONE, 0)).toThrow(RangeError);
    expect(() => trees.remove(trees.insert(NONE, 1), 0)).toThrow(RangeError);
    expect(() => trees.remove(trees.insert(trees.insert(NONE, 1), 2), 0)).toThrow(RangeError);
  });

  test('leaves nothing out when ends have no known order', () => {
    const order = new IntervalOrder({ type, nulls: 'none', isReversed: false });
    const ends = [1, null, 3].map((low) => ({ low, high: undefined }));
    const trees = new IntervalTrees({ order, ends: (item) => ends[item] as Interval });
    const tree = [0, 1, 2].reduce((root, item) => trees.insert(root, item), NONE);
    const found: number[] = [];
    trees.find(tree, 2, found);
    expect(found.sort()).toEqual([0, 1, 2]);
  });
});
