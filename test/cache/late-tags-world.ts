// A cache in front of one counted source, over tiers that fail when told.

import type { Cache, CacheOptions, FillOptions } from '../../src/cache/contract.ts';
import { createCacheOn } from '../../src/cache/create-cache.ts';
import { storeTier } from '../../src/cache/store-tier.ts';
import type { ByteStore } from '../../src/ports.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

/** A Map behind promises that fails when told. */
export class Bytes implements ByteStore {
  readonly map = new Map<string, Uint8Array>();
  fails = false;
  readonly puts: string[] = [];

  async get(key: string): Promise<Uint8Array | undefined> {
    return this.map.get(key);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.puts.push(key);
    if (this.fails) throw new Error('down');
    this.map.set(key, bytes);
  }

  async delete(keys: readonly string[]): Promise<number> {
    return keys.filter((key) => this.map.delete(key)).length;
  }

  keys(): Iterable<string> {
    return this.map.keys();
  }
}

export type Shape = 'memory' | 'memory and a store' | 'a store';

export function world(shape: Shape = 'memory', options: CacheOptions = {}) {
  const bytes = new Bytes();
  const time = new SimulatedTime();
  const tiers = shape === 'memory' ? [] : [storeTier({ name: 'map', store: bytes })];
  const memory = shape === 'a store' ? (false as const) : { maxEntries: 100 };
  const platform = { clock: time, tasks: time, random: () => 0.5, epoch: 'e' };
  const cache = createCacheOn({ memory, tiers, ...options }, platform);
  return { cache, bytes, time, ...counted(cache) };
}

/** The source has one value, whose version is counted by hand. */
export function counted(cache: Cache) {
  const source = { version: 1, reads: 0 };
  const ask = async (options?: FillOptions, key = 'k') =>
    cache.getOrSet(
      key,
      async () => {
        source.reads++;
        return source.version;
      },
      options,
    );
  return { source, ask };
}

export async function tagsOf(cache: Cache): Promise<string[]> {
  const tags: string[] = [];
  for await (const entry of cache.entries()) tags.push(...entry.tags);
  return tags.sort();
}
