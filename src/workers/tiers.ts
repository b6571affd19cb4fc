// The tiers of a gate on Workers behind the isolate's memory, in their one order.
//
// A key does not say under which rules its entry was filled, and entries outlive a deployment. So every configuration of
// routes and origins has names of its own in the stores, and begins with none of what another has stored.

import type { TidegateError } from '../errors.ts';
import { fnv1a } from '../ledger/hashes.ts';
import type { Store } from '../ports.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import { CacheApiStore } from '../store/cache-api/cache-api-store.ts';
import { type KvNamespace, KvStore } from '../store/kv/kv-store.ts';
import { ResponseStore } from '../store/response-store.ts';
import { type Counters, KV_OPERATIONS } from './counters.ts';
import type { Bindings, WorkersPlatform } from './platform.ts';

export interface TiersParts {
  readonly env: Bindings;
  readonly platform: Pick<WorkersPlatform, 'clock' | 'waitUntil' | 'cache'>;
  readonly counters: Counters;
}

export interface NamedTier {
  readonly name: string;
  readonly store: Store;
}

/** Throws E_CONFIG. */
export function slowerTiers(
  settings: ResolvedWorkersConfig,
  { env, platform, counters }: TiersParts,
): readonly NamedTier[] {
  const { tiers, environment, kv, onFault } = settings;
  const { clock, waitUntil: defer } = platform;
  const named = { name: rulesName(settings), environment, defer };
  const stores: NamedTier[] = [];
  const add = (name: string, bytes: CacheApiStore | KvStore) => {
    stores.push({ name, store: new ResponseStore(bytes, () => clock.now()) });
  };
  if (tiers.includes('cache-api')) add('cache-api', new CacheApiStore({ ...named, cache: platform.cache() }));
  if (tiers.includes('kv')) {
    const namespace = counters.counting(env[kv.binding] as KvNamespace, KV_OPERATIONS);
    const fault = (error: TidegateError) => void onFault?.(error);
    add('kv', new KvStore({ ...named, namespace, clock, fault }));
  }
  return stores;
}

/** The name under which a configuration stores. */
export function rulesName(settings: ResolvedWorkersConfig): string {
  return `${settings.cacheName}-${rulesDigest(settings)}`;
}

/** Two digests of 32 bits: with one alone, two configurations in four billion would share their entries. */
function rulesDigest({ routes, origins, targetedFields }: ResolvedWorkersConfig): string {
  // What caches outside may hold is no part of an entry.
  const stored = routes.map((route) => ({ ...route, outward: undefined }));
  // A handler has no text to compare; its changes come with a deployment, as an origin's do behind a URL.
  const asked = Object.entries(origins).map(([name, origin]) => [name, { ...origin, handler: undefined }]);
  const rules = JSON.stringify([stored, asked, targetedFields]);
  return [0x811c9dc5, 0x01000193].map((seed) => (fnv1a(rules, seed) >>> 0).toString(36)).join('');
}
