import { expect, test } from 'vitest';
import type { Entry } from '../../src/entry/stored-response.ts';
import type { Store } from '../../src/ports.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { turns } from '../kit/slow-log.ts';

/** A tier whose look-ups hang until it is let go on. */
class HangingStore implements Store {
  #waiting: (() => void)[] = [];
  asked = 0;

  get(): Promise<Entry | undefined> {
    this.asked++;
    return new Promise((resolve) => this.#waiting.push(() => resolve(undefined)));
  }

  goOn(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  put(): void {}

  delete(): number {
    return 0;
  }

  *find(): Iterable<never> {}
}

test('a tier that hangs is a miss, and is passed by for a while', async () => {
  const faults: unknown[] = [];
  const store = new HangingStore();
  const { get, origin, time } = gateBench({}, { stores: [store], fault: (error) => faults.push(error) });
  const first = get('/a');
  expect(origin.count).toBe(0);
  time.advance(2_000);
  await turns();
  origin.last.answer(200, FRESH, 'one');
  expect(first.text).toBe('one');
  expect(faults).toHaveLength(1);
  const asked = store.asked;
  get('/b');
  expect({ asked: store.asked, forwarded: origin.count }).toEqual({ asked, forwarded: 2 });
  store.goOn();
  time.advance(10_000);
  get('/c');
  expect(store.asked).toBeGreaterThan(asked);
});

test('a body store that throws costs a way to the origin', async () => {
  const faults: unknown[] = [];
  const large = { id: 'b', bytes: 5_000_000 };
  const entries = new Map<string, Entry>();
  const store: Store = {
    get: async (key) => entries.get(key),
    put: (entry) => void entries.set(entry.key, entry.kind === 'response' ? { ...entry, large } : entry),
    delete: () => 0,
    *find() {},
  };
  const bodies = {
    create: () => {
      throw new Error('EMFILE');
    },
    read: () => {
      throw new Error('EMFILE');
    },
  };
  const { get, origin } = gateBench({}, { stores: [store], bodies, fault: (error) => faults.push(error) });
  const first = get('/a');
  await turns();
  origin.last.answer(200, FRESH, 'one');
  expect(first.text).toBe('one');
  const second = get('/a');
  await turns();
  expect(origin.count).toBe(2);
  origin.last.answer(200, FRESH, 'two');
  expect(second.text).toBe('two');
  expect(faults).toEqual([new Error('EMFILE')]);
});
