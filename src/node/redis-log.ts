// A log of invalidations on Redis or Valkey, for data caches on several machines. What one of them invalidates is acknowledged once it
// is in force in all, and a cache that is cut off serves nothing once its lease has run out.

import type { CacheLog } from '../cache/contract.ts';
import { newEpoch, platformClock, platformTasks } from '../cache/platform.ts';
import { expected, TidegateError } from '../errors.ts';
import { LastingLog } from '../log/lease/lasting-log.ts';
import { LeasedLog } from '../log/lease/member.ts';
import { type Engine, engineOf, type RedisClient } from '../log/redis/client.ts';
import { RedisKeeper } from '../log/redis/redis-keeper.ts';
import { keysOf } from '../log/redis/script.ts';
import type { Duration } from '../options/durations.ts';
import { anything, be, type Checks, checkOptions, duration, func, required } from '../options/kit.ts';

export type { RedisClient } from '../log/redis/client.ts';

export interface RedisLogOptions {
  /** A connected client of node-redis or ioredis; the log makes a second connection like it. The caller closes the client. */
  readonly client: RedisClient;
  /** Caches with logs of one name hear of each other. Default `default`. */
  readonly name?: string;
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
  name: be('1 to 100 letters, digits, dots, dashes and underscores', (name) => /^[\w.-]{1,100}$/.test(String(name))),
  lease: duration,
  onFault: func,
};

const LEASE_MS = 2_000;

/** Rejects with E_CONFIG at a wrong option or an engine that could lose what must stay, and with E_LOG where it is not in reach. */
export async function openRedisLog(options: RedisLogOptions): Promise<RedisLog> {
  const { leaseMs = LEASE_MS } = checkOptions<RedisLogOptions>('openRedisLog', options, OPTIONS);
  if (leaseMs < 500 || leaseMs > 60_000) expected('E_CONFIG', 'lease to be 500 ms to a minute', options.lease);
  const { client, name = 'default', onFault = () => {} } = options;
  const engine = engineOf(client, onFault);
  await checkEngine(engine, { name, leaseMs });
  const [clock, tasks] = [platformClock, platformTasks];
  const keeper: RedisKeeper = new RedisKeeper({
    ...{ engine, name, clock, tasks, leaseMs, newEpoch },
    goneOn: (to) => log.goneOn(to),
  });
  const appendTimeoutMs = leaseMs + 1_000;
  const members = new WeakMap<LeasedLog, string>();
  const owed = { changes: [] };
  const join = () => {
    const member = newEpoch();
    const joined = new LeasedLog({ keeper, clock, tasks, member, mode: 'lease', leaseMs, owed, appendTimeoutMs });
    members.set(joined, member);
    return joined;
  };
  const log = new LastingLog({
    ...{ join, clock, tasks, newEpoch, fault: onFault, renewMs: leaseMs / 4 },
    keep: (place, image) => keeper.keep(place, image),
    left: (member) => keeper.leave(members.get(member) as string),
  });
  await keeper.begin();
  await log.begin();
  return {
    history: () => log.history(),
    isLeased: () => log.isLeased(),
    renew: () => log.renew(),
    stats: () => ({ isLeased: log.isLeased(), flushes: log.flushes }),
    close: async () => {
      await log.close();
      keeper.close();
    },
  };
}

/** Streams came with 5.0. */
const LEAST_VERSION = 5;

async function checkEngine(engine: Engine, { name, leaseMs }: { readonly name: string; readonly leaseMs: number }) {
  const info = String(await engine.run('INFO'));
  const field = (of: string) => new RegExp(`^${of}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const version = field('redis_version') ?? '';
  if (!(Number.parseInt(version, 10) >= LEAST_VERSION))
    expected('E_CONFIG', `Redis ${LEAST_VERSION} or later, or Valkey`, version);
  const policy = field('maxmemory_policy');
  if (policy !== undefined && policy !== 'noeviction') {
    const mend = 'set maxmemory-policy noeviction, or use an instance of its own';
    throw new TidegateError(
      'E_CONFIG',
      `expected an engine that evicts nothing, since a member of the log that is evicted goes on to serve, got ${policy}: ${mend}`,
    );
  }
  const [meta = ''] = keysOf(name);
  await engine.run('HSETNX', meta, 'lease', String(leaseMs));
  const known = String(await engine.run('HGET', meta, 'lease'));
  if (known !== String(leaseMs))
    expected('E_CONFIG', `the lease of the others of the log ${name}, ${known} ms`, leaseMs);
}
