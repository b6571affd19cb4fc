// A slow tier whose operations are paid for: how often a miss asks it.

import { describe, expect, test } from 'vitest';
import { createMemoryStore } from '../../src/store/memory.ts';
import { ResponseStore } from '../../src/store/response-store.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { kvWorld, pointers } from '../kit/kv-world.ts';

/** Once nothing is under way at KV: each of its operations is deferred. */
async function settled({ deferred }: World): Promise<void> {
  for (let seen = -1; seen < deferred.length; ) {
    seen = deferred.length;
    await Promise.all(deferred);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

type World = ReturnType<typeof kvWorld>;

/** An isolate with memory and KV. */
function isolate(world: World, mostCounted: number) {
  const kv = new ResponseStore(world.open(), () => world.time.now());
  const stores = [createMemoryStore({ maxBytes: 2 ** 20 }), kv];
  const bench = gateBench({}, { stores, joins: false, mostCounted });
  const ask = async (path: string, fields: readonly string[], answer: readonly string[]) => {
    const client = bench.get(path, fields);
    await settled(world);
    const isMiss = client.state === 'waiting';
    if (isMiss) bench.origin.last.answer(200, answer, fields[1] ?? path);
    await settled(world);
    return { isMiss, text: client.text };
  };
  return { ask };
}

const VARIED = [...FRESH, 'vary', 'accept-language'];
const inLanguage = (language: string) => ['accept-language', language];

describe('where each question to KV is paid for', () => {
  test('a miss asks it once, and not again to store the answer', async () => {
    for (const [mostCounted, reads] of [
      [0, 3],
      [10_000, 5],
    ] as const) {
      const world = kvWorld();
      const { ask } = isolate(world, mostCounted);
      await ask('/a', [], FRESH);
      await ask('/b', [], FRESH);
      // The marker of the namespace, once.
      expect(world.kv.counts.get).toBe(reads);
      expect(world.kv.counts.put).toBe(4);
    }
  });

  test('variants are listed with those that another isolate has stored', async () => {
    const world = kvWorld();
    await isolate(world, 0).ask('/a', inLanguage('de'), VARIED);
    world.time.advance(60_000);
    const second = isolate(world, 0);
    expect((await second.ask('/a', inLanguage('fr'), VARIED)).isMiss).toBe(true);
    world.time.advance(60_000);
    const third = isolate(world, 0);
    expect(await third.ask('/a', inLanguage('de'), VARIED)).toEqual({ isMiss: false, text: 'de' });
    expect(await third.ask('/a', inLanguage('fr'), VARIED)).toEqual({ isMiss: false, text: 'fr' });
  });

  test('a response without Vary removes the variants', async () => {
    const world = kvWorld();
    await isolate(world, 0).ask('/a', inLanguage('de'), VARIED);
    world.time.advance(60_000);
    expect(pointers(world.kv).length).toBe(2);
    await isolate(world, 0).ask('/a', inLanguage('fr'), FRESH);
    expect(pointers(world.kv).length).toBe(1);
  });
});
