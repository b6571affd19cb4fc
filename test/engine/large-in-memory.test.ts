// Large bodies without a disk: they stay in memory in the pieces in which they came, and count once.

import { describe, expect, it } from 'vitest';
import { bodiesInMemory } from '../../src/engine/http/large-bodies.ts';
import { SharedBudget } from '../../src/memory/budget.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { codingBench, TEXT } from '../kit/coding-bench.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { turns } from '../kit/slow-log.ts';

const MIB = 1024 * 1024;
const MAX_BYTES = 64 * MIB;
const PIECES = 6;
const PIECE = Array.from({ length: 16 }, (_, at) => String.fromCharCode(97 + at).repeat(MIB / 16)).join('');
const BODY = PIECE.repeat(PIECES);
const LARGE = { kind: 'url', uri: 'http://example.org/' } as const;

function parts() {
  const budget = new SharedBudget(MAX_BYTES);
  const memory = createMemoryStore({ maxBytes: MAX_BYTES, budget });
  return { budget, stores: [memory], memory, bodies: bodiesInMemory(budget) };
}

function largeBench() {
  const { memory, ...given } = parts();
  const bench = gateBench({ maxBodyBytes: MAX_BYTES }, given);
  const counted = () => {
    const { fills, answers } = given.budget.stats().bytes;
    return { stored: memory.bytes() > BODY.length, fills, answers };
  };
  const fill = (paused = false, fields: readonly string[] = []) => {
    const client = bench.ask({ path: '/', paused });
    const forward = bench.origin.last.head(200, [...FRESH, ...fields]);
    for (let at = 0; at < PIECES; at++) forward.data(PIECE);
    return { client, forward };
  };
  return { ...bench, memory, counted, fill };
}

describe('a large body in memory', () => {
  it('is answered as a whole, to HEAD, and by its ranges', () => {
    const { fill, get, ask, gate, origin } = largeBench();
    fill(false, ['etag', '"1"']).forward.end();
    expect(gate.stats()).toMatchObject({ stores: 1, refusedStores: {} });
    const hit = get('/');
    expect([hit.cacheStatus, hit.text === BODY]).toEqual([expect.stringContaining('hit'), true]);
    expect(hit.field('content-length')).toBe(String(BODY.length));
    const head = ask({ path: '/', method: 'HEAD' });
    expect([head.status, head.text, head.field('content-length')]).toEqual([200, '', String(BODY.length)]);
    for (const [range, first, end] of [
      ['bytes=0-0', 0, 1],
      [`bytes=${MIB - 2}-${MIB + 1}`, MIB - 2, MIB + 2],
      [`bytes=${2 * MIB}-${4 * MIB - 1}`, 2 * MIB, 4 * MIB],
      ['bytes=-70000', BODY.length - 70_000, BODY.length],
      [`bytes=${BODY.length - 1}-`, BODY.length - 1, BODY.length],
    ] as const) {
      const part = get('/', ['range', range]);
      expect([part.status, part.text === BODY.slice(first, end)], range).toEqual([206, true]);
    }
    expect(get('/', ['range', `bytes=${BODY.length}-`]).status).toBe(416);
    expect(get('/', ['if-none-match', '"1"']).status).toBe(304);
    expect(origin.count).toBe(1);
  });

  it('counts once while a slow client still takes what it filled', () => {
    const { fill, counted } = largeBench();
    const { client, forward } = fill(true);
    expect(counted().fills).toBeGreaterThan(BODY.length);
    forward.end();
    expect(counted()).toEqual({ stored: true, fills: 0, answers: 0 });
    client.read();
    expect(client.text).toBe(BODY);
  });

  it('counts from its eviction on, until its last slow client has it', async () => {
    const { fill, ask, counted, gate } = largeBench();
    const { client, forward } = fill(true);
    forward.end();
    const other = ask({ path: '/', paused: true });
    await gate.purge(LARGE);
    expect(counted()).toEqual({ stored: false, fills: 0, answers: BODY.length });
    client.read();
    expect(counted().answers).toBe(BODY.length);
    other.leave();
    expect([client.text === BODY, counted()]).toEqual([true, { stored: false, fills: 0, answers: 0 }]);
  });

  it('counts with the fill again where it is not stored after all', async () => {
    const { fill, counted, gate } = largeBench();
    const { client, forward } = fill(true);
    await gate.invalidate(LARGE);
    forward.end();
    expect([gate.stats().stores, counted().stored, counted().fills > BODY.length]).toEqual([0, false, true]);
    client.read();
    expect([client.text === BODY, counted().fills]).toEqual([true, 0]);
  });

  it('is shared by the entry that a validation makes, and does not count beside it', () => {
    const { fill, get, ask, time, origin, counted } = largeBench();
    fill(false, ['etag', '"1"']).forward.end();
    const slow = ask({ path: '/', paused: true });
    time.advance(3_700_000);
    const validated = get('/');
    origin.last.answer(304, [...FRESH, 'etag', '"1"'], '');
    expect([validated.text === BODY, origin.count]).toEqual([true, 2]);
    expect(counted()).toEqual({ stored: true, fills: 0, answers: 0 });
    slow.read();
    expect(slow.text).toBe(BODY);
  });

  it('is coded like any other', async () => {
    const { memory, ...given } = parts();
    const { get, jobs, origin } = codingBench(given, { maxBodyBytes: MAX_BYTES });
    get('/');
    const forward = origin.last.head(200, TEXT);
    for (let at = 0; at < PIECES; at++) forward.data(PIECE);
    forward.end();
    const coding = ['accept-encoding', 'br'];
    expect(get('/', coding).text).toBe(BODY);
    await turns();
    expect(jobs[0]?.body === BODY).toBe(true);
    await jobs[0]!.done('short');
    const coded = get('/', coding);
    expect([coded.text, coded.field('content-encoding')]).toEqual(['short', 'br']);
    expect([get('/').text === BODY, memory.stats().entries]).toEqual([true, 2]);
  });
});
