// Which variants of a URL make room for others.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { VariantLists } from '../../src/engine/tiers/variant-lists.ts';
import { MAX_VARIANTS, type VariantList } from '../../src/entry/stored-response.ts';

const NAMES = ['accept-language'];

function grown(lists: VariantLists, variants: readonly string[], old?: VariantList): VariantList {
  let list = old;
  for (const variant of variants) list = lists.with(list, { key: 'k', names: NAMES, variant });
  if (list === undefined) throw new Error('expected a variant, got none');
  return list;
}

const made = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `v${from + at}`);

test('a full list drops the oldest that nobody used', () => {
  const lists = new VariantLists();
  const full = grown(lists, made(MAX_VARIANTS));
  for (const variant of ['v0', 'v1', 'v3']) lists.use(full, variant);
  const next = grown(lists, ['new'], full);
  expect(next.variantKeys).toHaveLength(MAX_VARIANTS);
  expect(next.variantKeys).not.toContain('v2');
  expect(next.variantKeys.slice(-3)).toEqual(['v0', 'v1', 'new']);
  expect(lists.dropped).toBe(1);
});

test('who is not used again loses its place', () => {
  const lists = new VariantLists();
  const full = grown(lists, made(MAX_VARIANTS));
  for (const variant of full.variantKeys) lists.use(full, variant);
  const later = grown(lists, made(MAX_VARIANTS, 1_000), full);
  expect(later.variantKeys).toEqual(made(MAX_VARIANTS, 1_000));
});

test('a variant that is used now and then outlasts ten thousand made-up ones', () => {
  const lists = new VariantLists();
  let list = grown(lists, ['en', 'de']);
  for (let turn = 0; turn < 10_000; turn++) {
    if (turn % 20 === 0) for (const one of ['en', 'de']) if (list.variantKeys.includes(one)) lists.use(list, one);
    list = grown(lists, [`x${turn}`], list);
  }
  expect(list.variantKeys).toEqual(expect.arrayContaining(['en', 'de']));
});

test('names that changed begin a list anew', () => {
  const lists = new VariantLists();
  const full = grown(lists, made(MAX_VARIANTS));
  expect(lists.with(full, { key: 'k', names: ['accept'], variant: 'a' }).variantKeys).toEqual(['a']);
});

test('whatever happens: at most the bound, none twice, the newest among them, and no more dropped than come', () => {
  const step = fc.record({ list: fc.nat(2), variant: fc.nat(150), isUse: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const lists = new VariantLists();
      const known = new Map<number, VariantList>();
      for (const { list: at, variant, isUse } of steps) {
        const old = known.get(at);
        if (isUse && old?.variantKeys.includes(`v${variant}`)) lists.use(old, `v${variant}`);
        if (isUse) continue;
        const list = lists.with(old, { key: `k${at}`, names: NAMES, variant: `v${variant}` });
        expect(list.variantKeys.length).toBeLessThanOrEqual(MAX_VARIANTS);
        expect(new Set(list.variantKeys).size).toBe(list.variantKeys.length);
        expect(list.variantKeys.at(-1)).toBe(`v${variant}`);
        const lost = (old?.variantKeys ?? []).filter((one) => !list.variantKeys.includes(one));
        expect(lost.length).toBeLessThanOrEqual(1);
        known.set(at, list);
      }
    }),
    { numRuns: 100 },
  );
});
