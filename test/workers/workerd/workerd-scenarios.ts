// The races in real workerd: short, since their time is real.

import type { RaceSettings } from '../race/bench.ts';
import { WORKERS_MUTANTS, type WorkersMutant } from '../race/mutants.ts';
import type { WorkerdScenario } from './workerd-race.ts';

const LOAD = { reads: 15, writes: 5, ways: ['PUT', 'tag'] } as const;
const LEASE: RaceSettings = { app: 'gate', mode: 'lease', leaseMs: 300, tiers: ['memory'] };

export const WORKERD_SCENARIOS: readonly WorkerdScenario[] = [
  { name: 'lease', settings: LEASE, load: LOAD, quietMs: 1_000 },
  {
    name: 'all tiers',
    settings: { ...LEASE, tiers: ['memory', 'workers-cache', 'cache-api', 'kv'] },
    load: LOAD,
    quietMs: 1_000,
    slowMs: { TIDEGATE_KV: 300 },
    fails: { TIDEGATE_KV: 0.1 },
  },
  { name: 'strict', settings: { ...LEASE, mode: 'strict' }, load: LOAD, quietMs: 500 },
  { name: 'bounded', settings: { ...LEASE, mode: 'bounded' }, load: LOAD, boundMs: 300, quietMs: 1_000 },
  {
    name: 'slow and failing coordinator',
    settings: LEASE,
    load: LOAD,
    quietMs: 1_000,
    fails: { coordinator: 0.05 },
    slowMs: { coordinator: 200, ORIGIN: 100 },
  },
];

/** Long leases and many readers, so that one race shows what mutants do. */
export const WORKERD_MUTANTS_RACE: WorkerdScenario = {
  name: 'a mutant',
  settings: { ...LEASE, leaseMs: 2_000 },
  load: { reads: 25, writes: 8, ways: ['PUT', 'tag'] },
  quietMs: 100,
};

/** Mutants that are raced there too: those that one short race shows for certain. */
export const WORKERD_MUTANTS: readonly WorkersMutant[] = WORKERS_MUTANTS.filter(({ name }) =>
  ['takes every entry for current', 'forgets an invalidation by tag'].includes(name),
);

export const WORKERD_CONTROL: WorkerdScenario = {
  name: 'control: tidegate/hono alone',
  settings: { ...LEASE, app: 'hono' },
  load: { ...LOAD, ways: ['PUT'] },
  quietMs: 100,
};
