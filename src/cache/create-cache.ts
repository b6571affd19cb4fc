// The data cache put together: memory, slower tiers, and the engine over them.

import { safeFault } from '../engine/guarded.ts';
import { createValueCache } from '../engine/values/value-cache.ts';
import { ownValue, type ValueClass } from '../entry/owned-value.ts';
import { expected, TidegateError } from '../errors.ts';
import type { Clock, Random, Tasks } from '../ports.ts';
import { createValueMemory } from '../store/value-memory.ts';
import { namedCache } from './cache.ts';
import { checkClasses, checkCodec } from './checks.ts';
import { checkClock, timeOf } from './clock.ts';
import type { Cache, CacheOptions, CacheTier } from './contract.ts';
import { bothWatches, debugWatch } from './debug.ts';
import { channelWatch } from './diagnostics.ts';
import {
  endingRequests,
  newEpoch,
  platformClock,
  platformRandom,
  platformRoughNow,
  platformTasks,
} from './platform.ts';
import type { Schema, SchemaLike } from './schema.ts';
import { checkTiers, takeTiers } from './tier-checks.ts';

/** 50 MB. */
const DEFAULT_MAX_BYTES = 50_000_000;
const DEFAULT_MAX_ENTRIES = 10_000;

/** For tests: time that moves when told. */
export interface CachePlatform {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  /** See ValueCacheParts. */
  readonly roughNow?: (() => number) | undefined;
  /** See ValueCacheParts. */
  readonly endingRequests?: { readonly handsOver: boolean };
  readonly epoch: string | (() => string);
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
  debug: true,
  clock: true,
};

/**
 * A data cache. With a schema, keys and values are typed: `createCache<{ 'user:*': User }>()`. Throws E_CONFIG at an
 * option that is unknown or wrong, and E_TTL, E_TAG, E_KEY at a wrong default.
 */
export function createCache<S extends SchemaLike<S> = Schema>(options: CacheOptions = {}): Cache<S> {
  return createCacheOn<S>(options, {
    clock: platformClock,
    tasks: platformTasks,
    random: platformRandom,
    roughNow: platformRoughNow,
    // Workers give no randomness before the first request.
    epoch: newEpoch,
    ...endingRequests(),
  });
}

/** The same on a platform of the caller's. */
export function createCacheOn<S extends SchemaLike<S> = Schema>(
  options: CacheOptions,
  platform: CachePlatform,
): Cache<S> {
  checkOptions(options);
  const { random, epoch, endingRequests: ending } = platform;
  const { clock, tasks, roughNow } = options.clock === undefined ? platform : timeOf(options.clock, platform.tasks);
  const { name = 'default', tiers = [], codec, classes = NO_CLASSES, onFault = () => {} } = options;
  const fault = safeFault(onFault, tasks);
  const watch = bothWatches(channelWatch(name), debugWatch(name, options.debug, fault));
  const memory = memoryOf(options.memory, (key) => {
    if (watch?.isOn === true) watch.told({ kind: 'evict', key, tier: 'memory' });
  });
  const history = historyOf(tiers);
  const slower = tiers.map((tier) => tier.store({ cacheName: name, codec, classes, fault }));
  const own = (value: unknown) => ownValue(value, { classes });
  const engine = createValueCache({
    ...{ clock, roughNow, tasks, random, epoch },
    ...(ending !== undefined && { endingRequests: ending }),
    stores: memory === undefined ? slower : [memory, ...slower],
    names: [...(memory === undefined ? [] : ['memory']), ...tiers.map((tier) => tier.name)],
    limits: [...(memory === undefined ? [] : [undefined]), ...tiers.map((tier) => tier.limits)],
    hasMemory: memory !== undefined,
    ...(history !== undefined && { history }),
    own,
    ...(watch !== undefined && { watch }),
    fault,
  });
  const cache = namedCache<S>({
    ...{ engine, options, clock, tasks, own, fault },
    isFromBefore: history !== undefined,
    memoryStats: () => memory?.stats() ?? NO_MEMORY,
    tierDeclined: () => declinedBy(tiers),
    close: () => closeAll(tiers),
  });
  takeTiers(tiers);
  return cache;
}

function declinedBy(tiers: readonly CacheTier[]): Record<string, number> {
  const counts = tiers.map((tier) => [tier.name, tier.declined?.()] as const);
  return Object.fromEntries(counts.flatMap(([name, count]) => (count === undefined ? [] : [[name, count]])));
}

/** Each, whatever comes of the others. */
async function closeAll(tiers: readonly CacheTier[]): Promise<void> {
  const closed = await Promise.allSettled(tiers.map(async (tier) => tier.close()));
  const failures = closed.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  if (failures.length > 1) throw new AggregateError(failures, 'expected all tiers to close');
  if (failures.length === 1) throw failures[0];
}

const NO_CLASSES: readonly ValueClass[] = [];
const NO_MEMORY = Object.freeze({ entries: 0, bytes: 0, maxBytes: 0, evictions: 0, declined: 0 });

function memoryOf(bounds: CacheOptions['memory'], evicted: (key: string) => void) {
  if (bounds === false) return undefined;
  checkMemory(bounds);
  const { maxBytes = DEFAULT_MAX_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = bounds ?? {};
  return createValueMemory({
    maxBytes: bound('memory.maxBytes', maxBytes),
    maxEntries: bound('memory.maxEntries', maxEntries),
    evicted,
  });
}

function bound(name: string, value: number): number {
  if (typeof value === 'number' && value > 0) return value;
  expected('E_CONFIG', `${name} to be a number above 0`, value);
}

function historyOf(tiers: readonly CacheTier[]): CacheTier['history'] {
  const kept = tiers.filter(({ history }) => history !== undefined);
  if (kept.length < 2) return kept[0]?.history;
  const names = kept.map(({ name }) => name).join(' and ');
  throw new TidegateError('E_CONFIG', `expected one tier that keeps invalidations, got ${names}`);
}

function checkMemory(bounds: unknown): void {
  if (bounds === undefined) return;
  if (typeof bounds !== 'object' || bounds === null) {
    expected('E_CONFIG', 'memory to be false or of maxBytes and maxEntries', bounds);
  }
  const unknown = Object.keys(bounds).find((key) => key !== 'maxBytes' && key !== 'maxEntries');
  if (unknown === undefined) return;
  throw new TidegateError('E_CONFIG', `expected memory to be of maxBytes and maxEntries, got ${unknown}`);
}

function checkOptions(options: CacheOptions): void {
  if (typeof options !== 'object' || options === null) {
    expected('E_CONFIG', 'options to be an object', options);
  }
  const { onFault } = options;
  if (onFault !== undefined && typeof onFault !== 'function') {
    expected('E_CONFIG', 'onFault to be a function', onFault);
  }
  if (options.clock !== undefined) checkClock(options.clock);
  if (options.tiers !== undefined) checkTiers(options.tiers);
  if (options.classes !== undefined) checkClasses(options.classes);
  if (options.codec !== undefined) checkCodec(options.codec);
  const unknown = Object.keys(options).find((key) => !Object.hasOwn(OPTIONS, key));
  if (unknown === undefined) return;
  const names = Object.keys(OPTIONS).join(', ');
  throw new TidegateError('E_CONFIG', `expected options of ${names}, got ${unknown}`);
}
