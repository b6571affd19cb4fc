// What random tests of `withTidegate` have in common: numbers by a seed, and a cache that takes its time and says what was
// a hit.

import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn } from 'node:timers/promises';
import type { Cache } from '../../../src/index.ts';

export interface RandomHooks {
  /** Awaited before and after each statement. */
  readonly pause: () => Promise<void>;
  /** True: the answer of a write that was done is lost. */
  readonly loses: () => boolean;
}

export interface RandomDriver {
  readonly db: object;
  readonly close: () => unknown;
}

/** Mulberry32. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export async function pauseBy(random: () => number): Promise<void> {
  for (let turns = Math.floor(random() * 4); turns > 0; turns--) await turn();
}

/** Tells of each read, begun with `read`, whether the cache had it. */
export class Hits {
  readonly #storage = new AsyncLocalStorage<{ isHit: boolean }>();

  async read<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly isHit: boolean }> {
    const read = { isHit: false };
    const value = await this.#storage.run(read, work);
    return { value, isHit: read.isHit };
  }

  /** The cache, heard by this; its invalidations are in force only after a pause. */
  slowed(cache: Cache, pause: () => Promise<void>): Cache {
    return new Proxy(cache, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        const method = value.bind(target) as (...args: readonly unknown[]) => unknown;
        if (name === 'invalidate') {
          return async (what: unknown) => {
            await pause();
            await method(what);
          };
        }
        if (name !== 'get') return method;
        return (key: unknown) => {
          const found = method(key);
          const read = this.#storage.getStore();
          if (found !== undefined && read !== undefined) read.isHit = true;
          return found;
        };
      },
    });
  }
}
