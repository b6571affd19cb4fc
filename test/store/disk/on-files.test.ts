// The disk store on real files and SQLite: what the parts in memory cannot show.

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { platformTasks } from '../../../src/cache/platform.ts';
import { DiskStore } from '../../../src/store/disk/disk-store.ts';
import { SqliteManifest } from '../../../src/store/disk/manifest/manifest.ts';
import { openFolder } from '../../../src/store/disk/node-folder.ts';
import { getKey, keysFound, storedResponse } from '../../contract/store-contract.ts';
import { dice } from '../../kit/disk-bench.ts';

let path = '';
beforeEach(() => {
  path = mkdtempSync(join(tmpdir(), 'tidegate-store-'));
});
afterEach(() => rmSync(path, { recursive: true }));

/** Opens the store, works with it, closes all of it; returns what was told of faults. */
async function life(work: (store: DiskStore) => Promise<void>): Promise<unknown[]> {
  const faults: unknown[] = [];
  const manifest = new SqliteManifest(path);
  const parts = { folder: openFolder(path), manifest, tasks: platformTasks, random: dice(faults.length + 1) };
  const store = new DiskStore({ ...parts, maxBytes: 64 * 1024 * 1024, fault: (error) => faults.push(error) });
  try {
    await work(store);
    await store.close();
  } finally {
    await manifest.close();
  }
  return faults;
}

const SIZES = [0, 2000, 100_000, 3_000_000];

it('keeps short, long and large through a restart, and sees one changed bit', async () => {
  const large = Buffer.alloc(5_000_000, 'large');
  let id = '';
  const first = await life(async (store) => {
    for (const size of SIZES) await store.put(storedResponse(getKey(`http://h/${size}`), 'x'.repeat(size)));
    const writer = store.bodies.create();
    await writer.append(large);
    const body = await writer.finish();
    id = body.id;
    await store.put({ ...storedResponse(getKey('http://h/large'), ''), large: body });
  });
  const second = await life(async (store) => {
    expect((await keysFound(store, { kind: 'all' })).length).toBe(SIZES.length + 1);
    for (const size of SIZES) {
      const entry = await store.get(getKey(`http://h/${size}`));
      expect(entry?.kind === 'response' && entry.bytes.length - entry.headBytes).toBe(size);
    }
    const source = store.bodies.read({ id, bytes: large.length }, { start: 1_000_000, end: 1_500_000 });
    const chunks: Uint8Array[] = [];
    for (let read = source.read(); read !== 'end'; read = source.read()) {
      if (typeof read === 'object') chunks.push(read);
      else await new Promise<void>((resolve) => source.whenReadable(resolve));
    }
    expect(Buffer.concat(chunks).equals(large.subarray(1_000_000, 1_500_000))).toBe(true);
    await store.loaded();
    const report = await store.check();
    expect([report.agreeing, report.examples]).toEqual([SIZES.length + 1, []]);
  });
  expect([...first, ...second]).toEqual([]);

  const [name] = readdirSync(join(path, 'segments'));
  const file = join(path, 'segments', name!);
  const bytes = readFileSync(file);
  bytes[bytes.indexOf('x'.repeat(1500)) + 700]! ^= 1;
  writeFileSync(file, bytes);
  const third = await life(async (store) => {
    expect(await store.get(getKey('http://h/2000'))).toBe(undefined);
    expect(await store.get(getKey('http://h/100000'))).toMatchObject({ kind: 'response' });
    await store.clear();
    expect(await keysFound(store, { kind: 'all' })).toEqual([]);
  });
  expect(third.map(String)).toEqual([expect.stringContaining('checksum')]);
  expect(readdirSync(join(path, 'segments'))).toEqual([]);
});
