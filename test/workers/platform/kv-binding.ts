// The KV of a simulated platform as isolates reach it: each call is I/O of an invocation.

import type { KvNamespace } from '../../../src/store/kv/kv-store.ts';
import type { SimulatedTime } from '../../kit/simulated-time.ts';
import { FakeKv } from './kv.ts';
import type { World } from './world.ts';

export function kvIn(world: World): FakeKv {
  const time = { now: () => world.now, later: (delayMs: number, work: () => void) => world.at(delayMs, work) };
  return new FakeKv({ time: time as unknown as SimulatedTime });
}

/** The binding in that data centre. */
export function kvAt(world: World, kv: FakeKv, place: string): KvNamespace {
  const namespace = kv.at(place) as unknown as Record<string, (...given: unknown[]) => Promise<unknown>>;
  const called =
    (method: string) =>
    (...given: unknown[]) =>
      world.call('KV', async () => namespace[method]?.(...given));
  return {
    get: called('get'),
    put: called('put'),
    delete: called('delete'),
    list: called('list'),
  } as unknown as KvNamespace;
}
