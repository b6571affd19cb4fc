import { describe, expect, it } from 'vitest';
import type { LargeBody, StoredResponse } from '../../../src/entry/stored-response.ts';
import type { BodySource } from '../../../src/ports.ts';
import { BLOCK_CONTENT_BYTES } from '../../../src/store/disk/bodies/body-file.ts';
import { getKey, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench } from '../../kit/disk-bench.ts';

const MB = 1024 * 1024;
const KEY = getKey('http://h/large');

function content(bytes: number, seed = 1): Buffer {
  const made = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at++) made[at] = at * 31 + (at >> 8) * seed;
  return made;
}

function naming(large: LargeBody, key = KEY): StoredResponse {
  return { ...storedResponse(key, ''), large };
}

async function begun(options = {}): Promise<DiskBench> {
  const bench = new DiskBench(options);
  await bench.drive(bench.store.loaded());
  return bench;
}

/** Writes the body in chunks that fit no block, and names it by an entry. */
async function stored(bench: DiskBench, bytes: Uint8Array, key = KEY): Promise<LargeBody> {
  const writer = bench.store.bodies.create();
  for (let at = 0; at < bytes.length; at += 100_003) await bench.drive(writer.append(bytes.subarray(at, at + 100_003)));
  const body = await bench.drive(writer.finish());
  await bench.drive(bench.store.put(naming(body, key)));
  return body;
}

/** All that the source gives; undefined when it fails. */
async function drained(source: BodySource): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const read = source.read();
    if (read === 'end') return Buffer.concat(chunks);
    if (read === 'failed') return undefined;
    if (read === 'pending') await new Promise<void>((resolve) => source.whenReadable(resolve));
    else chunks.push(read);
  }
}

function bodyFiles(bench: DiskBench): string[] {
  return bench.disk.names().filter((name) => name.startsWith('bodies/'));
}

describe('a large body', () => {
  it('comes back whole and by range, now and after a restart', async () => {
    const bench = await begun();
    const bytes = content(3 * BLOCK_CONTENT_BYTES + 5);
    const body = await stored(bench, bytes);
    expect(body.bytes).toBe(bytes.length);
    for (let life = 0; life < 2; life++) {
      expect(await drained(bench.store.bodies.read(body, { start: 0, end: bytes.length }))).toEqual(bytes);
      for (const [start, end] of [
        [0, 1],
        [5, 5],
        [BLOCK_CONTENT_BYTES - 1, BLOCK_CONTENT_BYTES + 1],
        [BLOCK_CONTENT_BYTES, 2 * BLOCK_CONTENT_BYTES],
        [bytes.length - 3, bytes.length],
      ] as const) {
        expect(await drained(bench.store.bodies.read(body, { start, end }))).toEqual(bytes.subarray(start, end));
      }
      const entry = await bench.drive(bench.store.get(KEY));
      expect(entry?.kind === 'response' && entry.large).toEqual(body);
      await bench.restart();
      await bench.drive(bench.store.loaded());
    }
    expect(bench.store.stats().largeBodies).toBe(1);
  });

  it('of no bytes at all is one', async () => {
    const bench = await begun();
    const body = await stored(bench, new Uint8Array(0));
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 0 }))).toEqual(Buffer.alloc(0));
  });

  it('can be read behind the writer, and after it has finished', async () => {
    const bench = await begun();
    const bytes = content(2 * BLOCK_CONTENT_BYTES + 1000);
    const writer = bench.store.bodies.create();
    bench.disk.held = true;
    await writer.append(bytes.subarray(0, BLOCK_CONTENT_BYTES + 500));
    const range = { start: 10, end: BLOCK_CONTENT_BYTES + 500 };
    expect(await writer.read(range)).toEqual(bytes.subarray(10, range.end));
    await expect(writer.read({ start: 0, end: range.end + 1 })).rejects.toThrow(RangeError);
    bench.disk.release();
    await writer.append(bytes.subarray(range.end));
    expect(await writer.read({ start: 0, end: bytes.length })).toEqual(bytes);
    const body = await writer.finish();
    await bench.drive(bench.store.put(naming(body)));
    expect(await writer.read({ start: 0, end: bytes.length })).toEqual(bytes);
    await bench.drive(bench.store.delete([KEY]));
    await bench.pass(30_000);
    expect(bodyFiles(bench)).toEqual([]);
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 10 }))).toBe(undefined);
  });

  it('makes its writer wait for the disk', async () => {
    const bench = await begun();
    bench.disk.held = true;
    const writer = bench.store.bodies.create();
    let isTaken = false;
    const append = writer.append(content(4 * BLOCK_CONTENT_BYTES)).then(() => {
      isTaken = true;
    });
    await bench.pass(100);
    expect(isTaken).toBe(false);
    bench.disk.release();
    await append;
  });

  it('is read no further ahead than a few blocks', async () => {
    const bench = await begun();
    const body = await stored(bench, content(10 * BLOCK_CONTENT_BYTES));
    const before = bench.disk.reads;
    const source = bench.store.bodies.read(body, { start: 0, end: body.bytes });
    await bench.pass(100);
    expect(bench.disk.reads - before).toBe(2);
    expect(source.read()).toHaveProperty('length', BLOCK_CONTENT_BYTES);
    await bench.pass(100);
    expect(bench.disk.reads - before).toBe(3);
    source.cancel();
    await bench.pass(100);
    expect(bench.disk.reads - before).toBe(3);
    expect(source.read()).toBe('failed');
  });
});

describe('the file of a large body', () => {
  it('lives as long as an entry names it, and a while for those who have just been given the entry', async () => {
    const bench = await begun();
    const body = await stored(bench, content(1000));
    const freshened: StoredResponse = { ...naming(body), stamp: 9, checkedUpTo: 9 };
    await bench.drive(bench.store.put(freshened));
    await bench.pass(60_000);
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 1000 }))).toEqual(content(1000));
    await bench.drive(bench.store.put(storedResponse(KEY, 'small')));
    expect(bench.store.stats().largeBodies).toBe(0);
    await bench.pass(5000);
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 1000 }))).toEqual(content(1000));
    await bench.pass(6000);
    expect(bodyFiles(bench)).toEqual([]);
  });

  it('is kept when an entry names it again in time, and not when it does so too late', async () => {
    const bench = await begun();
    const body = await stored(bench, content(1000));
    await bench.drive(bench.store.delete([KEY]));
    await bench.drive(bench.store.put(naming(body)));
    await bench.pass(60_000);
    expect(bodyFiles(bench).length).toBe(1);
    await bench.drive(bench.store.delete([KEY]));
    await bench.pass(60_000);
    await bench.drive(bench.store.put(naming(body)));
    expect(bench.store.get(KEY)).toBe(undefined);
  });

  it('goes when it is discarded, or never named', async () => {
    const bench = await begun();
    const discarded = bench.store.bodies.create();
    await discarded.append(content(BLOCK_CONTENT_BYTES + 1));
    discarded.discard();
    const finished = bench.store.bodies.create();
    await finished.append(content(10));
    await finished.finish();
    finished.discard();
    const unnamed = bench.store.bodies.create();
    await unnamed.append(content(10));
    await unnamed.finish();
    await bench.pass(20_000);
    expect(bodyFiles(bench).length).toBe(1);
    await bench.pass(60_000);
    expect(bodyFiles(bench)).toEqual([]);
    expect(bench.store.stats().bytes).toBe(0);
  });

  it('stays when its writer is discarded after an entry has named it', async () => {
    const bench = await begun();
    const writer = bench.store.bodies.create();
    await writer.append(content(1000));
    const body = await writer.finish();
    await bench.drive(bench.store.put(naming(body)));
    writer.discard();
    await bench.pass(90_000);
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 1000 }))).toEqual(content(1000));
  });

  it('counts, and leaves with the segment of its entry', async () => {
    const bench = await begun({ maxBytes: 8 * MB, segmentBytes: 256 * 1024 });
    for (let at = 0; at < 40; at++) {
      await stored(bench, content(600_000, at), getKey(`http://h/${at}`));
      await bench.pass(15_000);
    }
    expect(bench.disk.bytes()).toBeLessThanOrEqual(8.6 * MB);
    const { evictions, largeBodies, entries, bytes } = bench.store.stats();
    expect([evictions + entries, largeBodies]).toEqual([40, entries]);
    expect(entries).toBeGreaterThan(9);
    expect(Math.abs(bytes - bench.disk.bytes())).toBeLessThan(10_000);
    expect(await bench.drive(bench.store.check())).toMatchObject({
      agreeing: entries,
      missingBodies: 0,
      orphanBodies: 0,
    });
    expect(bench.faults).toEqual([]);
  });

  it('larger than a part of the store is refused while it is written', async () => {
    const bench = await begun({ maxBytes: 4 * MB });
    const writer = bench.store.bodies.create();
    await writer.append(content(MB));
    await expect(writer.append(content(10))).rejects.toThrow(/quarter/);
    await expect(writer.finish()).rejects.toThrow(/quarter/);
    await bench.pass(20_000);
    expect([bodyFiles(bench), bench.store.stats().declined, bench.store.stats().bytes]).toEqual([[], 1, 0]);
  });
});

describe('damage to a large body', () => {
  it.each([0, BLOCK_CONTENT_BYTES + 100, 2 * BLOCK_CONTENT_BYTES + 50])(
    'at byte %i is seen before the block is handed out, and the entry is dropped',
    async (at) => {
      const bench = await begun();
      const body = await stored(bench, content(3 * BLOCK_CONTENT_BYTES));
      bench.disk.flip(bodyFiles(bench)[0]!, at, 4);
      const source = bench.store.bodies.read(body, { start: 0, end: body.bytes });
      const got: Uint8Array[] = [];
      let read = source.read();
      while (read !== 'failed') {
        if (typeof read === 'object') got.push(read);
        else await new Promise<void>((resolve) => source.whenReadable(resolve));
        read = source.read();
      }
      const whole = Buffer.concat(got);
      expect(whole).toEqual(content(body.bytes).subarray(0, whole.length));
      expect(whole.length).toBeLessThanOrEqual(at);
      expect(await bench.drive(bench.store.get(KEY))).toBe(undefined);
      expect(bench.store.stats().corrupt).toBe(1);
      expect(bench.faults.length).toBe(1);
    },
  );

  it('that takes its end or all of it is seen', async () => {
    const bench = await begun();
    const body = await stored(bench, content(BLOCK_CONTENT_BYTES + 100));
    const [name] = bodyFiles(bench);
    bench.disk.cutTo(name!, bench.disk.size(name!) - 1);
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: body.bytes }))).toBe(undefined);
    const other = await stored(bench, content(100));
    await bench.disk.remove(bodyFiles(bench).find((file) => file.endsWith(other.id))!);
    expect(await drained(bench.store.bodies.read(other, { start: 0, end: 100 }))).toBe(undefined);
    expect(await bench.drive(bench.store.get(KEY))).toBe(undefined);
  });

  it.each(['EMFILE', 'EIO', 'EACCES'])('is not what an answer that cannot open it has met: %s', async (code) => {
    const bench = await begun();
    const body = await stored(bench, content(1000));
    const refused = Object.assign(new Error(code), { code });
    const { open } = bench.disk;
    bench.disk.open = (name, options) => {
      if (name.startsWith('bodies/')) throw refused;
      return open.call(bench.disk, name, options);
    };
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 1000 }))).toBe(undefined);
    expect(bench.faults).toEqual([refused]);
    bench.disk.open = open;
    expect(bench.store.stats()).toMatchObject({ corrupt: 0, entries: 1 });
    expect(await drained(bench.store.bodies.read(body, { start: 0, end: 1000 }))).toEqual(content(1000));
  });

  it('of another body is not taken for this one', async () => {
    const bench = await begun();
    const one = await stored(bench, content(1000, 1), getKey('http://h/1'));
    await stored(bench, content(1000, 2), getKey('http://h/2'));
    const [first, second] = bodyFiles(bench);
    const [to, from] = first!.endsWith(one.id) ? [first!, second!] : [second!, first!];
    const bytes = Buffer.alloc(bench.disk.size(from));
    bench.disk.open(from, { create: false }).readNow(bytes, 0);
    bench.disk.open(to, { create: false }).writeNow(bytes, 0);
    expect(await drained(bench.store.bodies.read(one, { start: 0, end: 1000 }))).toBe(undefined);
  });

  it('by a full disk: the writer is told, and nothing is left', async () => {
    const bench = await begun();
    bench.disk.capacityBytes = 2 * BLOCK_CONTENT_BYTES;
    const writer = bench.store.bodies.create();
    const append = async () => {
      for (let at = 0; at < 6; at++) await writer.append(content(BLOCK_CONTENT_BYTES));
    };
    await expect(bench.drive(append())).rejects.toThrow('ENOSPC');
    await expect(writer.read({ start: 0, end: 1 })).rejects.toThrow('ENOSPC');
    await bench.pass(20_000);
    expect([bodyFiles(bench), bench.faults.length, bench.store.stats().bytes]).toEqual([[], 1, 0]);
  });
});
