// Bounds of the writes under way, on injected time.

import { describe, expect, test } from 'vitest';
import type { GateRequest, Route } from '../../src/engine/contract.ts';
import { TidegateError } from '../../src/errors.ts';
import { SharedBudget } from '../../src/memory/budget.ts';
import { type WriteLimits, WriteRoom } from '../../src/node/write-room.ts';
import type { RequestBody } from '../../src/ports.ts';
import { routeTo } from '../kit/clients.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { ScriptedOrigin } from '../kit/scripted-origin.ts';
import { turns } from '../kit/slow-log.ts';

const LIMITS: WriteLimits = { max: 4, perClient: 2, brokenOff: 2, brokenOffWindowMs: 600_000 };
const ROUTE = routeTo(new ScriptedOrigin(), {});

function bench(changes: Partial<WriteLimits> = {}, budget = new SharedBudget(64 * 2 ** 20)) {
  let nowMs = 0;
  const clock = { monotonic: () => nowMs };
  const room = new WriteRoom({ limits: { ...LIMITS, ...changes }, clock, budget });
  const of = (
    client: string | undefined,
    { route = ROUTE, uri = 'http://a/', connection = {}, isWhole = false } = {},
  ) => ({ route, uri, client, connection, body: { isWhole } as RequestBody }) as GateRequest;
  const open = (request: GateRequest) => {
    const opened = room.open(request);
    return opened instanceof TidegateError ? `${opened.code} ${opened.retryAfterMs}` : opened;
  };
  const wait = (ms: number) => {
    nowMs += ms;
  };
  return { room, of, open, wait, budget };
}

function fn(): unknown {
  return expect.any(Function);
}

describe('writes under way', () => {
  test('of one client are bounded, and of its network', () => {
    const { room, of, open } = bench();
    const over = open(of('2001:db8::1')) as () => void;
    expect([open(of('2001:db8::2')), open(of('2001:db8::3')), open(of('192.0.2.1'))]).toEqual([
      fn(),
      'E_WRITES 5000',
      fn(),
    ]);
    over();
    over();
    expect([open(of('2001:db8::3')), open(of('2001:db8::4'))]).toEqual([fn(), 'E_WRITES 5000']);
    expect(room.counts).toEqual({ perClient: 2, brokenOff: 0, all: 0 });
  });

  test('of an unknown client are bounded by its connection', () => {
    const { of, open } = bench();
    const request = of(undefined);
    expect([open(request), open(request), open(request), open(of(undefined))]).toEqual([
      fn(),
      fn(),
      'E_WRITES 5000',
      fn(),
    ]);
  });

  test('of all together are bounded', () => {
    const { room, of, open } = bench();
    for (let at = 0; at < 4; at++) open(of(`192.0.2.${at}`));
    expect(open(of('192.0.2.9'))).toBe('E_OVERLOAD 5000');
    expect(room.counts.all).toBe(1);
  });

  test('are bounded for each origin', () => {
    const { of, open } = bench();
    for (let at = 0; at < 4; at++) open(of(`192.0.2.${at % 2}`));
    const other = { route: { ...ROUTE, originName: 'other' } as Route };
    expect([open(of('192.0.2.1')), open(of('192.0.2.1', other))]).toEqual(['E_WRITES 5000', fn()]);
    expect([open(of('192.0.2.9')), open(of('192.0.2.9', other))]).toEqual(['E_OVERLOAD 5000', fn()]);
  });

  test('take memory of the budget, and give it back', () => {
    const { of, open, budget } = bench();
    const over = open(of('192.0.2.1', { uri: `http://a/${'x'.repeat(8_000)}` })) as () => void;
    expect(budget.stats().bytes.intents).toBeGreaterThan(16_000);
    over();
    expect(budget.stats().bytes.intents).toBe(0);
    budget.take('fills', 1e9);
    expect(open(of('192.0.2.1'))).toBeTypeOf('function');
    budget.take('intents', 2 ** 20);
    expect(open(of('192.0.2.1'))).toBe('E_OVERLOAD 5000');
  });
});

describe('a client that breaks its writes off', () => {
  test('is refused on that route, until the first of them is old', () => {
    const { room, of, open, wait } = bench();
    const request = of('192.0.2.1');
    room.brokenOff(request);
    wait(60_000);
    room.brokenOff(request);
    expect(open(of('192.0.2.1'))).toBe('E_WRITES 540000');
    expect(open(of('192.0.2.2'))).toEqual(fn());
    // The client can break off neither of these.
    for (const whole of [of('192.0.2.1', { isWhole: true }), { ...of('192.0.2.1'), body: undefined }]) {
      const over = open(whole);
      expect(over).toEqual(fn());
      (over as () => void)();
    }
    expect(open(of('192.0.2.1', { route: { ...ROUTE } as Route }))).toEqual(fn());
    wait(540_000);
    expect(open(of('192.0.2.1'))).toEqual(fn());
    room.brokenOff(request);
    expect(open(of('192.0.2.1'))).toBe('E_WRITES 60000');
    expect(room.counts.brokenOff).toBe(2);
  });

  test('is not known by its connection alone, and 0 is no bound', () => {
    const { room, of, open } = bench();
    const request = of(undefined);
    for (let at = 0; at < 9; at++) room.brokenOff(request);
    expect(open(request)).toEqual(fn());
    const none = bench({ brokenOff: 0 });
    for (let at = 0; at < 9; at++) none.room.brokenOff(none.of('192.0.2.1'));
    expect(none.open(none.of('192.0.2.1'))).toEqual(fn());
  });
});

describe('the gate', () => {
  function gate() {
    const { room } = bench({ perClient: 2 });
    return { room, ...gateBench({}, { writes: room }) };
  }

  test('answers 429 with Retry-After, sends nothing and keeps nothing out of the cache', async () => {
    const { ask, get, origin, gate: engine } = gate();
    for (const path of ['/a', '/b']) ask({ method: 'PUT', path, client: '192.0.2.1' });
    const write = ask({ method: 'PUT', path: '/c', client: '192.0.2.1' });
    await turns();
    expect(write).toMatchObject({ status: 429, text: expect.stringContaining('E_WRITES') });
    expect(write.field('retry-after')).toBe('5');
    expect(write.cacheStatus).toContain('detail=refused');
    expect(origin.count).toBe(2);
    get('/c');
    origin.last.answer(200, FRESH, 'read');
    expect(get('/c').text).toBe('read');
    expect(engine.stats().intentsOpen).toBe(2);
  });

  test('counts a write until its hold is over', () => {
    const { ask, origin, time, room } = gate();
    ask({ method: 'PUT', path: '/a', client: '192.0.2.1' });
    origin.last.fail('E_ABANDONED');
    ask({ method: 'PUT', path: '/b', client: '192.0.2.1' });
    origin.last.answer(204, FRESH);
    const opened = () => room.open({ route: ROUTE, uri: '', client: '192.0.2.1' } as GateRequest);
    expect(opened()).toEqual(fn());
    expect(opened()).toBeInstanceOf(TidegateError);
    time.advance(31_000);
    expect(opened()).toEqual(fn());
  });
});
