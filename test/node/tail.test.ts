// Who listens to exchanges: in one process, in a worker that is asked by its primary, and in the primary of several.

import { describe, expect, test } from 'vitest';
import type { Heard, TailFilter } from '../../src/admin/contract.ts';
import { PoolTail, Tail } from '../../src/node/operator/tail.ts';
import { TAILED } from '../admin/fake-gate.ts';
import { manualTime } from './manual-time.ts';

const line = (path: string) => ({ ...TAILED, path });

describe('in one process', () => {
  test('only who listens hears, and only what was asked for', () => {
    const tail = new Tail(manualTime().tasks);
    expect(tail.isHeard).toBe(false);
    const heard: Heard[] = [];
    const stop = tail.listen({ url: '/a*' }, (one) => heard.push(one));
    expect(tail.isHeard).toBe(true);
    tail.tell(line('/a1'));
    tail.tell(line('/b'));
    stop();
    tail.tell(line('/a2'));
    expect(heard).toEqual([line('/a1')]);
    expect(tail.isHeard).toBe(false);
  });

  test('a sign of life comes where nothing else does, until the listener goes', () => {
    const time = manualTime();
    const heard: Heard[] = [];
    const stop = new Tail(time.tasks).listen({}, (one) => heard.push(one));
    time.advance(90_000);
    expect(heard).toEqual([{ lost: 0 }, { lost: 0 }, { lost: 0 }]);
    stop();
    time.advance(90_000);
    expect(heard).toHaveLength(3);
  });
});

describe('in a worker', () => {
  const FILTERS: readonly TailFilter[] = [{ url: '/a*' }, { status: '2xx', url: '/ab' }];

  test('what any filter asks for is kept once, from the first question on, and given once', () => {
    const tail = new Tail(manualTime().tasks);
    tail.tell(line('/a0'));
    expect(tail.since(FILTERS)).toEqual([]);
    for (const path of ['/a1', '/ab', '/b']) tail.tell(line(path));
    expect(tail.since(FILTERS)).toEqual([line('/a1'), line('/ab')]);
    expect(tail.since(FILTERS)).toEqual([]);
  });

  test('what does not fit is counted', () => {
    const tail = new Tail(manualTime().tasks);
    tail.since([{}]);
    for (let at = 0; at < 1_005; at++) tail.tell(line(`/${at}`));
    const heard = tail.since([{}]);
    expect([heard.length, heard.at(-1)]).toEqual([1_001, { lost: 5 }]);
  });

  test('who is not asked any more keeps nothing and listens no more', () => {
    const time = manualTime();
    const tail = new Tail(time.tasks);
    tail.since([{}]);
    time.advance(4_000);
    tail.since([{}]);
    time.advance(4_000);
    expect(tail.isHeard).toBe(true);
    time.advance(2_000);
    expect(tail.isHeard).toBe(false);
  });
});

describe('in a primary', () => {
  test('workers are asked as long as somebody listens, and again after a failure', async () => {
    const time = manualTime();
    const asked: (readonly TailFilter[])[] = [];
    const answers: (readonly Heard[])[] = [[line('/a')], [line('/b'), { lost: 2 }]];
    let fails = false;
    const tail = new PoolTail(time.tasks, async (filters) => {
      asked.push(filters);
      if (fails) throw new Error('a worker has ended');
      return asked.length === 1 ? answers : [];
    });
    const heard: Heard[] = [];
    const stop = tail.listen({ url: '/a' }, (one) => heard.push(one));
    await settled();
    expect(heard).toEqual([line('/a'), { lost: 2 }]);
    fails = true;
    time.advance(100);
    await settled();
    fails = false;
    time.advance(100);
    await settled();
    expect(asked).toEqual([[{ url: '/a' }], [{ url: '/a' }], [{ url: '/a' }]]);
    stop();
    time.advance(1_000);
    await settled();
    expect(asked).toHaveLength(3);
    tail.listen({}, () => {});
    expect(asked).toHaveLength(4);
  });
});

const settled = () => new Promise((resolve) => setImmediate(resolve));
