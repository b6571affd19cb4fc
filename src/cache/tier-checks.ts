// Which tiers a cache may be made of.
//
// A tier is of one cache, which closes it. One that had another cache, or is closed, would look like
// any other until something is stored. So those that are taken are remembered, by the object.

import { TidegateError } from '../errors.ts';
import { shown } from './keys.ts';
import type { CacheTier } from './tier-contract.ts';

const taken = new WeakMap<object, 'is of another cache' | 'is closed'>();

/** Throws E_CONFIG. */
export function checkTiers(tiers: unknown): asserts tiers is readonly CacheTier[] {
  if (!Array.isArray(tiers)) throw refused('tiers to be a list of tiers', got(tiers));
  for (const tier of tiers as readonly unknown[]) checkTier(tier);
  const twice = tiers.find((tier, at) => tiers.indexOf(tier) !== at) as CacheTier | undefined;
  if (twice !== undefined) throw refused('each tier once', `${shown(twice.name)} twice`);
}

function checkTier(tier: unknown): void {
  const { name, store, close } = (tier ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof name !== 'string' || typeof store !== 'function' || typeof close !== 'function') {
    throw refused('each of tiers to be one that openDiskTier or storeTier gave', got(tier));
  }
  const was = taken.get(tier as object);
  if (was === undefined) return;
  throw refused('tiers that no cache has had before: open one anew for each', `${shown(name)}, which ${was}`);
}

/** By a cache that is made. */
export function takeTiers(tiers: readonly CacheTier[]): void {
  for (const tier of tiers) taken.set(tier, 'is of another cache');
}

export function noteClosed(tier: CacheTier): void {
  taken.set(tier, 'is closed');
}

function got(value: unknown): string {
  return value instanceof Promise ? 'a promise: await openDiskTier()' : shown(value);
}

function refused(expected: string, got: string): TidegateError {
  return new TidegateError('E_CONFIG', `expected ${expected}, got ${got}`);
}
