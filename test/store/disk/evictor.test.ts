import { describe, expect, it } from 'vitest';
import type { StoredResponse } from '../../../src/entry/stored-response.ts';
import { getKey, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';

const MB = 1024 * 1024;
const SEGMENT = 128 * 1024;

function response(path: string | number, bytes = 4000): StoredResponse {
  return storedResponse(getKey(`http://h/${path}`), 'x'.repeat(bytes));
}

async function begun(): Promise<DiskBench> {
  const bench = new DiskBench({ maxBytes: 4 * MB, segmentBytes: SEGMENT });
  await bench.drive(bench.store.loaded());
  return bench;
}

/** Puts entries and lets what runs in the background keep up. */
async function flood(bench: DiskBench, from: number, to: number): Promise<void> {
  for (let at = from; at < to; at++) {
    bench.store.put(response(at));
    if (at % 16 === 0) await bench.pass(50);
  }
  await bench.pass(500);
}

async function has(bench: DiskBench, path: string | number): Promise<boolean> {
  return (await bench.drive(bench.store.get(getKey(`http://h/${path}`)))) !== undefined;
}

describe('eviction', () => {
  it('keeps to maxBytes, oldest first, and what it drops is gone from manifest and disk', async () => {
    const bench = await begun();
    let most = 0;
    for (let at = 0; at < 3000; at += 100) {
      await flood(bench, at, at + 100);
      most = Math.max(most, bench.disk.bytes());
    }
    expect(most).toBeLessThanOrEqual(4 * MB + 2 * SEGMENT);
    expect(bench.disk.bytes()).toBeGreaterThan(3 * MB);
    const { entries, bytes, evictions, declined } = bench.store.stats();
    expect(entries + evictions).toBe(3000);
    expect([bytes, declined]).toEqual([bench.disk.bytes(), 0]);
    expect([await has(bench, 0), await has(bench, 2999)]).toEqual([false, true]);
    const report = await bench.drive(bench.store.check());
    expect(report).toMatchObject({ rows: entries, agreeing: entries, orphanSegments: 0, examples: [] });
    expect(bench.faults).toEqual([]);
  });

  it('keeps what was used, by writing a bounded part of it again', async () => {
    const bench = await begun();
    await flood(bench, 0, 100);
    for (let at = 100; at < 3000; at += 50) {
      await flood(bench, at, at + 50);
      for (let hot = 0; hot < 20; hot++) for (let times = 0; times < 3; times++) await has(bench, hot);
    }
    const kept = await Promise.all(Array.from({ length: 20 }, (_, hot) => has(bench, hot)));
    expect(kept.filter(Boolean).length).toBe(20);
    expect(await has(bench, 50)).toBe(false);
    const { reinsertedBytes } = bench.store.stats();
    expect(reinsertedBytes).toBeGreaterThan(20 * 4000);
    expect(reinsertedBytes).toBeLessThan(0.3 * 2900 * 4000);
    await bench.restart();
    expect(await has(bench, 7)).toBe(true);
  });

  it('writes no more than the bounded part when everything is used', async () => {
    const bench = await begun();
    for (let at = 0; at < 3000; at += 50) {
      await flood(bench, at, at + 50);
      for (let hot = at; hot < at + 50; hot++) for (let times = 0; times < 3; times++) await has(bench, hot);
    }
    expect(bench.disk.bytes()).toBeLessThanOrEqual(4 * MB + 2 * SEGMENT);
    const { reinsertedBytes, evictions } = bench.store.stats();
    expect(evictions).toBeGreaterThan(1500);
    // Of each byte that goes 0.3 may be written again, and of that again 0.3, and so on.
    expect(reinsertedBytes).toBeLessThan((0.3 / 0.7) * 3000 * 4200);
  });

  it('removes a sealed segment as soon as nothing is stored in it', async () => {
    const bench = await begun();
    await flood(bench, 0, 100);
    const before = bench.store.stats();
    const keys = Array.from({ length: 100 }, (_, at) => getKey(`http://h/${at}`));
    expect(await bench.drive(bench.store.delete(keys))).toBe(100);
    await bench.pass(500);
    expect(before.segments).toBeGreaterThan(3);
    expect(bench.store.stats()).toMatchObject({ segments: 1, entries: 0, evictions: 0 });
  });

  it('waits for a record that is being written, before a segment goes', async () => {
    const bench = await begun();
    bench.store.put(response('first'));
    bench.disk.held = true;
    const put = bench.store.put(response('long', 70_000));
    // The segment is full, and sealed.
    bench.store.put(response('next', 60_000));
    const deleted = bench.store.delete([getKey('http://h/first')]);
    await bench.pass(500);
    bench.disk.release();
    await bench.drive(Promise.all([put, deleted]));
    await bench.pass(500);
    expect(await has(bench, 'long')).toBe(true);
    await bench.restart();
    expect(await has(bench, 'long')).toBe(true);
  });

  it('declines what comes faster than room can be made, and what is too large', async () => {
    const bench = await begun();
    for (let at = 0; at < 3000; at++) bench.store.put(response(at));
    expect(bench.disk.bytes()).toBeLessThanOrEqual(4 * MB + 2 * SEGMENT);
    expect(bench.store.stats().declined).toBeGreaterThan(1000);
    await bench.pass(5000);
    const { declined } = bench.store.stats();
    await bench.drive(bench.store.put(response('huge', MB + 1)));
    expect([await has(bench, 'huge'), bench.store.stats().declined - declined]).toEqual([false, 1]);
    bench.store.put(response('new'));
    expect(await has(bench, 'new')).toBe(true);
  });

  it('goes on after a restart with less room', async () => {
    const bench = await begun();
    await flood(bench, 0, 900);
    await bench.drive(bench.store.close());
    const smaller = new DiskBench({ maxBytes: 2 * MB, segmentBytes: SEGMENT }, bench);
    await smaller.drive(smaller.store.loaded());
    await smaller.pass(3000);
    expect(smaller.disk.bytes()).toBeLessThanOrEqual(2 * MB);
    expect(smaller.store.stats().entries).toBeGreaterThan(300);
    expect([await has(smaller, 0), await has(smaller, 899)]).toEqual([false, true]);
  });

  it.each(['replaced', 'deleted', 'cleared'] as const)(
    'does not bring back what is %s while it is read',
    async (how) => {
      const bench = await begun();
      bench.store.put(response('a'));
      for (let times = 0; times < 3; times++) await has(bench, 'a');
      bench.disk.heldReads = true;
      await flood(bench, 0, 985);
      expect(bench.store.stats().evictions).toBe(0);
      const { reinsertedBytes } = bench.store.stats();
      const newer = storedResponse(getKey('http://h/a'), 'newer');
      if (how === 'replaced') bench.store.put(newer);
      else if (how === 'deleted') await bench.drive(bench.store.delete([newer.key]));
      else await bench.drive(bench.store.clear());
      bench.disk.release();
      await bench.pass(3000);
      expect(bench.store.stats().reinsertedBytes).toBe(reinsertedBytes);
      for (let life = 0; life < 2; life++) {
        const got = await bench.drive(bench.store.get(newer.key));
        expect(got?.kind === 'response' ? got.bytes.length : undefined).toBe(
          how === 'replaced' ? newer.bytes.length : undefined,
        );
        await bench.restart();
      }
    },
  );

  it('drops what it cannot write again', async () => {
    const bench = await begun();
    await flood(bench, 0, 800);
    for (let at = 0; at < 800; at++) for (let times = 0; times < 3; times++) await has(bench, at);
    bench.disk.failing = 'ENOSPC';
    await flood(bench, 800, 900);
    await bench.pass(100_000);
    bench.disk.failing = undefined;
    await bench.pass(100_000);
    const report = await bench.drive(bench.store.check());
    expect(report.agreeing).toBe(report.rows);
    expect(report.entriesWithoutRow).toBe(0);
  });
});
