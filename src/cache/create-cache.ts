// The data cache put together: memory, slower tiers, and the engine over them.

import { safeFault } from '../engine/guarded.ts';
import { createValueCache } from '../engine/values/value-cache.ts';
import { ownValue } from '../entry/owned-value.ts';
import { TidegateError } from '../errors.ts';
import * as kit from '../options/kit.ts';
import type { Clock, Random, Tasks } from '../ports.ts';
import { createValueMemory } from '../store/value-memory.ts';
import { namedCache } from './cache.ts';
import type { Cache, CacheLog, CacheOptions, CacheTier } from './contract.ts';
import {
  endingRequests,
  newEpoch,
  platformClock,
  platformRandom,
  platformRoughNow,
  platformTasks,
  timeOf,
} from './platform.ts';
import type { Schema, SchemaLike } from './schema.ts';
import { checkTiers, takeTiers } from './tiers.ts';
import { watchOf } from './watching.ts';

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
  /** Of a log that caches elsewhere go by as well. Default: that of a tier, or one of this cache alone. */
  readonly history?: CacheTier['history'];
}

const MEMORY = kit.nested<Exclude<CacheOptions['memory'], false | undefined>>({
  maxBytes: kit.aboveZero,
  maxEntries: kit.aboveZero,
});

function isNamed(value: unknown, ...methods: readonly string[]): boolean {
  return kit.has(value, ...methods) && typeof (value as { readonly name?: unknown }).name === 'string';
}

/** Checks the names of the options. The namespace that is made from them checks `version`, `defaults` and `kinds`. */
const OPTIONS: kit.Checks<CacheOptions> = {
  ...{ name: kit.text, version: kit.anything, defaults: kit.anything, kinds: kit.anything },
  memory: (bounds, name) => {
    kit.be('false or an object', (given) => given === false || kit.isRecord(given))(bounds, name);
    if (bounds !== false) MEMORY(bounds, name);
  },
  tiers: checkTiers,
  log: kit.be('one of openRedisLog', (given) => kit.has(given, 'history', 'isLeased', 'renew')),
  codec: kit.be('one with a name, encode and decode', (given) => isNamed(given, 'encode', 'decode')),
  // One that lacked a function would show it when a value is stored.
  classes: kit.be(
    'a list of classes, each with a name, matches, toPlain and fromPlain',
    (given) => Array.isArray(given) && given.every((one) => isNamed(one, 'matches', 'toPlain', 'fromPlain')),
  ),
  ...{ enabled: kit.flag, rollout: kit.part, onFault: kit.func },
  debug: kit.be('true, false or a function', (debug) => typeof debug === 'boolean' || typeof debug === 'function'),
  clock: (given, name) => {
    kit.be('one with now()', (value) => kit.has(value, 'now'))(given, name);
    for (const method of ['monotonic', 'later'] as const) {
      const own = (given as kit.UnknownRecord)[method];
      if (own !== undefined) kit.func(own, `${method} of ${name}`);
    }
  },
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
  kit.checkOptions('createCache', options, OPTIONS);
  const { random, epoch, endingRequests: ending } = platform;
  const {
    clock: time,
    tasks,
    roughNow,
  } = options.clock === undefined ? platform : timeOf(options.clock, platform.tasks);
  const { name = 'default', tiers = [], codec, classes = [], onFault = () => {} } = options;
  const fault = safeFault(onFault, tasks);
  const watch = watchOf(name, options.debug, fault);
  const evicted = (key: string) => {
    if (watch?.isOn === true) watch.told({ kind: 'evict', key, tier: 'memory' });
  };
  const { maxBytes = DEFAULT_MAX_BYTES, maxEntries = DEFAULT_MAX_ENTRIES } = options.memory || {};
  const memory = options.memory === false ? undefined : createValueMemory({ maxBytes, maxEntries, evicted });
  const { log } = options;
  const history = platform.history ?? historyOf(tiers, log);
  const isShared = log !== undefined || platform.history !== undefined;
  const slower = tiers.map((tier) => tier.store({ cacheName: name, codec, classes, fault }));
  const all = memory === undefined ? tiers : [{ name: 'memory', limits: undefined }, ...tiers];
  const own = (value: unknown) => ownValue(value, { classes });
  const engine = createValueCache({
    ...{ clock: time, roughNow, tasks, random, epoch },
    ...(ending !== undefined && { endingRequests: ending }),
    stores: memory === undefined ? slower : [memory, ...slower],
    names: all.map((tier) => tier.name),
    limits: all.map((tier) => tier.limits),
    hasMemory: memory !== undefined,
    ...(history !== undefined && { history }),
    ...{ isShared, own },
    ...(watch !== undefined && { watch }),
    fault,
  });
  const cache = namedCache<S>({
    ...{ engine, options, clock: time, tasks, own, memory, tiers, isShared, fault },
  });
  takeTiers(tiers);
  return cache;
}

/** A log of several processes knows more than a tier of this one. */
function historyOf(tiers: readonly CacheTier[], log: CacheLog | undefined): CacheTier['history'] {
  if (log !== undefined) return log.history();
  const kept = tiers.filter(({ history }) => history !== undefined);
  if (kept.length < 2) return kept[0]?.history;
  const names = kept.map(({ name }) => name).join(' and ');
  throw new TidegateError('E_CONFIG', `expected one tier that keeps invalidations, got ${names}`);
}
