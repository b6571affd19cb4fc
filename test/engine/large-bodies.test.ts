import { describe, expect, it } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { MapStore } from '../kit/map-store.ts';
import { MemoryBodies } from '../kit/memory-bodies.ts';
import { turns } from '../kit/slow-log.ts';

const MIB = 1024 * 1024;

/** Bytes that tell their place. */
function piece(at: number, length: number): string {
  let text = '';
  while (text.length < length) text += `${at + text.length};`.padStart(8, '.');
  return text.slice(0, length);
}

const PIECES = Array.from({ length: 12 }, (_, n) => piece(n * MIB, MIB));
const WHOLE = PIECES.join('');

function largeBench() {
  const bodies = new MemoryBodies();
  const bench = gateBench({ maxBodyBytes: 64 * MIB }, { bodies, stores: [new MapStore()] });
  const fill = (path: string) => {
    const client = bench.get(path);
    const forward = bench.origin.last.head(200, [...FRESH, 'etag', '"1"']);
    return { client, forward };
  };
  const stored = async (path: string) => {
    const { client, forward } = fill(path);
    for (const one of PIECES) forward.data(one);
    await turns();
    forward.end();
    await turns();
    return client;
  };
  return { ...bench, bodies, fill, stored };
}

describe('a large body', () => {
  it('is written as it arrives, and served from there', async () => {
    const { get, stored, bodies, origin } = largeBench();
    const first = await stored('/big');
    expect(first.text === WHOLE).toBe(true);
    expect(bodies.finished.get('body-1')?.length).toBe(WHOLE.length);
    const again = get('/big');
    expect(origin.count).toBe(1);
    expect(again.cacheStatus).toContain('hit');
    expect(again.field('content-length')).toBe(String(WHOLE.length));
    expect(again.text === WHOLE).toBe(true);
  });

  it('answers a range, several ranges with the whole, HEAD, conditions, and what no range satisfies', async () => {
    const { ask, get, stored } = largeBench();
    await stored('/big');
    const range = get('/big', ['range', 'bytes=5000000-5000999']);
    expect(range.status).toBe(206);
    expect(range.field('content-range')).toBe(`bytes 5000000-5000999/${WHOLE.length}`);
    expect(range.text).toBe(WHOLE.slice(5_000_000, 5_001_000));
    expect(get('/big', ['range', 'bytes=0-1,5-6']).status).toBe(200);
    const none = get('/big', ['range', `bytes=${WHOLE.length}-`]);
    expect([none.status, none.field('content-range')]).toEqual([416, `bytes */${WHOLE.length}`]);
    expect(get('/big', ['if-none-match', '"1"']).status).toBe(304);
    const head = ask({ method: 'HEAD', path: '/big' });
    expect([head.status, head.text, head.field('content-length')]).toEqual([200, '', String(WHOLE.length)]);
  });

  it('stays with its entry when a 304 freshens that', async () => {
    const { gate, get, stored, origin, bodies } = largeBench();
    await stored('/big');
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/big' });
    const validated = get('/big');
    expect(origin.last.field('if-none-match')).toBe('"1"');
    origin.last.head(304, [...FRESH, 'etag', '"1"']).end();
    expect(validated.text === WHOLE).toBe(true);
    expect(get('/big').text === WHOLE).toBe(true);
    expect(bodies.finished.size).toBe(1);
  });

  it('is not stored when it was invalidated on its way, and its slow reader gets it all the same', async () => {
    const { ask, gate, fill, bodies, origin } = largeBench();
    const { forward } = fill('/big');
    const slow = ask({ path: '/big', paused: true });
    expect(origin.count).toBe(1);
    for (const one of PIECES) {
      forward.data(one);
      await turns();
    }
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/big' });
    forward.end();
    await turns();
    expect(gate.stats().refusedStores).toEqual({ 'invalidated-during-fill': 1 });
    expect(bodies.discarded).toEqual([]);
    slow.read();
    while (slow.state === 'reading') await turns();
    expect(slow.text === WHOLE).toBe(true);
    expect(bodies.discarded).toEqual(['body-1']);
  });

  it('is read back by one who falls behind, while it still arrives', async () => {
    const { ask, fill } = largeBench();
    const { forward } = fill('/big');
    const slow = ask({ path: '/big', paused: true });
    for (const one of PIECES.slice(0, 11)) {
      forward.data(one);
      await turns();
    }
    slow.read();
    for (let turn = 0; turn < 50; turn++) await turns();
    forward.data(PIECES[11] as string).end();
    while (slow.state === 'reading') await turns();
    expect(slow.text === WHOLE).toBe(true);
  });

  it('makes the origin wait for a slow disk', async () => {
    const { fill, bodies } = largeBench();
    bodies.held = true;
    const { forward } = fill('/big');
    for (const one of PIECES.slice(0, 7)) forward.data(one);
    expect(forward.paused).toBe(true);
    bodies.release();
    for (let turn = 0; turn < 10; turn++) await turns();
    expect(forward.paused).toBe(false);
  });

  it('goes to its client and is not stored when the disk is full', async () => {
    const { gate, stored, bodies } = largeBench();
    bodies.full = true;
    const client = await stored('/big');
    expect(client.text === WHOLE).toBe(true);
    expect(gate.stats()).toMatchObject({ stores: 0, refusedStores: { 'not-written': 1 }, fillsInFlight: 0 });
    expect(bodies.discarded).toEqual(['body-1']);
  });

  it('is not stored when it breaks off', async () => {
    const { gate, fill, bodies } = largeBench();
    const { client, forward } = fill('/big');
    for (const one of PIECES) forward.data(one);
    await turns();
    forward.fail('E_ORIGIN_RESET');
    await turns();
    expect(client.state).toBe('failed');
    expect(bodies.discarded).toEqual(['body-1']);
    expect(gate.stats()).toMatchObject({ stores: 0, refusedStores: { incomplete: 1 } });
  });

  it('is over, and told of, when the tier that is to have it throws', async () => {
    const faults: unknown[] = [];
    class Throwing extends MapStore {
      override put(): void {
        throw new Error('the tier is gone');
      }
    }
    const parts = {
      bodies: new MemoryBodies(),
      stores: [new Throwing()],
      fault: (error: unknown) => faults.push(error),
    };
    const { gate, get, origin } = gateBench({ maxBodyBytes: 64 * MIB }, parts);
    const client = get('/big');
    origin.last.head(200, FRESH);
    for (const one of PIECES) origin.last.data(one);
    await turns();
    origin.last.end();
    await turns();
    expect(client.text === WHOLE).toBe(true);
    expect(faults).toEqual([new Error('the tier is gone')]);
    expect(gate.stats().fillsInFlight).toBe(0);
  });
});
