// Tidegate as the bench deploys it: in front of a service, with an admin API for invalidations.

import { adminApi, createGate, type WorkersConfig, workersCache } from '../../src/workers/index.ts';

declare const BENCH: Pick<WorkersConfig, 'tiers' | 'coherence' | 'memory'>;

const gate = createGate(
  {
    origins: { site: { service: 'ORIGIN' } },
    admin: { path: '/_tidegate', token: 'TOKEN' },
    ...BENCH,
  },
  { adminApi, workersCache },
);

export default { fetch: gate.fetch };
export const { TidegateLog, TidegateStored } = gate;
