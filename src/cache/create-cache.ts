// The data cache put together: memory, slower tiers, and the engine over them.

import { createValueCache } from '../engine/value-cache.ts';
import { ownValue, type ValueClass } from '../entry/owned-value.ts';
import { TidegateError } from '../errors.ts';
import type { Clock, Random, Tasks } from '../ports.ts';
import { createValueMemory } from '../store/value-memory.ts';
import { namedCache } from './cache.ts';
import type { Cache, CacheOptions, CacheTier } from './contract.ts';
import { channelWatch } from './diagnostics.ts';
import { newEpoch, platformClock, platformRandom, platformTasks } from './platform.ts';
import type { Schema } from './schema.ts';

/** 50 MB. */
const DEFAULT_MAX_BYTES = 50_000_000;
const DEFAULT_MAX_ENTRIES = 10_000;

/** For tests: time that moves when told. */
export interface CachePlatform {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly epoch: string;
}

/** Every option, so that a misspelt one is not passed over. */
const OPTIONS: Record<keyof CacheOptions, true> = {
  name: true,
  memory: true,
  tiers: true,
  version: true,
  defaults: true,
  kinds: true,
  codec: true,
  classes: true,
  enabled: true,
  rollout: true,
  onFault: true,
};

/**
 * A data cache. With a schema, keys and values are typed: `createCache<{ 'user:*': User }>()`. Throws E_CONFIG at an
 * option that is unknown or wrong, and E_TTL, E_TAG, E_KEY at a wrong default.
 */
export function createCache<S extends Schema = Schema>(options: CacheOptions = {}): Cache<S> {
  return createCacheOn<S>(options, {
    clock: platformClock,
    tasks: platformTasks,
    random: platformRandom,
    epoch: newEpoch(),
  });
}

/** The same on a platform of the caller's. */
export function createCacheOn<S extends Schema = Schema>(options: CacheOptions, platform: CachePlatform): Cache<S> {
  checkOptions(options);
  const { name = 'default', tiers = [], codec, classes = NO_CLASSES, onFault = () => {} } = options;
  const { clock, tasks, random, epoch } = platform;
  const memory = memoryOf(options.memory);
  const history = historyOf(tiers);
  const slower = tiers.map((tier) => tier.store({ cacheName: name, codec, classes, fault: onFault }));
  const watch = channelWatch(name);
  const engine = createValueCache({
    ...{ clock, tasks, random, epoch },
    stores: memory === undefined ? slower : [memory, ...slower],
    names: [...(memory === undefined ? [] : ['memory']), ...tiers.map((tier) => tier.name)],
    hasMemory: memory !== undefined,
    ...(history !== undefined && { history }),
    own: (value) => ownValue(value, { classes }),
    ...(watch !== undefined && { watch }),
    fault: onFault,
  });
  return namedCache<S>({
    ...{ engine, options, clock, tasks },
    hasSlowTiers: slower.length > 0,
    memoryStats: () => memory?.stats() ?? NO_MEMORY,
    close: async () => {
      for (const tier of tiers) await tier.close();
    },
  });
}

const NO_CLASSES: readonly ValueClass[] = [];
const NO_MEMORY = Object.freeze({ entries: 0, bytes: 0, maxBytes: 0, evictions: 0, declined: 0 });

function memoryOf(bounds: CacheOptions['memory']) {
  if (bounds === false) return undefined;
  const { maxBytes = DEFAULT_MAX_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = bounds ?? {};
  return createValueMemory({
    maxBytes: bound('memory.maxBytes', maxBytes),
    maxEntries: bound('memory.maxEntries', maxEntries),
  });
}

function bound(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value;
  throw new TidegateError('E_CONFIG', `expected ${name} to be a number above 0, got ${String(value)}`);
}

function historyOf(tiers: readonly CacheTier[]): CacheTier['history'] {
  const kept = tiers.filter(({ history }) => history !== undefined);
  if (kept.length < 2) return kept[0]?.history;
  const names = kept.map(({ name }) => name).join(' and ');
  throw new TidegateError('E_CONFIG', `expected one tier that keeps invalidations, got ${names}`);
}

function checkOptions(options: CacheOptions): void {
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(OPTIONS, key));
  if (unknown === undefined) return;
  const names = Object.keys(OPTIONS).join(', ');
  throw new TidegateError('E_CONFIG', `expected options of ${names}, got ${unknown}`);
}
