// Fills in flight share the bound on memory with the entries: what does not fit is passed, and what nobody waits for ends.

import { describe, expect, it } from 'vitest';
import { SharedBudget, WORKING_BYTES } from '../../src/memory/budget.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { MapStore } from '../kit/map-store.ts';
import { MemoryBodies } from '../kit/memory-bodies.ts';
import { turns } from '../kit/slow-log.ts';

const MIB = 1024 * 1024;
const PIECE = 'x'.repeat(MIB);
/** What may be held: the working bytes, and half of `memory.maxBytes`. */
const MAX_BYTES = 8 * MIB;
const MOST = WORKING_BYTES + MAX_BYTES / 2;
const PIECES = Math.floor(MOST / (MIB + 256));
/** What one who passes may be ahead of its reader where memory is short, and the piece that brought it there. */
const SLACK = 2 * MIB;

function ceilingBench(parts: { readonly bodies?: MemoryBodies; readonly readAheadBytes?: number } = {}) {
  const budget = new SharedBudget(MAX_BYTES);
  const held = () => budget.stats().bytes.fills;
  const bench = gateBench(
    { maxBodyBytes: 64 * MIB },
    { ...parts, budget, ...(parts.bodies && { stores: [new MapStore()] }) },
  );
  const fill = (path: string, { paused = true, fields = [] as readonly string[] } = {}) => {
    const client = bench.ask({ path, paused });
    const forward = bench.origin.last.head(200, [...FRESH, ...fields]);
    const send = (pieces: number) => {
      for (let at = 0; at < pieces && !forward.aborted; at++) forward.data(PIECE);
    };
    return { client, forward, send };
  };
  return { ...bench, budget, held, fill };
}

describe('the bytes of a fill', () => {
  it('count until they are stored, and no longer', () => {
    const { fill, held, gate } = ceilingBench();
    const { forward, send } = fill('/', { paused: false });
    send(1);
    expect(held()).toBeGreaterThan(MIB);
    forward.end();
    expect(held()).toBe(0);
    expect(gate.stats()).toMatchObject({ stores: 1, fillsInFlight: 0 });
  });

  it('count for as long as a slow client has not read them', () => {
    const { fill, held } = ceilingBench();
    const { client, forward, send } = fill('/');
    send(3);
    forward.end();
    expect(held()).toBeGreaterThan(3 * MIB);
    client.read();
    expect(client.text.length).toBe(3 * MIB);
    expect(held()).toBe(0);
  });

  it('count no longer when it fails, or its client leaves', () => {
    const { fill, held } = ceilingBench();
    const failing = fill('/1');
    failing.send(2);
    failing.forward.fail('E_ORIGIN_PROTOCOL');
    failing.client.leave();
    expect(held()).toBe(0);
    const left = fill('/2', { fields: ['cache-control', 'no-store'] });
    left.send(1);
    left.client.leave();
    expect(left.forward.aborted).toBe(true);
    expect(held()).toBe(0);
  });

  it('that do not fit go on to the client, and are not stored', () => {
    const { fill, held, gate, get, origin } = ceilingBench();
    const { client, forward, send } = fill('/', { paused: false });
    send(PIECES + 5);
    expect(gate.stats().refusedStores).toEqual({ 'no-memory': 1 });
    expect(held()).toBeLessThan(SLACK);
    forward.end();
    expect(client.text.length).toBe((PIECES + 5) * MIB);
    expect(held()).toBe(0);
    get('/');
    expect(origin.count).toBe(2);
    origin.last.answer(200, FRESH, 'y');
    expect(get('/').cacheStatus).toContain('hit');
  });

  it('make the origin of a passed body wait where memory is short', () => {
    const { fill, held, budget } = ceilingBench();
    budget.take('uploads', MOST);
    const { forward } = fill('/', { fields: ['cache-control', 'no-store'] });
    forward.data('x'.repeat(60_000));
    expect(forward.paused).toBe(false);
    forward.data('x'.repeat(60_000));
    expect(forward.paused).toBe(true);
    expect(held()).toBeLessThan(121_000);
  });

  it('are written to the disk instead, where there is one', async () => {
    const bodies = new MemoryBodies();
    const { fill, held, budget, gate, get } = ceilingBench({ bodies });
    budget.take('uploads', MOST - 2 * MIB);
    const { forward } = fill('/', { paused: false });
    for (let at = 0; at < 12; at++) {
      forward.data(PIECE);
      await turns();
      expect(held()).toBeLessThan(2 * MIB + SLACK);
    }
    forward.end();
    await turns();
    expect(held()).toBe(0);
    expect(gate.stats()).toMatchObject({ stores: 1, refusedStores: {} });
    const hit = get('/');
    while (hit.state === 'reading') await turns();
    expect([hit.cacheStatus, hit.text.length]).toEqual([expect.stringContaining('hit'), 12 * MIB]);
  });
});

describe('a fill that nobody waits for', () => {
  const LARGE = ['content-length', String(50 * MIB)];

  it('ends when most of it is still to come', () => {
    const { fill, held, gate } = ceilingBench();
    const { client, forward, send } = fill('/', { fields: LARGE });
    send(3);
    client.leave();
    expect(forward.aborted).toBe(true);
    expect(held()).toBe(0);
    expect(gate.stats()).toMatchObject({ fillsInFlight: 0, refusedStores: { abandoned: 1 } });
  });

  it('ends at the head when its client left before that', () => {
    const { ask, origin, gate } = ceilingBench();
    ask({ path: '/' }).leave();
    origin.last.head(200, [...FRESH, ...LARGE]);
    expect(origin.last.aborted).toBe(true);
    expect(gate.stats().fillsInFlight).toBe(0);
  });

  it('goes on when it is nearly done', () => {
    const { fill, gate, held } = ceilingBench();
    const { client, forward, send } = fill('/', { fields: ['content-length', String(12 * MIB)] });
    send(5);
    client.leave();
    expect(forward.aborted).toBe(false);
    send(7);
    forward.end();
    expect(gate.stats()).toMatchObject({ stores: 1, fillsInFlight: 0 });
    expect(held()).toBe(0);
  });

  it('of unknown length ends once it turns out to be long', () => {
    const { fill, gate } = ceilingBench();
    const { client, forward, send } = fill('/');
    send(1);
    client.leave();
    expect(forward.aborted).toBe(false);
    send(20);
    expect(forward.aborted).toBe(true);
    expect(gate.stats().refusedStores).toEqual({ abandoned: 1 });
  });

  it('goes on for another client that reads it', () => {
    const { fill, ask, gate, origin } = ceilingBench();
    const { client, forward, send } = fill('/', { fields: LARGE });
    send(1);
    const other = ask({ path: '/' });
    client.leave();
    expect([forward.aborted, origin.count, gate.stats().fillsInFlight]).toEqual([false, 1, 1]);
    other.leave();
    expect(forward.aborted).toBe(true);
  });

  it('gives its room to others, the oldest first', () => {
    const { fill, gate, held } = ceilingBench();
    const small = ['content-length', String(8 * MIB)];
    const [one, two, three] = ['/1', '/2', '/3'].map((path) => fill(path, { fields: small }));
    for (const each of [one, two, three]) {
      each?.send(6);
      each?.client.leave();
    }
    expect([one, two, three].map((each) => each?.forward.aborted)).toEqual([false, false, false]);
    const waited = fill('/4');
    waited.send(4);
    expect([one, two, three].map((each) => each?.forward.aborted)).toEqual([true, false, false]);
    expect(gate.stats().refusedStores).toEqual({ 'no-memory': 1 });
    waited.send(7);
    expect([one, two, three].map((each) => each?.forward.aborted)).toEqual([true, true, false]);
    expect(held()).toBeLessThanOrEqual(MOST);
    waited.forward.end();
    expect(gate.stats().stores).toBe(1);
  });
});

describe('an answer that is not stored', () => {
  it('is taken off its origin ahead of a slow client, up to the bound', () => {
    const { fill, held } = ceilingBench({ readAheadBytes: 3 * MIB });
    const { client, forward, send } = fill('/', { fields: ['cache-control', 'no-store'] });
    send(3);
    expect(forward.paused).toBe(false);
    send(1);
    expect(forward.paused).toBe(true);
    client.read();
    expect(forward.paused).toBe(false);
    expect(held()).toBe(0);
  });
});
