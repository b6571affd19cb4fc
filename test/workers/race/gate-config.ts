// What the gates of the races have in common, set as the race says.

import type { WorkersConfig } from '../../../src/workers/index.ts';
import type { RaceSettings } from './bench.ts';

export function gateConfig({ tiers, mode, leaseMs }: RaceSettings): Omit<WorkersConfig, 'origins'> {
  const times = { lease: { lease: leaseMs }, strict: {}, bounded: { bound: leaseMs } };
  return {
    ...(tiers.includes('memory') && { memory: { maxBytes: 4 * 1024 * 1024 } }),
    tiers,
    coherence: { mode, ...times[mode] },
    admin: { path: '/_tidegate', token: 'ADMIN_TOKEN' },
    onFault: (error) => console.error(error),
  };
}
