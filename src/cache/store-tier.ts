// `tidegate/store`: slower tiers of a data cache over any store of bytes, and how values become bytes.
//
// The one complication: what such a store kept from before this process began is not trusted, since nobody here knows
// what was invalidated since; so it is a miss. A tier that keeps the invalidations too (`openDiskTier`) has no such gap.

import { TidegateError } from '../errors.ts';
import type { ByteStore } from '../ports.ts';
import { encodedStore } from '../store/encoded-store.ts';
import { createValueCodec } from '../store/value-codec.ts';
import type { CacheTier } from './contract.ts';
import { type TierLimitOptions, tierLimits } from './tier-limits.ts';

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

/** A tier over a store of bytes: Redis, a KV service, files. Throws E_CONFIG when `store` lacks a method, or at a limit. */
export function storeTier({ name, store, close, ...limits }: StoreTierOptions): CacheTier {
  for (const method of ['get', 'put', 'delete'] as const) {
    if (typeof store?.[method] === 'function') continue;
    throw new TidegateError(
      'E_CONFIG',
      `expected a store with ${method}() for the tier ${name}, got ${typeof store?.[method]}`,
    );
  }
  return {
    name,
    limits: tierLimits(limits, name),
    store: ({ codec, classes, fault }) =>
      encodedStore(store, codec ?? createValueCodec({ classes }), { classes, fault }),
    close: async () => close?.(),
  };
}
