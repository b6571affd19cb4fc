// A KV namespace in simulated time with stores of isolates over it.

import { type KvNamespace, KvStore } from '../../src/store/kv/kv-store.ts';
import { getKey } from '../contract/store-contract.ts';
import { FakeKv } from '../workers/platform/kv.ts';
import { SimulatedTime } from './simulated-time.ts';

export const MINUTE = 60_000;
export const HOUR = { ttlMs: 60 * MINUTE };
export const MARKER = 'tidegate/environment';
export const key = getKey('http://h/a');

interface World {
  readonly time: SimulatedTime;
  readonly kv: FakeKv;
  readonly faults: string[];
  readonly deferred: Promise<unknown>[];
  /** A store of an isolate in that place. */
  readonly open: (
    place?: string,
    options?: { name?: string; environment?: string; namespace?: KvNamespace },
  ) => KvStore;
}

export function kvWorld({ marked = true } = {}): World {
  const time = new SimulatedTime();
  const kv = new FakeKv({ time });
  if (marked) kv.overwrite(MARKER, 'production');
  const faults: string[] = [];
  const deferred: Promise<unknown>[] = [];
  const open: World['open'] = (place = 'ams', options = {}) =>
    new KvStore({
      ...{ namespace: kv.at(place), name: 'gate', environment: 'production', clock: time, ...options },
      defer: (work) => deferred.push(work),
      fault: (error) => faults.push(`${error.code} ${error.message}`),
    });
  return { time, kv, faults, deferred, open };
}

export const text = (content: string) => new TextEncoder().encode(content);
export const read = async (store: KvStore, at = key) => {
  const bytes = await store.get(at);
  return bytes && new TextDecoder().decode(bytes);
};
/** Names of pointers, of values. */
export const pointers = (kv: FakeKv) => kv.names().filter((name) => name.includes('/k/'));
export const values = (kv: FakeKv) => kv.names().filter((name) => name.includes('/v/'));
