// The facts about the index: it gives what `affects` says, no less ever, and no more unless it says that it is coarse.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { affects } from '../../src/dependency/affected.ts';
import type { Change } from '../../src/dependency/change.ts';
import { DependencyIndex, type DependencyIndexOptions } from '../../src/dependency/index/dependency-index.ts';
import type { Instance } from '../../src/dependency/template.ts';
import { Chance, makeWorld } from './dependency-index-cases.ts';

function affectedOf(instances: ReadonlyMap<number, Instance>, changes: readonly Change[]): number[] {
  const ids: number[] = [];
  for (const [id, { reads }] of instances) {
    if (reads.some((read) => changes.some((change) => affects(read, change) !== undefined))) ids.push(id);
  }
  return ids.sort((one, other) => one - other);
}

const sorted = (ids: Iterable<number>) => [...ids].sort((one, other) => one - other);
const coarseOf = (index: DependencyIndex) =>
  Object.values(index.stats().coarse).reduce((sum, count) => sum + count) - index.stats().coarse.schema;

interface Tally {
  cases: number;
  affected: number;
  given: number;
  exact: number;
}

interface Crowd {
  readonly ids: number;
  readonly atFirst: number;
  readonly perStep: number;
  readonly steps: number;
}

const FEW: Crowd = { ids: 150, atFirst: 100, perStep: 8, steps: 40 };
/** So many of each form that trees have several levels, and that half of all leave and come again. */
const MANY: Crowd = { ids: 6_000, atFirst: 9_000, perStep: 4_000, steps: 8 };

/** Instances come and go; each change is matched and held against all that are there. */
function live(seed: number, options: DependencyIndexOptions & { readonly crowd?: Crowd }, tally: Tally): void {
  const { ids: most, atFirst, perStep, steps } = options.crowd ?? FEW;
  const chance = new Chance(seed);
  const world = makeWorld(chance);
  const index = new DependencyIndex(options);
  const instances = new Map<number, Instance>();
  for (let step = 0; step < steps; step++) {
    for (let count = chance.below(step === 0 ? atFirst : perStep); count > 0; count--) {
      const id = chance.below(most);
      const instance = world.instance();
      instances.delete(id);
      instances.set(id, instance);
      for (const forgotten of index.add(id, instance)) expect(instances.delete(forgotten)).toBe(true);
    }
    for (let count = chance.below(perStep - 2); count > 0; count--) {
      const id = chance.below(most);
      index.remove(id);
      instances.delete(id);
    }
    expect(index.stats().instances).toBe(instances.size);
    const changes = Array.from({ length: 1 + (chance.is(20) ? 2 : 0) }, () => world.change());
    const coarse = coarseOf(index);
    const { ids, reasons } = index.match(changes, true);
    const wanted = affectedOf(instances, changes);
    const missed = wanted.filter((id) => !ids.has(id));
    expect(missed).toEqual([]);
    for (const id of ids) expect(instances.has(id)).toBe(true);
    expect(sorted(reasons?.keys() ?? [])).toEqual(sorted(ids));
    tally.cases += instances.size * changes.length;
    tally.affected += wanted.length;
    tally.given += ids.size;
    // Of values that are out of form, `affects` itself says more or less from case to case.
    if (coarseOf(index) !== coarse || chance.isOdd) continue;
    tally.exact++;
    expect(sorted(ids)).toEqual(wanted);
  }
  expect(index.stats().coarse.error).toBe(0);
  for (const id of instances.keys()) index.remove(id);
  expect(index.stats()).toMatchObject({ instances: 0, reads: 0, tables: 0, records: 0 });
}

describe('the index', () => {
  test('gives what a walk through all instances gives', () => {
    const tally = { cases: 0, affected: 0, given: 0, exact: 0 };
    const numRuns = Number(process.env.RUNS ?? 100);
    fc.assert(
      fc.property(fc.integer(), (seed) => live(seed, {}, tally)),
      { numRuns },
    );
    expect(tally.cases).toBeGreaterThan(numRuns * 1000);
    expect(tally.affected).toBeGreaterThan(tally.cases / 50);
    expect(tally.exact).toBeGreaterThan(numRuns * 20);
  });

  test('does so for many of one form', () => {
    const tally = { cases: 0, affected: 0, given: 0, exact: 0 };
    for (let seed = 1; seed <= 6; seed++) live(seed, { crowd: MANY, maxLooks: 1e9 }, tally);
    expect(tally.exact).toBeGreaterThan(10);
  });

  test('misses nothing where it is bounded', () => {
    const tally = { cases: 0, affected: 0, given: 0, exact: 0 };
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 40 }), (seed, maxInstances) =>
        live(seed, { maxInstances, maxLooks: seed & 7 }, tally),
      ),
      { numRuns: 100 },
    );
    expect(tally.given).toBeGreaterThan(tally.affected);
  });
});
