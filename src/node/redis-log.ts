// A log of invalidations on Redis or Valkey, for data caches on several machines. What one of them invalidates is acknowledged once it
// is in force in all, and a cache that is cut off serves nothing once its lease has run out.

import { hostname } from 'node:os';
import type { CacheLog } from '../cache/contract.ts';
import { expected } from '../errors.ts';
import { engineOf, type RedisClient } from '../log/redis/client.ts';
import {
  LEASE_MS,
  LEAST_LEASE_MS,
  LOG_NAME,
  LOG_NAME_FORM,
  MOST_LEASE_MS,
  NODE_NAME,
  NODE_NAME_FORM,
} from '../log/redis/terms.ts';
import type { Duration } from '../options/durations.ts';
import { anything, be, type Checks, checkOptions, duration, func, required } from '../options/kit.ts';
import { redisMember } from './cluster/redis-member.ts';

export type { RedisClient } from '../log/redis/client.ts';
export { type RedisStoreOptions, redisStore } from './redis-store.ts';

export interface RedisLogOptions {
  /** A connected client of node-redis or ioredis; the log makes a second connection like it. The caller closes the client. */
  readonly client: RedisClient;
  /** Caches with logs of one name hear of each other. Default `default`. */
  readonly name?: string;
  /** How `tidegate cluster members` names this process. Default: the machine's name and the process's number. */
  readonly node?: string;
  /**
   * How long a cache serves that cannot reach the engine, and so how long an invalidation waits for one that does not answer: 500 ms
   * to a minute, the same for all of one name. Default 2 seconds.
   */
  readonly lease?: Duration;
  /** Hears why the engine was not reached, or what it refused. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
}

export interface RedisLogStats {
  /** True: caches may serve now. */
  readonly isLeased: boolean;
  /** Epochs that ended, each of which made everything outdated: the engine was lost or set back, or the process was too far behind. */
  readonly flushes: number;
}

export interface RedisLog extends CacheLog {
  stats(): RedisLogStats;
  /** Caches that go by the log serve and store nothing from the call on. Resolves when the others know. */
  close(): Promise<void>;
}

const OPTIONS: Checks<RedisLogOptions> = {
  client: required(anything),
  name: be(LOG_NAME_FORM, (name) => LOG_NAME.test(String(name))),
  node: be(NODE_NAME_FORM, (node) => NODE_NAME.test(String(node))),
  lease: duration,
  onFault: func,
};

/** Rejects with E_CONFIG at a wrong option or an engine that could lose what must stay, and with E_LOG where it is not in reach. */
export async function openRedisLog(options: RedisLogOptions): Promise<RedisLog> {
  const { leaseMs = LEASE_MS } = checkOptions<RedisLogOptions>('openRedisLog', options, OPTIONS);
  if (leaseMs < LEAST_LEASE_MS || leaseMs > MOST_LEASE_MS)
    expected('E_CONFIG', 'lease to be 500 ms to a minute', options.lease);
  const { client, name = 'default', node = `${hostname()}:${process.pid}`, onFault = () => {} } = options;
  const engine = engineOf(client, onFault);
  const { log, check, listen, close } = redisMember({ engine, name, leaseMs, node, fault: onFault });
  await check();
  try {
    await listen();
    await log.begin();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    history: () => log.history(),
    isLeased: () => log.isLeased(),
    renew: () => log.renew(),
    stats: () => ({ isLeased: log.isLeased(), flushes: log.state().flushes }),
    close,
  };
}
