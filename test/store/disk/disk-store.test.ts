import { describe, expect, it } from 'vitest';
import type { Entry, StoredResponse } from '../../../src/entry/stored-response.ts';
import { getKey, keysFound, storedResponse, varied } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';

const MB = 1024 * 1024;

function response(path: string, bytes = 100, fill = 'x'): StoredResponse {
  return storedResponse(getKey(`http://h/${path}`), fill.repeat(bytes), [path]);
}

async function putAll(bench: DiskBench, entries: readonly Entry[]): Promise<void> {
  for (const entry of entries) await bench.drive(bench.store.put(entry));
}

async function bodyOf(bench: DiskBench, path: string): Promise<string | undefined> {
  const entry = await bench.drive(bench.store.get(getKey(`http://h/${path}`)));
  return entry?.kind === 'response' ? Buffer.from(entry.bytes.subarray(entry.headBytes)).toString() : undefined;
}

async function begun(options = {}): Promise<DiskBench> {
  const bench = new DiskBench(options);
  await bench.drive(bench.store.loaded());
  return bench;
}

async function countOf(found: AsyncIterable<unknown>): Promise<number> {
  let count = 0;
  for await (const _ of found) count++;
  return count;
}

describe('a look-up', () => {
  it('that finds nothing is answered at once and touches no disk', async () => {
    const bench = await begun();
    const { reads } = bench.disk;
    expect(bench.store.get(getKey('http://h/none'))).toBe(undefined);
    expect([bench.disk.reads - reads, bench.manifest.lookUps]).toEqual([0, 0]);
  });

  it('is answered at once when the record is short and was written a moment ago', async () => {
    const bench = await begun();
    bench.store.put(response('a'));
    expect(bench.store.get(getKey('http://h/a'))).toMatchObject({ key: getKey('http://h/a') });
  });

  it('reads aside what may be cold, and at once after that', async () => {
    const bench = await begun();
    await putAll(bench, [response('a')]);
    await bench.restart();
    await bench.drive(bench.store.loaded());
    const first = bench.store.get(getKey('http://h/a'));
    expect(first).toBeInstanceOf(Promise);
    await first;
    expect(bench.store.get(getKey('http://h/a'))).toMatchObject({ kind: 'response' });
  });

  it('gives a long entry from memory until it is written', async () => {
    const bench = await begun();
    bench.disk.held = true;
    const entry = response('long', 100_000);
    const put = bench.store.put(entry);
    expect(bench.store.get(entry.key)).toBe(entry);
    bench.disk.release();
    await put;
    expect(await bodyOf(bench, 'long')).toBe('x'.repeat(100_000));
    expect(bench.store.get(entry.key)).toBeInstanceOf(Promise);
  });

  it.each(['put', 'delete', 'clear'] as const)('is right when a %s overtakes a long write', async (how) => {
    const bench = await begun();
    bench.disk.held = true;
    const put = bench.store.put(response('a', 100_000));
    let other: unknown;
    if (how === 'put') bench.store.put(response('a', 10, 'y'));
    else other = how === 'delete' ? bench.store.delete([getKey('http://h/a')]) : bench.store.clear();
    expect(await bodyOf(bench, 'a')).toBe(how === 'put' ? 'y'.repeat(10) : undefined);
    bench.disk.release();
    await put;
    await other;
    expect(await bodyOf(bench, 'a')).toBe(how === 'put' ? 'y'.repeat(10) : undefined);
    await bench.restart();
    expect(await bodyOf(bench, 'a')).toBe(how === 'put' ? 'y'.repeat(10) : undefined);
  });
});

describe('clear', () => {
  it('leaves nothing, committed or not, and what is put after it stays', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b', 80_000)]);
    await bench.pass(200);
    await putAll(bench, [response('c')]);
    const cleared = bench.store.clear();
    bench.store.put(response('d'));
    await bench.drive(cleared);
    await bench.pass(200);
    expect(bench.manifest.rows().map(({ key }) => key)).toEqual([getKey('http://h/d')]);
    expect(bench.disk.names().length).toBe(1);
    await bench.restart();
    expect(await keysFound(bench.store, { kind: 'all' })).toEqual([getKey('http://h/d')]);
    expect(await bodyOf(bench, 'd')).toBe('x'.repeat(100));
  });

  it('while the index is being loaded ends the loading', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b')]);
    await bench.restart();
    await bench.drive(bench.store.clear());
    await bench.drive(bench.store.loaded());
    expect(bench.store.stats()).toMatchObject({ entries: 0, indexLoaded: true, bytes: 0 });
    expect(await bodyOf(bench, 'a')).toBe(undefined);
    expect([bench.manifest.rows(), bench.disk.names()]).toEqual([[], []]);
  });
});

describe('a restart', () => {
  it('keeps every entry, in order or killed once committed', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b', 70_000), ...varied(getKey('http://h/v'), ['de', 'en'])]);
    await bench.restart();
    const all = await keysFound(bench.store, { kind: 'all' });
    expect(all.length).toBe(5);
    await bench.pass(200);
    bench.crash();
    expect(await keysFound(bench.store, { kind: 'all' })).toEqual(all);
    expect(await bodyOf(bench, 'b')).toBe('x'.repeat(70_000));
    expect(bench.faults).toEqual([]);
  });

  it('serves and takes in while the index is being loaded', async () => {
    const bench = await begun();
    await putAll(
      bench,
      Array.from({ length: 500 }, (_, at) => response(`${at}`)),
    );
    await bench.restart();
    expect(bench.store.stats().indexLoaded).toBe(false);
    bench.store.put(response('7', 10, 'new'));
    const deleted = bench.store.delete([getKey('http://h/8')]);
    expect(bench.store.get(getKey('http://h/none'))).toBe(undefined);
    expect(await bodyOf(bench, '7')).toBe('new'.repeat(10));
    expect(await bodyOf(bench, '9')).toBe('x'.repeat(100));
    expect(await bench.drive(deleted)).toBe(1);
    await bench.drive(bench.store.loaded());
    expect(await bodyOf(bench, '7')).toBe('new'.repeat(10));
    expect(await bodyOf(bench, '8')).toBe(undefined);
    expect(bench.store.stats()).toMatchObject({ indexLoaded: true, entries: 499 });
    expect(await bench.drive(bench.store.check())).toMatchObject({ rows: 499, agreeing: 499, entriesWithoutRow: 0 });
  });

  it('removes segments and bodies that no row names, and goes on naming what had a segment', async () => {
    const bench = await begun();
    await putAll(bench, [response('a')]);
    await bench.drive(bench.store.close());
    const [segment] = bench.disk.names().filter((name) => name.endsWith('.seg'));
    await bench.disk.remove(segment!);
    for (const name of ['segments/77.seg', 'bodies/ab/abababababababab']) bench.disk.open(name, { create: true });
    bench.crash();
    await bench.drive(bench.store.loaded());
    await bench.pass(200);
    expect(bench.disk.names()).toEqual([]);
    expect(bench.manifest.rows()).toHaveLength(1);
    expect(await bodyOf(bench, 'a')).toBe(undefined);
    expect(bench.store.stats().entries).toBe(0);
    expect(await bench.drive(bench.store.check())).toMatchObject({ rows: 1, agreeing: 0, rowsWithoutEntry: 1 });
    await putAll(bench, [response('a', 10, 'new')]);
    expect(await bench.drive(bench.store.check())).toMatchObject({ rows: 1, agreeing: 1, rowsWithoutEntry: 0 });
  });

  it('empties its files and goes on naming what they held', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b')]);
    await bench.drive(bench.store.clearBytes());
    expect(bench.disk.names()).toEqual([]);
    expect(await bodyOf(bench, 'a')).toBe(undefined);
    expect(await bench.drive(bench.store.named())).toMatchObject({ rows: 2 });
    expect(await bench.drive(countOf(bench.store.rows({ kind: 'all' })))).toBe(2);
    expect(await bench.drive(countOf(bench.store.find({ kind: 'all' })))).toBe(0);
    await putAll(bench, [response('a', 10, 'new')]);
    expect(await bodyOf(bench, 'a')).toBe('new'.repeat(10));
    await bench.restart();
    await bench.drive(bench.store.loaded());
    expect(await bodyOf(bench, 'a')).toBe('new'.repeat(10));
    expect(await bodyOf(bench, 'b')).toBe(undefined);
  });

  it('begins with a segment of its own and never trusts the end of the last', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b')]);
    await bench.drive(bench.store.close());
    const name = bench.disk.names().find((file) => file.endsWith('.seg'))!;
    bench.disk.cutTo(name, bench.disk.size(name) - 1);
    bench.crash();
    await bench.drive(bench.store.loaded());
    await putAll(bench, [response('c')]);
    expect(bench.disk.names().length).toBe(2);
    expect([await bodyOf(bench, 'a'), await bodyOf(bench, 'b')]).toEqual(['x'.repeat(100), undefined]);
  });
});

describe('damage', () => {
  it('is a miss, counted and told of once for a segment', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b'), response('c')]);
    const name = bench.disk.names()[0]!;
    const size = bench.disk.size(name);
    bench.disk.flip(name, size - 1, 3);
    bench.disk.flip(name, Math.floor(size / 2), 3);
    expect([await bodyOf(bench, 'b'), await bodyOf(bench, 'c')]).toEqual([undefined, undefined]);
    expect(await bodyOf(bench, 'a')).toBe('x'.repeat(100));
    expect(bench.store.stats()).toMatchObject({ corrupt: 2, entries: 1 });
    expect(bench.faults.map(String)).toEqual([
      expect.stringMatching(/record 2 at byte \d+ of segment 1, got .*checksum/),
    ]);
    await bench.restart();
    expect(await keysFound(bench.store, { kind: 'all' })).toEqual([getKey('http://h/a')]);
  });

  it('of the device is a miss', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b', 80_000)]);
    bench.disk.failingReads = 'EIO';
    expect([await bodyOf(bench, 'a'), await bodyOf(bench, 'b')]).toEqual([undefined, undefined]);
    expect(bench.store.stats().corrupt).toBe(2);
  });

  it('is found by a check, record by record and file by file', async () => {
    const bench = await begun();
    await putAll(bench, [response('a'), response('b'), response('c')]);
    expect(await bench.drive(bench.store.check())).toMatchObject({ rows: 3, entries: 3, agreeing: 3, examples: [] });
    const name = bench.disk.names()[0]!;
    bench.disk.flip(name, 8, 0);
    bench.disk.cutTo(name, bench.disk.size(name) - 300);
    bench.disk.open('segments/99.seg', { create: true });
    bench.disk.open('bodies/00/0000000000000000', { create: true });
    const report = await bench.drive(bench.store.check());
    expect(report).toMatchObject({ rows: 3, agreeing: 1, wrongRecords: 1, missingRecords: 1, orphanBodies: 1 });
    expect(report).toMatchObject({ orphanSegments: 1, entriesWithoutRow: 0, rowsWithoutEntry: 0 });
    expect(report.examples.length).toBe(4);
  });
});

describe('a disk that cannot be written to', () => {
  it.each(['ENOSPC', 'EIO'] as const)(
    '(%s) takes nothing in, goes on reading, and recovers by itself',
    async (code) => {
      const bench = await begun({ segmentBytes: 60_000 });
      await putAll(bench, [response('old', 50_000), response('a', 20_000), response('b'), response('e')]);
      bench.disk.failing = code;
      await putAll(bench, [response('a', 5), response('b', 5), response('c'), response('d', 80_000)]);
      // What could not be replaced is not the latest any more.
      for (const path of ['a', 'b', 'c', 'd']) expect(await bodyOf(bench, path)).toBe(undefined);
      expect(await bodyOf(bench, 'e')).toBe('x'.repeat(100));
      await bench.pass(500);
      expect(await bodyOf(bench, 'old')).toBe(code === 'ENOSPC' ? undefined : 'x'.repeat(50_000));
      expect(bench.faults.length).toBe(1);
      expect(bench.store.stats()).toMatchObject({ writeFailures: 1, declined: 3 });
      await bench.pass(60_000);
      await putAll(bench, [response('b', 80_000)]);
      expect(bench.store.stats().writeFailures).toBe(2);
      bench.disk.failing = undefined;
      await bench.pass(60_000);
      await putAll(bench, [response('c')]);
      expect(await bodyOf(bench, 'c')).toBe('x'.repeat(100));
      expect(bench.faults.length).toBe(1);
      bench.disk.failing = code;
      await putAll(bench, [response('f')]);
      expect(bench.faults.length).toBe(2);
    },
  );

  it('makes room with a segment of its own when the disk is full', async () => {
    const bench = await begun({ maxBytes: 64 * MB, segmentBytes: 100_000 });
    bench.disk.capacityBytes = 1_000_000;
    for (let at = 0; at < 400; at++) {
      await putAll(bench, [response(`${at}`, 10_000)]);
      await bench.pass(200);
    }
    const { evictions, writeFailures, entries } = bench.store.stats();
    expect(writeFailures).toBeGreaterThan(0);
    expect(evictions).toBeGreaterThan(100);
    expect(entries).toBeGreaterThan(20);
    expect(bench.disk.bytes()).toBeLessThanOrEqual(1_000_000);
  });

  it('waits for a manifest that cannot be written to, and commits all of it later', async () => {
    const bench = await begun();
    bench.manifest.failing = new Error('disk full');
    await putAll(bench, [response('a')]);
    await bench.pass(5000);
    await putAll(bench, [response('b')]);
    expect([await bodyOf(bench, 'a'), await bodyOf(bench, 'b')]).toEqual(['x'.repeat(100), undefined]);
    expect(bench.faults.length).toBe(1);
    bench.manifest.failing = undefined;
    await bench.pass(60_000);
    bench.crash();
    expect(await keysFound(bench.store, { kind: 'all' })).toEqual([getKey('http://h/a')]);
  });
});
