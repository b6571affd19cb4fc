// A disk tier for a data cache: the gate's (store/disk), with the log of invalidations that survives a crash.

import type { CacheTier } from '../cache/contract.ts';
import { LIMIT_CHECKS, noteClosed, type TierLimitOptions, tierLimits } from '../cache/tiers.ts';
import { be, type Checks, checkOptions, func, required, text } from '../options/kit.ts';
import { valuesOnGateStore } from '../store/encoded-store.ts';
import { createValueCodec } from '../store/value-codec.ts';
import { openDisk } from './tiers.ts';

export interface DiskTierOptions extends TierLimitOptions {
  /** A folder that only this process uses; made if need be. */
  readonly path: string;
  /** At least 1,048,576. */
  readonly maxBytes: number;
  /** Default `disk`. */
  readonly name?: string;
  /** Called for each loss, refusal or damage; each costs a miss. Default: nobody is told. */
  readonly onFault?: (error: unknown) => void;
}

const LEAST_BYTES = 2 ** 20;

const OPTIONS: Checks<DiskTierOptions> = {
  path: required(text),
  maxBytes: required(
    be(`a number of at least ${LEAST_BYTES}`, (bytes) => Number.isFinite(bytes) && Number(bytes) >= LEAST_BYTES),
  ),
  name: text,
  onFault: func,
  ...LIMIT_CHECKS,
};

/**
 * Opens the folder. Serves entries of an earlier process when the invalidations since they were stored are known;
 * otherwise they are misses. Throws E_DISK when the folder cannot be written to, is in use, or is of a newer version.
 * Throws E_CONFIG for an unknown or wrong option.
 */
export async function openDiskTier(options: DiskTierOptions): Promise<CacheTier> {
  checkOptions('openDiskTier', options, OPTIONS);
  const { path, maxBytes, name = 'disk', onFault = () => {}, ...given } = options;
  const limits = tierLimits(given);
  const { store, durable, close } = await openDisk(path, {
    maxBytes,
    fault: onFault,
    onEvent: (event) => {
      if ('error' in event) onFault(event.error);
    },
  });
  const tier: CacheTier = {
    name,
    limits,
    store: ({ cacheName, codec, classes, fault }) =>
      valuesOnGateStore(store, codec ?? createValueCodec({ classes }), { name: cacheName, classes, fault }),
    history: { invalidations: durable.recovery.invalidations, log: durable.journal },
    declined: () => store.stats().declined,
    close: async () => {
      noteClosed(tier);
      await close();
    },
  };
  return tier;
}
