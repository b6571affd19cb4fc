// Fills that end with the request that began them, of which nobody is told.

import { expect, test } from 'vitest';
import type { Cancel, Tasks } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { settle, valueBench } from './value-bench.ts';

/** Timers that belong to the request in which they were set. */
class RequestTasks implements Tasks {
  readonly #time: SimulatedTime;
  readonly #over = new Set<string>();
  #current = 'none';

  constructor(time: SimulatedTime) {
    this.#time = time;
  }

  within<T>(request: string, work: () => T): T {
    const before = this.#current;
    this.#current = request;
    try {
      return work();
    } finally {
      this.#current = before;
    }
  }

  end(request: string): void {
    this.#over.add(request);
  }

  later(delayMs: number, work: () => void): Cancel {
    const request = this.#current;
    return this.#time.later(delayMs, () => {
      if (!this.#over.has(request)) this.within(request, work);
    });
  }

  soon(work: () => void): void {
    this.later(0, work);
  }
}

function requestsBench(handsOver: boolean) {
  const clock = new SimulatedTime();
  const tasks = new RequestTasks(clock);
  const bench = valueBench({ clock, tasks, endingRequests: { handsOver } });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 10) {
      clock.advance(10);
      await settle();
    }
  };
  return { ...bench, tasks, pass };
}

test.each([true, false])(
  'whoever waits for one has it run anew; what it gives after all is not stored (%s)',
  async (handsOver) => {
    const { cache, tasks, fill, getOrSet, pass } = requestsBench(handsOver);
    const [first, second] = [fill(), fill()];
    const begun = tasks.within('a', () => getOrSet('k', first));
    const joined = ['b', 'c'].map((request) => tasks.within(request, () => getOrSet('k', second)));
    tasks.end('a');
    await pass(400);
    expect(second.calls).toBe(0);
    await pass(300);
    expect(second.calls).toBe(1);
    await second.give('read later');
    await pass(100);
    expect(await Promise.all(joined)).toEqual(['read later', 'read later']);
    expect(cache.figures.stats()).toMatchObject({ fills: 2, fillsInFlight: 0, fillFailures: 1 });
    await first.give('read first');
    expect([await begun, cache.get('k')]).toEqual(['read first', 'read later']);
  },
);

test.each([true, false])('one that lives is waited for, however long it takes (%s)', async (handsOver) => {
  const { cache, tasks, fill, getOrSet, pass } = requestsBench(handsOver);
  const first = fill();
  const begun = tasks.within('a', () => getOrSet('k', first));
  const joined = tasks.within('b', () => getOrSet('k', () => 'never'));
  await pass(20_000);
  await first.give('in the end');
  await pass(60);
  expect(await Promise.all([begun, joined])).toEqual(['in the end', 'in the end']);
  expect(cache.figures.stats()).toMatchObject({ fills: 1, fillFailures: 0 });
});

test('one that nobody waits for does not stand in the way of the next', async () => {
  const { cache, tasks, fill, getOrSet, pass, faults } = requestsBench(true);
  await getOrSet('k', () => 'v1', { earlyRefresh: 0 });
  const first = fill();
  await tasks.within('a', () => getOrSet('k', first, { earlyRefresh: 0 }));
  expect(first.calls).toBe(1);
  tasks.end('a');
  await pass(600);
  await getOrSet('k', () => 'v2', { earlyRefresh: 0 });
  await settle();
  expect(cache.get('k')).toBe('v2');
  expect(faults).toEqual([expect.objectContaining({ code: 'E_FILL' })]);
});
