// Results of real drivers as values, in memory and through the codec of slower tiers.

import { createClient } from '@libsql/client';
import pg from 'pg';
import { describe, expect, test } from 'vitest';
import { ownValue, readOwned } from '../../src/entry/owned-value.ts';
import { createValueCodec } from '../../src/store/value-codec.ts';

const codec = createValueCodec();

/** What a reader gets, of memory and of a slower tier. */
function kept(value: unknown): unknown[] {
  const owned = ownValue(value);
  const read = readOwned(owned);
  return [read, readOwned(ownValue(codec.decode(codec.encode(read))))];
}

describe('libsql', () => {
  test('a result is its rows, by name and by position, and what is told of them', async () => {
    const client = createClient({ url: ':memory:' });
    const result = await client.execute("SELECT 1 AS id, 'Ada' AS name, NULL AS none, 2.5 AS score, x'0102' AS bytes");
    for (const copy of kept(result) as (typeof result)[]) {
      expect(copy).toEqual({ ...result });
      expect([copy.rows[0]?.[1], copy.rows[0]?.name, copy.rows[0]?.length]).toEqual(['Ada', 'Ada', 5]);
      expect(Array.from(copy.rows[0] as ArrayLike<unknown>)).toEqual(Array.from(result.rows[0] as ArrayLike<unknown>));
      expect(Object.keys(copy.rows[0] as object)).toEqual(['id', 'name', 'none', 'score', 'bytes']);
    }
    for (const copy of kept(result.rows) as (typeof result.rows)[]) expect(copy[0]?.[0]).toBe(1);
    client.close();
  });
});

describe('pg', () => {
  test('an interval is its parts, alone and in a row', () => {
    const parse = pg.types.getTypeParser(pg.types.builtins.INTERVAL) as (text: string) => object;
    const interval = parse('1 year 2 days -03:04:05.006');
    for (const copy of kept(interval)) {
      expect(copy).toEqual({ ...interval });
      expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    }
    for (const copy of kept([{ id: 1, span: interval, none: parse('00:00:00') }])) {
      expect(copy).toEqual([{ id: 1, span: { ...interval }, none: {} }]);
    }
  });
});
