// Shares of an origin's connections, and the queue before them, on injected time.

import { describe, expect, test } from 'vitest';
import { clientGroup } from '../../src/entry/clients.ts';
import { TidegateError } from '../../src/errors.ts';
import { type Asker, OriginQueue, type Place, type QueueOptions } from '../../src/node/origin/origin-queue.ts';
import { manualTime } from './manual-time.ts';

const OPTIONS: QueueOptions = { connections: 128, perClient: 0.5, queue: { max: 1_000, timeoutMs: 10_000 } };

function bench(changes: Partial<QueueOptions> = {}) {
  const time = manualTime();
  const soon: (() => void)[] = [];
  const tasks = { ...time.tasks, soon: (work: () => void) => void soon.push(work) };
  const queue = new OriginQueue({ ...OPTIONS, ...changes }, { tasks, perConnection: 1, groupOf: clientGroup });
  const told: string[] = [];
  const enter = (name: string, asker: Asker): Place =>
    queue.enter(asker, {
      granted: () => told.push(name),
      refused: (reason) => told.push(`${name} ${reason instanceof Error ? reason.message : reason}`),
    });
  const run = () => {
    for (const work of soon.splice(0)) work();
    return told.splice(0);
  };
  return { queue, enter, run, time };
}

function heldOf(places: readonly Place[]): number {
  return places.filter(({ state }) => state === 'held').length;
}

describe('shares', () => {
  test('one client comes to half of the connections, over however many of its own', () => {
    const { enter } = bench();
    const places = Array.from({ length: 200 }, () => enter('a', { client: '192.0.2.1', connection: {} }));
    expect(heldOf(places)).toBe(64);
    expect(enter('b', { client: '192.0.2.2', connection: {} }).state).toBe('held');
  });

  test('addresses of one IPv6 network are one client', () => {
    const { enter } = bench();
    const from = (at: number) => ({ client: `2001:db8:1:2::${at.toString(16)}`, connection: {} });
    expect(heldOf(Array.from({ length: 200 }, (_, at) => enter('a', from(at))))).toBe(64);
    expect(enter('b', { client: '2001:db8:1:3::1', connection: {} }).state).toBe('held');
  });

  test('one connection comes to a third of them, and its neighbours at the address come in beside it', () => {
    const { enter } = bench();
    const connection = {};
    expect(heldOf(Array.from({ length: 128 }, () => enter('a', { client: '192.0.2.1', connection })))).toBe(43);
    expect(enter('b', { client: '192.0.2.1', connection: {} }).state).toBe('held');
  });

  test('where nobody knows the clients, each connection counts by itself', () => {
    const { enter } = bench();
    const connection = {};
    expect(heldOf(Array.from({ length: 128 }, () => enter('a', { connection })))).toBe(43);
    const single = Array.from({ length: 85 }, () => enter('b', { connection: {} }));
    expect(heldOf(single)).toBe(85);
    expect(enter('c', { connection: {} }).state).toBe('waiting');
  });

  test('ten clients that take all they get leave some to the eleventh', () => {
    const { enter } = bench();
    const places = Array.from({ length: 1_000 }, (_, at) => enter('', { client: `192.0.2.${at % 10}` }));
    expect(heldOf(places)).toBeLessThan(128);
    expect(enter('', { client: '198.51.100.1' }).state).toBe('held');
  });

  test('what nobody waits for counts as one connection', () => {
    const { enter } = bench();
    expect(heldOf(Array.from({ length: 128 }, () => enter('', { connection: 'background' })))).toBe(43);
  });

  test('a single connection is for whoever comes, and a whole part has no bound', () => {
    expect(bench({ connections: 1 }).enter('', { client: '192.0.2.1', connection: {} }).state).toBe('held');
    const { enter } = bench({ perClient: 1 });
    const connection = {};
    expect(heldOf(Array.from({ length: 200 }, () => enter('', { client: '192.0.2.1', connection })))).toBe(128);
  });

  test('an origin that carries more on a connection has more to share, at once', () => {
    const { queue, enter, run } = bench({ connections: 2 });
    const places = Array.from({ length: 64 }, () => enter('x', {}));
    expect(heldOf(places)).toBe(2);
    queue.carries(32);
    expect(run()).toHaveLength(62);
  });
});

describe('the queue', () => {
  test('serves clients in turn, and each in its order', () => {
    const { queue, enter, run } = bench({ connections: 1 });
    const first = enter('first', { client: '192.0.2.9' });
    const waiting = ['a1', 'a2', 'a3'].map((name) => enter(name, { client: '192.0.2.1' }));
    waiting.push(enter('b1', { client: '192.0.2.2' }), enter('c1', { client: '192.0.2.3' }));
    const order: string[] = [];
    let held: Place | undefined = first;
    while (held !== undefined) {
      queue.leave(held);
      order.push(...run());
      held = waiting.find(({ state }) => state === 'held');
    }
    expect(order).toEqual(['a1', 'b1', 'c1', 'a2', 'a3']);
    expect(queue.figures()).toEqual({ waiting: 0, queued: 5, refused: { full: 0, late: 0 } });
  });

  test('whose first request may have no more does not hold up its neighbour, nor other clients', () => {
    const { queue, enter, run } = bench({ connections: 6 });
    const connection = {};
    const mine = Array.from({ length: 6 }, (_, at) => enter(`a${at}`, { client: '192.0.2.1', connection }));
    expect(heldOf(mine)).toBe(2);
    const others = Array.from({ length: 4 }, (_, at) => enter('', { client: `198.51.100.${at}` }));
    expect(heldOf(others)).toBe(4);
    enter('b', { client: '192.0.2.2' });
    queue.leave(others[0] as Place);
    expect(run()).toEqual(['b']);
  });

  test('gives up at the deadline, and a place that was left is not told', () => {
    const { queue, enter, run, time } = bench({ connections: 1 });
    enter('held', {});
    const left = enter('left', {});
    enter('late', {});
    queue.leave(left);
    time.advance(9_999);
    expect(run()).toEqual([]);
    time.advance(1);
    expect(run()).toEqual(['late late']);
    expect(time.pending()).toBe(0);
  });

  test('a full one drops the newest of the client with the most; nobody with as many gets in', () => {
    const { queue, enter, run } = bench({ connections: 1, queue: { max: 3, timeoutMs: 1_000 } });
    enter('held', { client: '192.0.2.9' });
    for (const name of ['a1', 'a2', 'a3', 'a4']) enter(name, { client: '192.0.2.1' });
    expect(run()).toEqual(['a4 full']);
    enter('b1', { client: '192.0.2.2' });
    enter('b2', { client: '192.0.2.2' });
    enter('c1', { client: '192.0.2.3' });
    expect(run()).toEqual(['a3 full', 'b2 full', 'a2 full']);
    expect(queue.figures()).toMatchObject({ waiting: 3, refused: { full: 4 } });
  });

  test('a place that was granted and left before it was told is free again', () => {
    const { queue, enter, run } = bench({ connections: 1 });
    const first = enter('first', {});
    const second = enter('second', {});
    enter('third', {});
    queue.leave(first);
    queue.leave(second);
    queue.leave(second);
    expect(run()).toEqual(['third']);
  });

  test('fails all that wait, and not what runs', () => {
    const { queue, enter, run } = bench({ connections: 1 });
    const held = enter('held', {});
    enter('waiting', {});
    queue.fail(new TidegateError('E_ORIGIN_CONNECT', 'gone'));
    expect(run()).toEqual(['waiting gone']);
    expect(held.state).toBe('held');
  });
});
