// What a look at the lease takes, and a hit of a data cache without it.

import { createClient } from 'redis';
import type { createCache } from '../../src/index.ts';
import { openRedisLog } from '../../src/node/redis-log.ts';

const ROUNDS = 9;
const CALLS = 200_000;

export async function leaseCost(
  url: string,
  leaseMs: number,
  create: typeof createCache,
): Promise<{ readonly lookNs: number; readonly hitNs: number }> {
  const client = createClient({ url });
  client.on('error', () => {});
  await client.connect();
  const log = await openRedisLog({ client, name: 'bench-lease', lease: leaseMs });
  try {
    const cache = create();
    await cache.set('a', 1);
    const lookNs = median(() => log.isLeased());
    return { lookNs, hitNs: median(() => cache.get('a')) };
  } finally {
    await log.close();
    client.destroy();
  }
}

function median(call: () => unknown): number {
  const times = Array.from({ length: ROUNDS }, () => {
    const began = performance.now();
    let seen = 0;
    for (let at = 0; at < CALLS; at++) if (call() !== false) seen++;
    const took = ((performance.now() - began) * 1e6) / CALLS;
    return seen === 0 ? Number.NaN : took;
  });
  return times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] as number;
}
