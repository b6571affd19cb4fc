// The Worker of the races: the gate in front of an origin behind a service binding, set as the race says.

import { adminApi, createGate, workersCache } from '../../../src/workers/index.ts';
import type { RaceSettings } from './bench.ts';

declare const RACE: RaceSettings;

const TIMES = { lease: { lease: RACE.leaseMs }, strict: {}, bounded: { bound: RACE.leaseMs } };

const gate = createGate(
  {
    origins: { shop: { service: 'ORIGIN' } },
    ...(RACE.tiers.includes('memory') && { memory: { maxBytes: 4 * 1024 * 1024 } }),
    tiers: RACE.tiers,
    coherence: { mode: RACE.mode, ...TIMES[RACE.mode] },
    admin: { path: '/_tidegate', token: 'ADMIN_TOKEN' },
    onFault: (error) => console.error(error),
  },
  { adminApi, workersCache },
);

export default gate;

export const { TidegateLog, TidegateStored } = gate;
