// Which tiers a cache may be made of.
//
// A tier is of one cache, which closes it. One that had another cache, or is closed, would look like
// any other until something is stored. So those that are taken are remembered, by the object.

import { expected, shown, TidegateError } from '../errors.ts';
import type { CacheTier } from './tier-contract.ts';

const taken = new WeakMap<object, 'is of another cache' | 'is closed'>();

/** Throws E_CONFIG. */
export function checkTiers(tiers: unknown): asserts tiers is readonly CacheTier[] {
  if (!Array.isArray(tiers)) return expected('E_CONFIG', 'tiers to be a list of tiers', tiers);
  for (const tier of tiers as readonly unknown[]) checkTier(tier);
  const twice = tiers.find((tier, at) => tiers.indexOf(tier) !== at) as CacheTier | undefined;
  if (twice !== undefined)
    throw new TidegateError('E_CONFIG', `expected each tier once, got ${shown(twice.name)} twice`);
}

function checkTier(tier: unknown): void {
  const { name, store, close } = (tier ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof store !== 'function' || typeof close !== 'function') {
    expected('E_CONFIG', 'each of tiers to be one that storeTier() or await openDiskTier() gave', tier);
  }
  const was = taken.get(tier as object);
  if (was === undefined) return;
  throw new TidegateError(
    'E_CONFIG',
    `expected tiers that no cache has had before: open one anew for each, got ${shown(name)}, which ${was}`,
  );
}

/** By a cache that is made. */
export function takeTiers(tiers: readonly CacheTier[]): void {
  for (const tier of tiers) taken.set(tier, 'is of another cache');
}

export function noteClosed(tier: CacheTier): void {
  taken.set(tier, 'is closed');
}
