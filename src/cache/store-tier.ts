// `tidegate/store`: slower tiers of a data cache over any store of bytes, and how values become bytes.
//
// What such a store kept from before this process began is not trusted, since nobody here knows
// what was invalidated since; so it is a miss. A tier that keeps the invalidations too (`openDiskTier`) has no such gap, nor has a cache
// whose log goes on elsewhere (`openRedisLog`).

import { be, type Checks, checkOptions, func, has, required, text } from '../options/kit.ts';
import type { ByteStore } from '../ports.ts';
import { encodedStore } from '../store/encoded-store.ts';
import { createValueCodec } from '../store/value-codec.ts';
import type { CacheTier } from './contract.ts';
import { LIMIT_CHECKS, noteClosed, type TierLimitOptions, tierLimits } from './tiers.ts';

export type { OwnedCodec } from '../entry/stored-value.ts';
export type { ByteStore } from '../ports.ts';
export { createValueCodec } from '../store/value-codec.ts';
export type { CacheTier, TierLimitOptions };

export interface StoreTierOptions extends TierLimitOptions {
  /** For stats and messages; unlike that of any other tier of the cache. */
  readonly name: string;
  readonly store: ByteStore;
  /** Called when the cache is closed. Default: nothing. */
  readonly close?: () => Promise<void> | void;
}

const OPTIONS: Checks<StoreTierOptions> = {
  name: required(text),
  store: required(be('a store with get(), put() and delete()', (store) => has(store, 'get', 'put', 'delete'))),
  close: func,
  ...LIMIT_CHECKS,
};

/** A tier over a store of bytes: Redis, a KV service, files. Throws E_CONFIG when `store` lacks a method, or at an option. */
export function storeTier(options: StoreTierOptions): CacheTier {
  checkOptions('storeTier', options, OPTIONS);
  const { name, store, close, ...limits } = options;
  const tier: CacheTier = {
    name,
    limits: tierLimits(limits),
    store: ({ codec, classes, fault }) =>
      encodedStore(store, codec ?? createValueCodec({ classes }), { classes, fault }),
    close: async () => {
      noteClosed(tier);
      await close?.();
    },
  };
  return tier;
}
