import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Invalidations } from '../../../src/ledger/invalidations.ts';
import type { ManifestRow } from '../../../src/store/disk/contract.ts';
import { SqliteManifest } from '../../../src/store/disk/manifest/manifest.ts';
import { manifestContract, manifestRow } from '../../contract/manifest-contract.ts';

// A thread is started for each.
vi.setConfig({ testTimeout: 30_000 });

let path: string;
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'manifest-'));
});
afterEach(() => rmSync(path, { recursive: true }));

const put = (row: ManifestRow) => ({ kind: 'put', row }) as const;
const image = () => {
  const invalidations = new Invalidations({ epoch: 'e', buckets: 2 ** 14 });
  for (const tag of ['a', 'b', 'c']) invalidations.apply({ kind: 'tag', tag });
  return invalidations.image();
};

/** Runs on the closed database, as if something else had got at it. */
function tamper(sql: string): void {
  const database = new DatabaseSync(join(path, 'manifest.db'));
  database.exec(sql);
  database.close();
}

async function filled(): Promise<void> {
  const manifest = new SqliteManifest(path);
  await manifest.commit([put(manifestRow('/a', 1, { tags: ['t'] })), put(manifestRow('/b', 2))]);
  await manifest.checkpoint(image());
  await manifest.close();
}

describe('contract of Manifest: SQLite', () => {
  manifestContract(() => new SqliteManifest(path));
});

it('has after a restart what it had before', async () => {
  await filled();
  const manifest = new SqliteManifest(path);
  expect(manifest.wasDamaged).toBe(false);
  expect(manifest.lookUp(manifestRow('/a', 1).key)).toEqual(manifestRow('/a', 1, { tags: ['t'] }));
  expect(manifest.restore()).toEqual(image());
  expect(await manifest.summary()).toMatchObject({ rows: 2, maxGeneration: 2 });
  await manifest.close();
});

it('writes only the buckets that changed since the last image, also after a restart', async () => {
  await filled();
  const manifest = new SqliteManifest(path);
  const restored = new Invalidations({ from: manifest.restore()! });
  restored.apply({ kind: 'tag', tag: 'd' });
  // Not told of: a chunk that no later position stands in is not looked at again.
  const buckets = restored.image().buckets;
  const touched = Math.floor(buckets.indexOf(4) / 8192);
  const untouched = touched === 0 ? 8192 : 0;
  buckets[untouched] = 0.5;
  await manifest.checkpoint(restored.image());
  expect(manifest.restore()?.buckets.indexOf(4)).toBe(buckets.indexOf(4));
  expect(manifest.restore()?.buckets[untouched]).not.toBe(0.5);
  await manifest.close();
});

it('refuses a manifest of a newer version and does not touch it', async () => {
  await filled();
  tamper(`PRAGMA user_version = 7; PRAGMA application_id = ${0x54470007}`);
  const before = readFileSync(join(path, 'manifest.db'));
  expect(() => new SqliteManifest(path)).toThrow(
    expect.objectContaining({
      code: 'E_DISK',
      message: expect.stringMatching(/version 1 or older, got one of version 7/),
    }),
  );
  expect(readFileSync(join(path, 'manifest.db')).equals(before)).toBe(true);
});

describe('a damaged database is moved aside and begun anew:', () => {
  it.each([
    ['a text', () => writeFileSync(join(path, 'manifest.db'), 'not a database, by any means'.repeat(100))],
    [
      'cut short',
      () => writeFileSync(join(path, 'manifest.db'), readFileSync(join(path, 'manifest.db')).subarray(0, 9000)),
    ],
    ['a version that nothing else agrees with', () => tamper('PRAGMA user_version = 33')],
    ['a table that is missing', () => tamper('DROP TABLE image')],
    ['a mark of the last run', () => writeFileSync(join(path, 'manifest.db.damaged'), '')],
  ])('%s', async (_, damage) => {
    for (let time = 0; time < 2; time++) {
      await filled();
      damage();
      const manifest = new SqliteManifest(path);
      expect(manifest.wasDamaged).toBe(true);
      expect(manifest.restore()).toBeUndefined();
      expect(await manifest.summary()).toMatchObject({ rows: 0 });
      await manifest.commit([put(manifestRow('/new', 1))]);
      await manifest.close();
      expect(readdirSync(path).filter((name) => /damaged-\d+$/.test(name))).toEqual(['manifest.db.damaged-1']);
    }
    const manifest = new SqliteManifest(path);
    expect(manifest.wasDamaged).toBe(false);
    await manifest.close();
  });
});

it('gives no row that was altered', async () => {
  await filled();
  tamper(`UPDATE entries SET meta = replace(meta, '"t"', '"s"') WHERE generation = 1`);
  const manifest = new SqliteManifest(path);
  expect(manifest.lookUp(manifestRow('/a', 1).key)).toBeUndefined();
  expect(manifest.lookUp(manifestRow('/b', 2).key)).toEqual(manifestRow('/b', 2));
  await manifest.close();
});

it.each([
  ['a position', 'UPDATE buckets SET positions = zeroblob(65536) WHERE chunk = (SELECT min(chunk) FROM buckets)'],
  ['a chunk that is gone', 'DELETE FROM buckets WHERE chunk = (SELECT max(chunk) FROM buckets)'],
  ['the state', `UPDATE image SET state = replace(state, '"applied":3', '"applied":2')`],
])('restores nothing when it was altered: %s', async (_, sql) => {
  await filled();
  tamper(sql);
  const manifest = new SqliteManifest(path);
  expect(manifest.restore()).toBeUndefined();
  expect((await manifest.summary()).rows).toBe(2);
  await manifest.close();
});

it('takes a file that ends too early for damage, and not for a disk that fails', async () => {
  const told: Error[] = [];
  const manifest = new SqliteManifest(path, (error) => told.push(error));
  await manifest.checkpoint(image());
  truncateSync(join(path, 'manifest.db-wal'), 5_000);
  expect(manifest.restore()).toBeUndefined();
  expect(told.map(({ message }) => message)).toEqual(['disk I/O error']);
  await manifest.close();
  const next = new SqliteManifest(path);
  expect(next.wasDamaged).toBe(true);
  await next.close();
});

it('tells of damage that is met later, and begins anew at the next start', async () => {
  const rows = Array.from({ length: 20_000 }, (_, at) => manifestRow(`/${at}`, at + 1));
  const first = new SqliteManifest(path);
  await first.commit(rows.map(put));
  await first.close();
  const told: Error[] = [];
  const manifest = new SqliteManifest(path, (error) => told.push(error));
  const file = join(path, 'manifest.db');
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xa5, 10 * 4096));
  const scanned = (async () => {
    let count = 0;
    for await (const portion of manifest.scan()) count += portion.count;
    return count;
  })();
  await expect(scanned).rejects.toThrow(/malformed/);
  expect(told).toHaveLength(1);
  await manifest.close();
  const next = new SqliteManifest(path);
  expect(next.wasDamaged).toBe(true);
  await next.close();
});

it('rejects what is given after the end', async () => {
  const manifest = new SqliteManifest(path);
  await manifest.close();
  await expect(manifest.commit([])).rejects.toThrow(/closed/);
  await manifest.close();
});
