// The scenarios of the races: what the Worker is set to, how data changes, and what goes wrong meanwhile.

import type { Faults, RaceSettings } from './bench.ts';
import type { Load } from './race.ts';

export interface RaceScenario {
  readonly name: string;
  readonly settings: RaceSettings;
  readonly load: Load;
  readonly faults: Faults;
  /** How long after the acknowledgement outdated answers are allowed. Default 0. */
  readonly boundMs?: number;
}

const LOAD: Load = { reads: 40, writes: 12, ways: ['PUT', 'tag'] };
export const LEASE: RaceSettings = { app: 'gate', mode: 'lease', leaseMs: 1_000, tiers: ['memory'] };
export const STRICT: RaceSettings = { ...LEASE, mode: 'strict' };
const BOUNDED: RaceSettings = { ...LEASE, mode: 'bounded', leaseMs: 2_000 };

const scenario = (name: string, faults: Faults = {}, settings = LEASE, load = LOAD): RaceScenario => ({
  ...{ name, settings, load, faults },
  ...(settings.mode === 'bounded' && { boundMs: settings.leaseMs }),
});

const SLOW = { chance: 0.2, upToMs: 3_000 };
const ANY_FAULT: Faults = {
  cuts: 0.01,
  drops: 0.01,
  fails: { coordinator: 0.08, origin: 0.03 },
  slow: { coordinator: { chance: 0.1, upToMs: 2_000 }, origin: { chance: 0.1, upToMs: 2_000 } },
  restarts: true,
  writesFail: 0.1,
};

/** Two isolates that know nothing of each other: outdated answers are what it is to show. */
export const CONTROL: RaceScenario = scenario(
  'control: tidegate/hono alone',
  {},
  { ...LEASE, app: 'hono' },
  { ...LOAD, ways: ['PUT'] },
);

const ALL_TIERS: RaceSettings = { ...LEASE, tiers: ['memory', 'workers-cache', 'cache-api', 'kv'] };
const WORKERS_CACHE: RaceSettings = { ...LEASE, tiers: ['memory', 'workers-cache'] };
/** Isolates that begin anew find what is stored in the slower tiers. */
const DROPS: Faults = { drops: 0.02 };
const STORES_FAIL: Faults = {
  ...DROPS,
  fails: { KV: 0.15, 'Cache API': 0.15 },
  slow: { KV: { chance: 0.3, upToMs: 3_000 }, 'Cache API': { chance: 0.1, upToMs: 1_000 } },
};
const STORAGE_DOWN: Faults = { ...DROPS, outages: ['KV', 'Cache API', 'coordinator'] };

export const SCENARIOS: readonly RaceScenario[] = [
  scenario('lease'),
  scenario('lease, by URL', {}, LEASE, { ...LOAD, ways: ['PUT', 'url'] }),
  scenario('lease of 100 ms', {}, { ...LEASE, leaseMs: 100 }),
  scenario('strict', {}, STRICT),
  scenario('bounded', {}, BOUNDED),
  scenario('slow origin', { slow: { origin: SLOW } }),
  scenario('slow coordinator', { slow: { coordinator: SLOW } }),
  scenario('slow coordinator, strict', { slow: { coordinator: SLOW } }, STRICT),
  scenario('slow answers of the coordinator', { slow: { coordinator: { chance: 0.6, upToMs: 900, isBack: true } } }),
  scenario('lost calls and answers', { fails: { coordinator: 0.1 } }),
  scenario('lost calls and answers, strict', { fails: { coordinator: 0.1 } }, STRICT),
  scenario('requests cut, isolates dropped', { cuts: 0.02, drops: 0.01 }),
  scenario('crowds, cut', { cuts: 0.03, slow: { origin: SLOW } }, LEASE, { ...LOAD, reads: 15, together: 4 }),
  scenario('coordinator restarted', { restarts: true }),
  scenario('coordinator down', { outages: ['coordinator'] }),
  scenario('coordinator down, bounded', { outages: ['coordinator'] }, BOUNDED),
  scenario('writes fail at the origin', { writesFail: 0.4, fails: { origin: 0.1 } }),
  scenario('all tiers', DROPS, ALL_TIERS),
  scenario('Workers Cache', DROPS, WORKERS_CACHE),
  scenario('Workers Cache, strict', DROPS, { ...WORKERS_CACHE, mode: 'strict' }),
  scenario('Workers Cache, late fills', { ...DROPS, slow: { origin: SLOW } }, WORKERS_CACHE),
  scenario('Workers Cache alone', DROPS, { ...LEASE, tiers: ['workers-cache'] }),
  scenario('Workers Cache and KV', DROPS, { ...LEASE, tiers: ['workers-cache', 'kv'] }),
  scenario('Workers Cache before Cache API', { cuts: 0.01 }, { ...LEASE, tiers: ['workers-cache', 'cache-api'] }),
  scenario('all of it, Workers Cache', ANY_FAULT, WORKERS_CACHE),
  scenario('KV alone', DROPS, { ...LEASE, tiers: ['kv'] }),
  scenario('Cache API alone', DROPS, { ...LEASE, tiers: ['cache-api'] }),
  scenario('slow and failing stores', STORES_FAIL, ALL_TIERS),
  scenario('slow and failing stores, strict', STORES_FAIL, { ...ALL_TIERS, mode: 'strict' }),
  scenario('all storage down', STORAGE_DOWN, ALL_TIERS),
  scenario(
    'all of it, all tiers',
    { ...ANY_FAULT, fails: { ...ANY_FAULT.fails, KV: 0.1, 'Cache API': 0.1 } },
    ALL_TIERS,
  ),
  scenario('all of it', ANY_FAULT),
  scenario('all of it, strict', ANY_FAULT, STRICT),
  scenario('all of it, bounded', ANY_FAULT, BOUNDED),
];
