// Stores over KV hold the contracts of every store: on a namespace in workerd (of bytes: workers-stores.test.ts), and on one that lags, where each call of the
// suite comes after the lag of the one before. There it lags for a second: entries of the suite live for a minute. What a lag
// of a minute does is tested in test/store/kv-store.test.ts.

import { Miniflare, type MiniflareOptions } from 'miniflare';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ByteStore } from '../../src/ports.ts';
import { type KvNamespace, KvStore } from '../../src/store/kv/kv-store.ts';
import { ResponseStore } from '../../src/store/response-store.ts';
import { byteStoreContract } from '../../src/testing/index.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';
import { FakeKv } from '../workers/platform/kv.ts';
import { testStoreContract } from './store-contract.ts';

/** The entries of the suite were born then. */
const BORN_MS = 1_700_000_000_123;
const MIN_TTL_MS = 60_000;

function storeOn(namespace: KvNamespace, clock: { monotonic(): number }, name = 'gate'): KvStore {
  return new KvStore({
    ...{ namespace, name, environment: 'test', clock, defer: () => {} },
    fault: (error) => expect.unreachable(error.message),
  });
}

/** Suites write a key again at once; the platform takes one write a second. */
function clockOfSeconds(): { monotonic(): number } {
  let seconds = 0;
  return { monotonic: () => 1000 * seconds++ };
}

describe('in workerd', { timeout: 120_000 }, () => {
  let worker: Miniflare;
  let namespace: KvNamespace;
  let stores = 0;

  beforeAll(async () => {
    const options: MiniflareOptions = { modules: true, script: 'export default {}', kvNamespaces: ['KV'] };
    worker = new Miniflare(options);
    namespace = (await worker.getKVNamespace('KV')) as unknown as KvNamespace;
  }, 60_000);

  afterAll(() => worker?.dispose());

  const make = () => storeOn(namespace, clockOfSeconds(), `store ${++stores}/`);

  describe('responses', () => testStoreContract(() => new ResponseStore(make(), () => BORN_MS)));

  test('a value of the largest size is kept', async () => {
    const store = make();
    await store.put('large', new Uint8Array(25 * 2 ** 20).fill(7), { ttlMs: MIN_TTL_MS });
    expect((await store.get('large'))?.length).toBe(25 * 2 ** 20);
  });
});

const LAG_MS = 1000;

/** The lag passes before each call, so that nobody sees what was there before the last one. */
function patient<S extends object>(store: S, time: SimulatedTime): S {
  return new Proxy(store, {
    get(target, name) {
      const member = Reflect.get(target, name, target);
      if (typeof member !== 'function') return member;
      return (...parameters: unknown[]) => {
        time.advance(LAG_MS + 1);
        return member.apply(target, parameters);
      };
    },
  });
}

describe('in simulated time', () => {
  const time = new SimulatedTime(BORN_MS);
  const make = () => {
    const kv = new FakeKv({ time, lagMs: LAG_MS });
    // Of several first writes at once all but one are refused, as several write the marker.
    kv.overwrite('tidegate/environment', 'test');
    return storeOn(kv.at('here'), time);
  };

  describe('responses', () => testStoreContract(() => patient(new ResponseStore(make(), () => BORN_MS), time)));
  describe('bytes', () => {
    const facts: [string, () => Promise<void>][] = [];
    const makeStore = (): ByteStore => patient(make(), time);
    byteStoreContract({ test: (...fact) => facts.push(fact), makeStore, minTtlMs: MIN_TTL_MS });
    // One who changes keys while it lists them has no time in between.
    const apart = facts.filter(([name]) => !/several puts at once|while its keys/.test(name));
    expect(apart.length).toBe(facts.length - 2);
    test.each(apart)('%s', async (_, holds) => holds());
  });
});
