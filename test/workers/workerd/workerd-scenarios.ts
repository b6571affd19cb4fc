// The races in real workerd: short, since their time is real.

import type { RaceSettings } from '../race/bench.ts';
import { WORKERS_MUTANTS } from '../race/mutants.ts';
import type { WorkerdMutant } from './workerd-mutants.ts';
import type { WorkerdScenario } from './workerd-race.ts';

const LOAD = { reads: 15, writes: 5, ways: ['PUT', 'tag'] } as const;
/** Long enough for many faults. */
const LONG = { reads: 40, writes: 10, ways: ['PUT', 'tag'] } as const;
const LEASE: RaceSettings = { app: 'gate', mode: 'lease', leaseMs: 600, tiers: ['memory'] };
const ALL_TIERS: RaceSettings = { ...LEASE, tiers: ['memory', 'workers-cache', 'cache-api', 'kv'] };

/** A drain tells the log, which waits for leases; and a process that begins anew drains again. */
const DRAINED = { drainMs: 300, boundMs: 2_500 } as const;
const ON_D1 = { ...LONG, ways: ['PUT'] } as const;
const KV_LAGS = { lagMs: 2_000, meets: ['lagged reads', 'cached negatives'] } as const;
const STORES_FAIL = {
  slowMs: { TIDEGATE_KV: 300, 'Cache API': 50, PLATFORM: 50 },
  fails: { TIDEGATE_KV: 0.1, 'Cache API': 0.1, PLATFORM: 0.1 },
};
const STORAGE = ['TIDEGATE_KV', 'Cache API', 'PLATFORM', 'coordinator'];
/** Longer than a write counts as vanished, and as one of unknown outcome (gate-worker.ts). */
const VANISHED_MS = 8_000;

export const WORKERD_SCENARIOS: readonly WorkerdScenario[] = [
  { name: 'lease', settings: LEASE, load: LOAD, quietMs: 1_000 },
  { name: 'strict', settings: { ...LEASE, mode: 'strict' }, load: LOAD, quietMs: 500 },
  { name: 'bounded', settings: { ...LEASE, mode: 'bounded' }, load: LOAD, boundMs: LEASE.leaseMs, quietMs: 1_000 },
  {
    name: 'slow and failing coordinator',
    settings: LEASE,
    load: LOAD,
    quietMs: 1_000,
    faults: { fails: { coordinator: 0.05 }, slowMs: { coordinator: 200, ORIGIN: 100 } },
    meets: ['calls failed'],
  },
  { name: 'KV alone', settings: { ...LEASE, tiers: ['kv'] }, load: LONG, quietMs: 3_000, ...KV_LAGS },
  {
    name: 'Workers Cache',
    settings: { ...LEASE, tiers: ['memory', 'workers-cache'] },
    load: LONG,
    quietMs: 1_000,
    meets: ['Workers Cache hits'],
  },
  {
    name: 'all tiers, slow and failing, strict',
    settings: { ...ALL_TIERS, mode: 'strict' },
    load: LONG,
    quietMs: 3_000,
    faults: STORES_FAIL,
    ...{ ...KV_LAGS, meets: ['calls failed', 'Workers Cache hits'] },
  },
  {
    name: 'all storage down',
    settings: ALL_TIERS,
    load: LONG,
    quietMs: VANISHED_MS,
    faults: { outages: STORAGE },
    lagMs: 2_000,
    meets: ['calls in an outage'],
  },
  {
    name: 'clients leave, objects aborted',
    settings: LEASE,
    load: LONG,
    quietMs: VANISHED_MS,
    faults: { leaves: 0.2, aborts: ['TIDEGATE_LOG/one'], slowMs: { coordinator: 30, ORIGIN: 50 } },
    meets: ['clients that left', 'objects aborted'],
  },
  {
    name: 'isolates killed',
    settings: ALL_TIERS,
    load: LONG,
    quietMs: VANISHED_MS,
    faults: { kills: ['east', 'west'], slowMs: { coordinator: 30, ORIGIN: 50 } },
    ...{ ...KV_LAGS, meets: ['isolates killed', 'requests cut'] },
  },
  {
    name: 'D1',
    settings: LEASE,
    load: ON_D1,
    quietMs: 3_000,
    database: DRAINED,
    meets: ['straight writes', 'drains'],
  },
  {
    name: 'D1, slow and failing, strict',
    settings: { ...LEASE, mode: 'strict' },
    load: ON_D1,
    quietMs: VANISHED_MS,
    faults: { fails: { DB: 0.05 }, slowMs: { DB: 60 }, aborts: ['DRAIN/drain'], leaves: 0.1 },
    database: DRAINED,
    meets: ['straight writes', 'drains', 'calls failed', 'objects aborted', 'clients that left'],
  },
  {
    name: 'D1, killed',
    settings: LEASE,
    load: ON_D1,
    quietMs: VANISHED_MS,
    faults: { kills: ['home'], killsEveryMs: 3_000, slowMs: { DB: 30, coordinator: 30 } },
    database: DRAINED,
    meets: ['straight writes', 'drains', 'storage killed', 'requests cut'],
  },
  {
    name: 'all of it',
    settings: ALL_TIERS,
    load: LONG,
    quietMs: VANISHED_MS,
    faults: {
      ...STORES_FAIL,
      ...{ kills: ['east', 'west', 'home'], aborts: ['TIDEGATE_LOG/one'], leaves: 0.05 },
      fails: { ...STORES_FAIL.fails, coordinator: 0.05, ORIGIN: 0.03 },
    },
    ...{ ...KV_LAGS, meets: ['isolates killed', 'storage killed', 'requests cut', 'objects aborted', 'calls failed'] },
  },
];

/** Long leases and many readers, so that one race shows what mutants do. */
const MUTANT_LOAD = { reads: 25, writes: 8, ways: ['PUT', 'tag'] } as const;
const mutantRace = (settings: Partial<RaceSettings>, more: Partial<WorkerdScenario> = {}): WorkerdScenario => ({
  ...{ name: 'a mutant', settings: { ...LEASE, leaseMs: 2_000, ...settings }, load: MUTANT_LOAD, quietMs: 100 },
  ...more,
});
const KV_ALONE = mutantRace({ leaseMs: 300, tiers: ['kv'] }, { lagMs: 1_000 });
const ON_D1_ALONE = (drainMs: number, boundMs: number) =>
  mutantRace({ leaseMs: 300 }, { load: { ...MUTANT_LOAD, ways: ['PUT'] }, database: { drainMs, boundMs } });
const WORKERS_CACHE = mutantRace({ leaseMs: 300, tiers: ['workers-cache'] });

/** Many requests within a lease. */
const LEASES = { load: { reads: 60, together: 3, writes: 20, ways: ['tag'] } } as const;

/** Mutants that a race of some seconds shows for certain, each with its race; the simulation has the others, too. */
const RACED: Readonly<Record<string, WorkerdScenario>> = {
  'takes every entry for current': mutantRace({}),
  'takes every entry for current: KV alone': KV_ALONE,
  'forgets an invalidation by tag': mutantRace({}),
  'Workers Cache: takes every answer for current': WORKERS_CACHE,
  'Workers Cache: judges by the key alone': WORKERS_CACHE,
  'looks at no lease': mutantRace({ leaseMs: 300 }, LEASES),
  'looks at no lease, strict': mutantRace({ mode: 'strict' }),
  'acknowledges before leases have run out': mutantRace({}, LEASES),
  'forgets at a restart what was granted': mutantRace({}, { ...LEASES, faults: { aborts: ['TIDEGATE_LOG/one'] } }),
};

/** Of what D1 tells; the simulation has none of them. */
const D1_MUTANTS: readonly WorkerdMutant[] = [
  {
    name: 'D1: forgets what a batch has changed',
    scenario: ON_D1_ALONE(60_000, 120_000),
    edits: [
      {
        file: 'src/workers/d1/request.ts',
        find: 'const tags = changeTags(source, set?.changes ?? []);',
        replace: 'const tags: string[] = []; void set;',
      },
    ],
  },
  {
    name: 'D1: tells nothing of what it drains',
    scenario: ON_D1_ALONE(300, 1_000),
    edits: [
      {
        file: 'src/workers/d1/drain.ts',
        find: 'const tags = [...changeTags(source, changes), ...cachedTables(changes, names)];',
        replace: 'const tags: string[] = [];',
      },
    ],
  },
];

export const WORKERD_MUTANTS: readonly WorkerdMutant[] = [
  ...WORKERS_MUTANTS.flatMap(({ name, edits }) => {
    const scenario = RACED[name];
    return scenario === undefined ? [] : [{ name, edits, scenario }];
  }),
  ...D1_MUTANTS,
];

export const WORKERD_CONTROL: WorkerdScenario = {
  name: 'control: tidegate/hono alone',
  settings: { ...LEASE, app: 'hono' },
  load: { ...LOAD, ways: ['PUT'] },
  quietMs: 100,
};
