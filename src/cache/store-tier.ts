// `tidegate/store`: slower tiers of a data cache over any store of bytes, and how values become bytes.
//
// What such a store kept from before this process began is not trusted, since nobody here knows
// what was invalidated since; so it is a miss. A tier that keeps the invalidations too (`openDiskTier`) has no such gap.

import { expected } from '../errors.ts';
import type { ByteStore } from '../ports.ts';
import { encodedStore } from '../store/encoded-store.ts';
import { createValueCodec } from '../store/value-codec.ts';
import { checkNames } from './checks.ts';
import type { CacheTier } from './contract.ts';
import { noteClosed } from './tier-checks.ts';
import { checkTierName, LIMIT_NAMES, type TierLimitOptions, tierLimits } from './tier-limits.ts';

export type { OwnedCodec } from '../entry/value-codec.ts';
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

const NAMES = ['name', 'store', 'close', ...LIMIT_NAMES];

/** A tier over a store of bytes: Redis, a KV service, files. Throws E_CONFIG when `store` lacks a method, or at an option. */
export function storeTier(options: StoreTierOptions): CacheTier {
  checkNames(options, NAMES, 'options of a tier');
  const { name, store, close, ...limits } = options;
  checkTierName(name);
  for (const method of ['get', 'put', 'delete'] as const) {
    if (typeof store?.[method] === 'function') continue;
    expected('E_CONFIG', `a store with ${method}() for the tier ${name}`, store?.[method]);
  }
  if (close !== undefined && typeof close !== 'function') {
    expected('E_CONFIG', `close of the tier ${name} to be a function`, close);
  }
  const tier: CacheTier = {
    name,
    limits: tierLimits(limits, name),
    store: ({ codec, classes, fault }) =>
      encodedStore(store, codec ?? createValueCodec({ classes }), { classes, fault }),
    close: async () => {
      noteClosed(tier);
      await close?.();
    },
  };
  return tier;
}
