import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseJson } from '../../src/admin/contract.ts';
import { beyondBounds } from '../../src/admin/json-bounds.ts';

test.each([
  ['lists within each other', `${'['.repeat(33)}${']'.repeat(33)}`, '32 objects and lists'],
  ['objects within each other', `${'{"a":'.repeat(33)}1${'}'.repeat(33)}`, '32 objects and lists'],
  ['a megabyte of brackets that nobody closes', '['.repeat(1_048_576), '32 objects and lists'],
  ['many elements', `[${'0,'.repeat(100_000)}0]`, '100000 members'],
  ['many members', `{${Array.from({ length: 100_001 }, (_, at) => `"${at}":0`).join(',')}}`, '100000 members'],
])('%s are refused before they are parsed', (_, text, got) => {
  expect(beyondBounds(text)).toContain(got);
  expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'E_SELECTOR' }));
});

test('what is within the bounds passes, whatever its texts hold', () => {
  expect(beyondBounds(`${'['.repeat(32)}${']'.repeat(32)}`)).toBeUndefined();
  expect(beyondBounds(`[${'0,'.repeat(99_999)}0]`)).toBeUndefined();
  expect(beyondBounds(JSON.stringify({ tag: `${'[{,"\\'.repeat(1_000)}` }))).toBeUndefined();
});

/** As counted on the value itself. */
function sizeOf(value: unknown): { depth: number; values: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 0 };
  const inner = Object.values(value).map(sizeOf);
  return {
    depth: 1 + Math.max(0, ...inner.map(({ depth }) => depth)),
    values: inner.reduce((sum, { values }) => sum + values, inner.length),
  };
}

test('no JSON of a depth within the bound is refused, and none beyond it passes', () => {
  const json = fc.json({ maxDepth: 40, stringUnit: 'binary' });
  fc.assert(
    fc.property(json, (text) => {
      const { depth } = sizeOf(JSON.parse(text));
      expect(beyondBounds(text) === undefined).toBe(depth <= 32);
    }),
    { numRuns: 2_000 },
  );
});

test('any text is looked at once', () => {
  for (const part of ['"', '\\', '"\\', '{"', '[]', '{},']) {
    const began = performance.now();
    beyondBounds(part.repeat(Math.floor(1_048_576 / part.length)));
    expect(performance.now() - began).toBeLessThan(500);
  }
});
