// The disk tier as processes see it that do not own it, beside the one that does: links with delays, in simulated time.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Entry, StoredResponse } from '../../../src/entry/stored-response.ts';
import type { BodySource, Tasks } from '../../../src/ports.ts';
import type { DiskFile, DiskFolder } from '../../../src/store/disk/contract.ts';
import { ReplicaFeed } from '../../../src/store/disk/replica/replica-feed.ts';
import { ReplicaStore } from '../../../src/store/disk/replica/replica-store.ts';
import { getKey, storedResponse } from '../../contract/store-contract.ts';
import { DiskBench, dice } from '../../kit/disk-bench.ts';
import { DiskError } from '../../kit/memory-folder.ts';

const LINK_MS = 3;

class Shared {
  readonly faults: unknown[] = [];
  readonly bench: DiskBench;
  readonly feed: ReplicaFeed;

  constructor(options: { readonly maxBytes?: number; readonly segmentBytes?: number } = {}) {
    // The bench makes its time with the store.
    const tasks: Tasks = {
      later: (delayMs, work) => this.bench.time.later(delayMs, work),
      soon: (work) => this.bench.time.soon(work),
    };
    this.feed = new ReplicaFeed(tasks, (error) => this.faults.push(error));
    this.bench = new DiskBench({ ...options, replicas: this.feed });
    this.feed.serve(this.bench.store);
  }

  /** Messages are copied, as between processes. */
  join(wrap = (folder: DiskFolder) => folder): { readonly store: ReplicaStore; readonly leave: () => void } {
    const { time, disk } = this.bench;
    const store: ReplicaStore = new ReplicaStore({
      folder: wrap(disk.attach()),
      fault: (error) => this.faults.push(error),
      tasks: time,
      seed: 1,
      send: (message) => {
        const copy = structuredClone(message);
        time.later(LINK_MS, () => joined.received(copy));
      },
    });
    const joined = this.feed.join((message) => {
      const copy = structuredClone(message);
      time.later(LINK_MS, () => store.received(copy));
    });
    return { store, leave: () => joined.left() };
  }
}

function response(path: string, fill = 'x', bytes = 100): StoredResponse {
  return storedResponse(getKey(`http://h/${path}`), fill.repeat(bytes), [path]);
}

function bodyOf(entry: Entry | undefined): string | undefined {
  return entry?.kind === 'response' ? Buffer.from(entry.bytes.subarray(entry.headBytes)).toString() : undefined;
}

async function begun(options = {}) {
  const shared = new Shared(options);
  const { bench } = shared;
  await bench.drive(bench.store.loaded());
  const [one, other] = [shared.join(), shared.join()];
  await bench.pass(200);
  const look = async (store: { get: ReplicaStore['get'] }, path: string) =>
    bodyOf(await bench.drive(store.get(getKey(`http://h/${path}`))));
  return { ...shared, bench, one, other, look, join: shared.join.bind(shared) };
}

describe('a replica', () => {
  it('has what it put at once, and the others have it when the owner has written it', async () => {
    const { bench, one, other, look } = await begun();
    one.store.put(response('a', '1'));
    expect(bodyOf((await one.store.get(getKey('http://h/a'))) as Entry)).toBe('1'.repeat(100));
    expect(other.store.get(getKey('http://h/a'))).toBe(undefined);
    for (let ms = 0; ms < 50; ms++) {
      bench.time.advance(1);
      expect(await one.store.get(getKey('http://h/a'))).toMatchObject({ kind: 'response' });
    }
    expect(await look(other.store, 'a')).toBe('1'.repeat(100));
    expect(await look(one.store, 'a')).toBe('1'.repeat(100));
    expect(await look(bench.store, 'a')).toBe('1'.repeat(100));
  });

  it('answers a miss at once, and reads a warm record at once, without asking the owner', async () => {
    const { bench, one, other } = await begun();
    one.store.put(response('a'));
    await bench.pass(50);
    const { reads } = bench.disk;
    expect(other.store.get(getKey('http://h/none'))).toBe(undefined);
    expect(bench.disk.reads).toBe(reads);
    expect(other.store.get(getKey('http://h/a'))).toMatchObject({ kind: 'response' });
    expect(bench.disk.reads).toBe(reads + 1);
  });

  it('asks the owner as long as it has not been told of all there is', async () => {
    const { bench, join, look } = await begun();
    bench.store.put(response('a'));
    const late = join();
    expect(late.store.get(getKey('http://h/a'))).toBeInstanceOf(Promise);
    expect(await look(late.store, 'a')).toBe('x'.repeat(100));
    await bench.pass(200);
    expect(late.store.get(getKey('http://h/none'))).toBe(undefined);
  });

  it('forgets what another removed or cleared', async () => {
    const { bench, one, other, look } = await begun();
    for (const path of ['a', 'b']) one.store.put(response(path));
    await bench.pass(50);
    expect(await bench.drive(other.store.delete([getKey('http://h/a'), getKey('http://h/none')]))).toBe(1);
    await bench.pass(50);
    expect(await look(one.store, 'a')).toBe(undefined);
    expect(await look(one.store, 'b')).toBe('x'.repeat(100));
    bench.store.put(response('c'));
    await bench.drive(bench.store.clear());
    await bench.pass(50);
    for (const path of ['b', 'c']) expect(one.store.get(getKey(`http://h/${path}`))).toBe(undefined);
    expect(bench.disk.names().filter((name) => name.startsWith('segments/'))).toEqual([]);
  });

  it('misses what is damaged, and so does the owner from then on', async () => {
    const { bench, one, other, look } = await begun();
    one.store.put(response('a'));
    await bench.pass(50);
    const [segment] = bench.disk.names().filter((name) => name.startsWith('segments/')) as [string];
    const file = bench.disk.open(segment, { create: false });
    file.writeNow(Buffer.from('?'), file.size() - 10);
    expect(await look(other.store, 'a')).toBe(undefined);
    await bench.pass(50);
    expect(bench.store.stats()).toMatchObject({ entries: 0, corrupt: 1 });
    expect(one.store.get(getKey('http://h/a'))).toBe(undefined);
  });

  it('tells the owner what is used, so that it is not what leaves for room', async () => {
    const used = await begun({ maxBytes: 2_000_000, segmentBytes: 100_000 });
    const popular = response('popular', 'p', 1000);
    used.one.store.put(popular);
    for (let at = 0; at < 4000; at++) {
      used.bench.store.put(response(`${at}`, 'x', 1000));
      if (at % 20 === 0) {
        await used.look(used.one.store, 'popular');
        await used.bench.pass(1_100);
      }
    }
    expect(used.bench.store.stats().evictions).toBeGreaterThan(1000);
    expect(await used.look(used.other.store, 'popular')).toBe('p'.repeat(1000));
    expect(await used.look(used.other.store, '3')).toBe(undefined);
  });

  it('writes a large body through the owner, and another reads it from its file', async () => {
    const { bench, one, other } = await begun();
    const large = Buffer.alloc(5_000_000, 'large');
    const writer = one.store.bodies.create();
    await bench.drive(writer.append(large.subarray(0, 3_000_000)));
    expect(Buffer.from(await bench.drive(writer.read({ start: 10, end: 20 })))).toEqual(large.subarray(10, 20));
    await bench.drive(writer.append(large.subarray(3_000_000)));
    const body = await bench.drive(writer.finish());
    one.store.put({ ...response('large', ''), large: body });
    await bench.pass(50);
    expect(await bench.drive(other.store.get(getKey('http://h/large')) as Promise<Entry>)).toMatchObject({
      large: body,
    });
    const source = other.store.bodies.read(body, { start: 1_000_000, end: 4_000_000 });
    expect((await bench.drive(all(source))).equals(large.subarray(1_000_000, 4_000_000))).toBe(true);
  });

  it('that dies in the middle of a large body leaves nothing of it', async () => {
    const { bench, one } = await begun();
    const writer = one.store.bodies.create();
    await bench.drive(writer.append(Buffer.alloc(3_000_000, 'l')));
    expect(bench.disk.names().filter((name) => name.startsWith('bodies/'))).toHaveLength(1);
    one.leave();
    await bench.pass(60_000);
    expect(bench.disk.names().filter((name) => name.startsWith('bodies/'))).toEqual([]);
  });

  it.each(['open', 'read'] as const)('that cannot %s files asks the owner, and says so', async (what) => {
    const { bench, join, faults, look } = await begun();
    const failing = join((folder) => ({ ...folder, open: (...named) => failingFile(folder.open(...named), what) }));
    await bench.pass(200);
    failing.store.put(response('a'));
    const writer = failing.store.bodies.create();
    await bench.drive(writer.append(Buffer.alloc(300_000, 'l')));
    const body = await bench.drive(writer.finish());
    await bench.pass(50);
    expect(failing.store.get(getKey('http://h/a'))).toBeInstanceOf(Promise);
    expect(await look(failing.store, 'a')).toBe('x'.repeat(100));
    // Told of once, not at every read.
    expect(faults).toEqual([new DiskError('EMFILE')]);
    await bench.pass(10_000);
    const source = failing.store.bodies.read(body, { start: 0, end: body.bytes });
    await expect(bench.drive(all(source))).rejects.toThrow('expected a body, got its failure');
    expect(faults).toHaveLength(what === 'open' ? 2 : 1);
    expect(bench.faults).toEqual([]);
  });

  it('reads behind a large body that has finished, until nobody has read for long', async () => {
    const { bench, one } = await begun();
    const writer = one.store.bodies.create();
    await bench.drive(writer.append(Buffer.alloc(600_000, 'l')));
    const large = await bench.drive(writer.finish());
    one.store.put({ ...response('large', ''), large });
    for (let minute = 0; minute < 5; minute++) {
      await bench.pass(60_000);
      expect(await bench.drive(writer.read({ start: 0, end: 10 }))).toHaveLength(10);
    }
    await bench.pass(300_000);
    await expect(bench.drive(writer.read({ start: 0, end: 10 }))).rejects.toThrow('expected a body that is written');
    expect(bodies(bench)).toHaveLength(1);
  });

  it('leaves nothing of a large body that is not wanted after it has finished, and begins none by reading', async () => {
    const { bench, one } = await begun();
    const writer = one.store.bodies.create();
    await bench.drive(writer.append(Buffer.alloc(600_000, 'l')));
    await bench.drive(writer.finish());
    writer.discard();
    await expect(bench.drive(writer.read({ start: 0, end: 10 }))).rejects.toThrow('expected a body that is written');
    await expect(bench.drive(writer.append(Buffer.alloc(10)))).rejects.toThrow('expected a body that is wanted');
    await bench.pass(15_000);
    expect(bodies(bench)).toEqual([]);
  });

  it('gives what was put or nothing, whatever happens, and what the owner gives once all is quiet', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), (seed) => history(seed)),
      { numRuns: 40 },
    );
  });
});

function bodies({ disk }: DiskBench): string[] {
  return disk.names().filter((name) => name.startsWith('bodies/'));
}

/** Has run out of descriptors, or fails at every read. */
function failingFile(file: DiskFile, what: 'open' | 'read'): DiskFile {
  if (what === 'open') throw new DiskError('EMFILE');
  const readNow = () => {
    throw new DiskError('EMFILE');
  };
  return Object.assign(Object.create(file) as DiskFile, {
    readNow,
    read: async () => readNow(),
    close: () => file.close(),
  });
}

async function all(source: BodySource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let read = source.read(); read !== 'end'; read = source.read()) {
    if (read === 'failed') throw new Error('expected a body, got its failure');
    if (read === 'pending') await new Promise<void>((resolve) => source.whenReadable(resolve));
    else chunks.push(read);
  }
  return Buffer.concat(chunks);
}

async function history(seed: number): Promise<void> {
  const random = dice(seed);
  const pick = (count: number) => Math.floor(random() * count);
  const { bench, one, other, look, join, faults } = await begun({ maxBytes: 1_000_000, segmentBytes: 60_000 });
  const replicas = [one, other];
  const ever = new Map<string, Set<string | undefined>>();
  let version = 0;
  for (let step = 0; step < 120; step++) {
    const path = `${pick(12)}`;
    const { store } = replicas[pick(replicas.length)] as typeof one;
    const what = random();
    if (what < 0.5) {
      const entry = response(path, `${++version};`, pick(random() < 0.1 ? 40_000 : 3000));
      ever.set(path, (ever.get(path) ?? new Set()).add(bodyOf(entry)));
      if (random() < 0.2) bench.store.put(entry);
      else store.put(entry);
    } else if (what < 0.8) {
      const found = await look(store, path);
      if (found !== undefined && ever.get(path)?.has(found) !== true)
        throw new Error(`expected what was put, got ${found.slice(0, 20)}`);
    } else if (what < 0.88) store.delete([getKey(`http://h/${path}`)]).catch((error: unknown) => faults.push(error));
    else if (what < 0.9) await bench.drive(bench.store.clear());
    else if (what < 0.92 && replicas.length < 5) replicas.push(join());
    else await bench.pass(pick(20));
  }
  await bench.pass(3_000);
  for (const path of ever.keys()) {
    const owners = await look(bench.store, path);
    for (const { store } of replicas) expect(await look(store, path)).toBe(owners);
  }
  expect([...faults, ...bench.faults]).toEqual([]);
}
