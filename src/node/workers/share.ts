// Each worker's share of a configuration.

import { availableParallelism } from 'node:os';
import { TidegateError } from '../../errors.ts';
import type { ResolvedConfig } from '../config/config.ts';

/** Systems on which several processes can listen on one port and share its connections. */
const SHARING_SYSTEMS: ReadonlySet<string> = new Set(['linux', 'freebsd', 'aix', 'sunos']);

/** How many processes serve; 1 means only this one. Throws E_CONFIG when more cannot listen on one port. */
export function workerCount({ workers }: ResolvedConfig, system: string = process.platform): number {
  const sharing = SHARING_SYSTEMS.has(system);
  if (workers === 'auto') return sharing ? availableParallelism() : 1;
  if (workers === 1 || sharing) return workers;
  throw new TidegateError(
    'E_CONFIG',
    `workers: expected 1 on ${system}, where processes cannot share a port, got ${workers}`,
  );
}

/** The configuration of one of `count` workers. */
export function workerConfig(config: ResolvedConfig, count: number): ResolvedConfig {
  const part = (whole: number) => Math.ceil(whole / count);
  return {
    ...config,
    memory: { ...config.memory, maxBytes: part(config.memory.maxBytes) },
    populate: {
      ...config.populate,
      concurrency: part(config.populate.concurrency),
      ratePerSecond: part(config.populate.ratePerSecond),
      rehydrate: { maxEntries: part(config.populate.rehydrate.maxEntries) },
    },
    limits: { ...config.limits, maxConnections: part(config.limits.maxConnections) },
    origins: Object.fromEntries(
      Object.entries(config.origins).map(([name, origin]) => [
        name,
        { ...origin, connections: part(origin.connections) },
      ]),
    ),
  };
}
