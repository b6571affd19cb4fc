// What single bits that flip do to a manifest: rows are lost, and nothing else is.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Selector } from '../../../src/ledger/selector.ts';
import { SqliteManifest } from '../../../src/store/disk/manifest/manifest.ts';
import { ManifestReads } from '../../../src/store/disk/manifest/manifest-reads.ts';
import { manifestRow } from '../../contract/manifest-contract.ts';

// A thread is started for each.
vi.setConfig({ testTimeout: 30_000 });

let path: string;
let file: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'manifest-'));
  file = join(path, 'manifest.db');
});
afterEach(() => rmSync(path, { recursive: true }));

const ROWS = [1, 2, 3, 4].map((at) => manifestRow(`/${at}`, at, { tags: ['t'], bodyId: `body${at}` }));

async function filled(): Promise<void> {
  const manifest = new SqliteManifest(path);
  await manifest.commit(ROWS.map((row) => ({ kind: 'put', row })));
  await manifest.close();
}

function tampered<T>(use: (database: DatabaseSync) => T): T {
  const database = new DatabaseSync(file);
  try {
    return use(database);
  } finally {
    database.close();
  }
}

describe('a bit that flips in a key', () => {
  /** Ends after a while: a loop without end would hold the test's own thread. */
  function found(selector: Selector): string[] {
    return tampered((database) => {
      let looks = 0;
      const prepare = database.prepare.bind(database);
      database.prepare = (sql) => {
        const statement = prepare(sql);
        const get = statement.get.bind(statement);
        statement.get = ((value: string) => {
          if (++looks > 100) throw new Error('expected few looks for a scope, got more than 100');
          return get(value);
        }) as typeof get;
        return statement;
      };
      return new ManifestReads(database).find({ selector, after: '' }).rows.map(({ key }) => key);
    });
  }

  // 0xe9 begins a character that does not go on: read as a text, it sorts before itself.
  const prefix = Buffer.from(ROWS[0]!.key).indexOf('api');
  it.each([
    ['the space after the method', Buffer.from('- api GET').length, 0x20],
    ['the space after the tenant', 1, 0x20],
    ['the space after the origin', '- api'.length, 0x01],
    ['a letter, which then is no text', prefix + 1, 0x80],
  ])('does not keep the look for a scope from ending: %s', async (_, at, bit) => {
    await filled();
    const key = Buffer.from(ROWS[1]!.key);
    key[at]! ^= bit;
    tampered((database) => database.prepare('UPDATE entries SET key = CAST(? AS TEXT) WHERE generation = 2').run(key));
    const others = [ROWS[0]!, ROWS[2]!, ROWS[3]!].map((row) => row.key);
    expect(found({ kind: 'prefix', prefix: 'http://site.example/' })).toEqual(others);
    expect(found({ kind: 'origin', origin: 'api' })).toEqual(others);
    expect(found({ kind: 'url', uri: 'http://site.example/3' })).toEqual([ROWS[2]!.key]);
  });

  it('of the index, or of the row alone, does not either', async () => {
    await filled();
    const bytes = readFileSync(file);
    const places: number[] = [];
    for (let at = bytes.indexOf('- api GET'); at >= 0; at = bytes.indexOf('- api GET', at + 1)) places.push(at);
    expect(places.length).toBe(2 * ROWS.length);
    for (const place of places) {
      for (let bit = 0; bit < 7 * 8; bit++) {
        const copy = Buffer.from(bytes);
        copy[place + (bit >> 3)]! ^= 1 << (bit & 7);
        writeFileSync(file, copy);
        expect(endOf(() => found({ kind: 'origin', origin: 'api' }))).toMatch(/^rows$|expected keys in order/);
      }
    }
  });
});

it('portions of rows end, whatever bit flips in the key that one ends with', async () => {
  const rows = Array.from({ length: 2_100 }, (_, at) => manifestRow(`/${10_000 + at}`, at + 1));
  const manifest = new SqliteManifest(path);
  await manifest.commit(rows.map((row) => ({ kind: 'put', row })));
  await manifest.close();
  const bytes = readFileSync(file);
  const last = rows[1_999]!.key;
  const ends = [bytes.indexOf(last), bytes.lastIndexOf(last)].map((place) => {
    const copy = Buffer.from(bytes);
    copy[place]! ^= 0x08;
    writeFileSync(file, copy);
    return endOf(() =>
      tampered((database) => {
        const reads = new ManifestReads(database);
        let after: string | undefined = '';
        for (let portions = 0; after !== undefined; portions++) {
          if (portions > 10) throw new Error('expected three portions, got more than ten');
          after = reads.find({ selector: { kind: 'all' }, after }).after;
        }
      }),
    );
  });
  expect(ends.sort()).toEqual(['expected keys in order, got one that is not', 'rows']);
});

function endOf(look: () => unknown): string {
  try {
    look();
    return 'rows';
  } catch (error) {
    return (error as Error).message;
  }
}

describe('a bit that flips in a number, so that it is too large to be given', () => {
  async function all(manifest: SqliteManifest): Promise<number> {
    let count = 0;
    for await (const portion of manifest.scan()) count += portion.count;
    return count;
  }

  const columns = ['segment', '"offset"', 'bytes', 'body_bytes', 'crc', 'high', 'low', 'tag_bits'];
  const changes: (readonly [string, number, string])[] = [
    ...columns.map((column) => [`${column} in the middle`, 2, `${column} = ${column} | (1 << 60)`] as const),
    ['segment at the edge', 4, 'segment = segment | (1 << 60)'],
    ['segment below 0', 2, 'segment = segment | (1 << 63)'],
    ['generation', 4, 'generation = generation | (1 << 60)'],
  ];
  it.each(changes)('costs that row alone: %s', async (_, at, change) => {
    await filled();
    tampered((database) => database.exec(`UPDATE entries SET ${change} WHERE generation = ${at}`));
    const told: Error[] = [];
    const manifest = new SqliteManifest(path, (error) => told.push(error));
    expect(manifest.wasDamaged).toBe(false);
    const others = ROWS.filter(({ generation }) => generation !== at);
    const keys = others.map(({ key }) => key);
    expect(await all(manifest)).toBe(3);
    expect((await manifest.summary()).rows).toBeGreaterThanOrEqual(3);
    expect((await manifest.bodies()).map(({ key }) => key)).toEqual(keys);
    for (const selector of [
      { kind: 'all' },
      { kind: 'tag', tag: 't' },
      { kind: 'pattern', pattern: 'http://site.example/*' },
      { kind: 'origin', origin: 'api' },
    ] as const) {
      const rows: string[] = [];
      for await (const portion of manifest.find(selector)) rows.push(...portion.map(({ key }) => key));
      expect(rows).toEqual(keys);
    }
    expect(ROWS.map(({ key }) => manifest.lookUp(key))).toEqual(
      ROWS.map((row) => (keys.includes(row.key) ? row : undefined)),
    );
    expect(told).toEqual([]);
    await manifest.close();
  });

  it('is damage where no row is to blame', async () => {
    await filled();
    tampered((database) => database.exec('UPDATE counters SET value = value | (1 << 60)'));
    const manifest = new SqliteManifest(path);
    expect(manifest.wasDamaged).toBe(true);
    await manifest.close();
    const next = new SqliteManifest(path);
    expect(next.wasDamaged).toBe(false);
    await next.close();
  });
});

it.each(['meta', 'high', 'tag_bits', 'offset', 'positions', 'state'])(
  'begins anew when a bit flips in the schema: %s',
  async (column) => {
    await filled();
    const bytes = readFileSync(file);
    const at = bytes
      .subarray(0, 4096)
      .indexOf(new RegExp(`${column}"? (TEXT|INTEGER|BLOB)`).exec(bytes.toString('latin1'))![0]);
    expect(at).toBeGreaterThan(0);
    bytes[at]! ^= 1;
    writeFileSync(file, bytes);
    const manifest = new SqliteManifest(path);
    expect(manifest.wasDamaged).toBe(true);
    await manifest.commit([{ kind: 'put', row: ROWS[0]! }]);
    expect(manifest.lookUp(ROWS[0]!.key)).toEqual(ROWS[0]);
    await manifest.close();
  },
);

it('restores nothing, and leaves no mark, while the disk does not give what was written', async () => {
  await filled();
  const told: Error[] = [];
  const manifest = new SqliteManifest(path, (error) => told.push(error));
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementation(() => {
    throw Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR', errcode: 266 });
  });
  expect(manifest.restore()).toBeUndefined();
  prepare.mockRestore();
  expect(told).toEqual([]);
  await manifest.close();
  const next = new SqliteManifest(path);
  expect(next.wasDamaged).toBe(false);
  await next.close();
});
