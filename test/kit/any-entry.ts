// Entries of every kind, with whatever may stand in them, for properties.

import fc from 'fast-check';
import type { Entry } from '../../src/entry/stored-response.ts';
import type { LifetimeSource } from '../../src/semantics/freshness.ts';

const anyText = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ unit: 'grapheme' }));
const anyNumber = fc.double({ noNaN: true });

const PLAIN = { noNullPrototype: true } as const;

const anyTerms = fc.record(
  {
    lifetimeMs: anyNumber,
    source: fc.constantFrom<LifetimeSource>('override', 's-maxage', 'none', 'heuristic'),
    noCache: fc.boolean(),
    mustRevalidate: fc.boolean(),
    staleWhileRevalidateMs: anyNumber,
    staleIfErrorMs: anyNumber,
    graceMs: anyNumber,
  },
  PLAIN,
);

const anyResponse = fc
  .record(
    {
      key: anyText,
      head: fc.uint8Array({ maxLength: 40 }),
      body: fc.uint8Array({ maxLength: 400 }),
      status: fc.integer({ min: 100, max: 999 }),
      bornMs: anyNumber,
      terms: anyTerms,
      tags: fc.array(anyText, { maxLength: 5 }),
      epoch: anyText,
      stamp: fc.maxSafeNat(),
      strong: fc.boolean(),
      large: fc.option(fc.record({ id: anyText, bytes: fc.maxSafeNat() }, PLAIN), { nil: undefined }),
    },
    PLAIN,
  )
  .map(({ head, body, large, strong, ...rest }): Entry => {
    const bytes = Uint8Array.from([...head, ...body]);
    const own = { kind: 'response' as const, ...rest, bytes, headBytes: head.length, checkedUpTo: rest.stamp };
    return { ...own, ...(large !== undefined && { large }), ...(strong && { strongModified: true }) };
  });

const anyList = fc
  .record({
    key: anyText,
    names: fc.array(anyText, { maxLength: 4 }),
    variantKeys: fc.array(anyText, { maxLength: 4 }),
  })
  .map((parts): Entry => ({ kind: 'variants', ...parts }));

export const anyEntry = fc.oneof({ weight: 3, arbitrary: anyResponse }, anyList);

/** Bytes compared as such, not as a view into a record. */
export function plainEntry(entry: unknown): unknown {
  const { bytes, ...rest } = entry as { bytes?: Uint8Array };
  return bytes === undefined ? rest : { ...rest, bytes: Uint8Array.from(bytes) };
}
