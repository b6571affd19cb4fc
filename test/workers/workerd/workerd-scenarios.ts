// The races in real workerd: short, since their time is real.

import type { RaceSettings } from '../race/bench.ts';
import type { WorkerdScenario } from './workerd-race.ts';

const LOAD = { reads: 15, writes: 5, ways: ['PUT', 'tag'] } as const;
const LEASE: RaceSettings = { app: 'gate', mode: 'lease', leaseMs: 300, tiers: ['memory'] };

export const WORKERD_SCENARIOS: readonly WorkerdScenario[] = [
  { name: 'lease', settings: LEASE, load: LOAD, quietMs: 1_000 },
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

export const WORKERD_CONTROL: WorkerdScenario = {
  name: 'control: tidegate/hono alone',
  settings: { ...LEASE, app: 'hono' },
  load: { ...LOAD, ways: ['PUT'] },
  quietMs: 100,
};
