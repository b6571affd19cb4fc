// A gate as a member of a cluster: the log of invalidations is on Redis or Valkey, and the gate serves from its cache only while it has a
// lease. It starts and goes on without the engine: then reads pass by the cache, and writes are refused, since nobody would hear of them.

import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ClusterApi, ClusterFigures } from '../../admin/cluster-api.ts';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { GateOptions } from '../../engine/gate.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import { within } from '../../log/lease/batches.ts';
import type { LastingLog } from '../../log/lease/lasting-log.ts';
import { engineOf, type NodeRedisClient } from '../../log/redis/client.ts';
import type { InvalidationLog } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { Joining, RETRY_MS } from './joining.ts';
import { machineClock } from './machine-clock.ts';
import { type EngineFacts, type RedisMember, redisMember } from './redis-member.ts';

export type ClusterConfig = NonNullable<ResolvedConfig['cluster']>;

/** What a front asks of the lease. */
export interface Lease {
  /** False: what others have invalidated may be unknown here. */
  readonly isLeased: () => boolean;
  /** What becomes of reads then. */
  readonly onLoss: ClusterConfig['onLoss'];
}

export interface Cluster extends Lease, ClusterApi {
  /** For `createGate`. */
  readonly gateOptions: Pick<GateOptions, 'history' | 'answersUnlogged' | 'intentsInForce'>;
  /** For processes that serve by this one's lease. */
  readonly serveBy: LastingLog['serveBy'];
  close(): Promise<void>;
}

/** So long a start waits for the engine. */
const START_MS = 3_000;
/** So long an operator waits for it. */
const STATE_MS = 1_000;
/** An engine that is out of reach is told of no more often. */
const QUIET_MS = 10_000;

/** Rejects with E_CONFIG. An engine that is not in reach is waited for in the background. */
export async function openCluster(config: ClusterConfig, log: Logger): Promise<Cluster> {
  const { url, name, leaseMs, node = hostname() } = config;
  const fault = seldom((err) => {
    const text = 'the log of the cluster cannot be asked: without a lease nothing is served from the cache';
    log.warn({ err, cluster: name }, text);
  });
  const { client, lastError } = await connection(url, fault);
  const member = redisMember({ engine: engineOf(client, fault), name, leaseMs, node, fault });
  const reached = ({ version, isDurable }: EngineFacts) => {
    const kept = isDurable ? '' : '; it keeps nothing over a restart, after which everything is outdated once';
    log.info({ version, cluster: name }, `the engine of the cluster is in reach${kept}`);
  };
  const joining = new Joining({ member, connectionError: lastError, reached, fault });
  const close = async () => {
    joining.stop();
    await member.close();
    client.destroy();
  };
  try {
    await joining.start(START_MS);
  } catch (error) {
    await close();
    throw error;
  }
  return clusterOf(member, { ...config, node, close });
}

function clusterOf(
  member: RedisMember,
  given: Omit<ClusterConfig, 'url'> & Pick<Cluster, 'close'> & { readonly node: string },
): Cluster {
  const { name, node, leaseMs, onLoss, close } = given;
  const { invalidations, log: own } = member.log.history();
  const times = new Times();
  const figures = (): ClusterFigures => {
    const { known, flushes, leaseEndMs } = member.log.state();
    const isLeased = member.log.isLeased();
    const leaseLeftMs = isLeased ? Math.max(0, Math.round(leaseEndMs - machineClock.monotonic())) : 0;
    const place = known === undefined ? {} : { epoch: known.epoch, number: known.number };
    return { ...{ name, node, isLeased, leaseLeftMs, leaseMs }, ...place, flushes, ...times.shown() };
  };
  const state = async () => {
    try {
      const asked = () => Promise.all([member.members(), member.check()]);
      const [{ members, ...found }, facts] = await within(platformTasks, STATE_MS, asked);
      return { ...figures(), engine: { ...facts, ...found }, members };
    } catch (error) {
      return { ...figures(), members: [], problem: messageOf(error) };
    }
  };
  const gateOptions = {
    history: { invalidations, log: times.measured(own) },
    answersUnlogged: false,
    intentsInForce: () => member.log.opened(),
  };
  const serveBy: Cluster['serveBy'] = (dependents) => member.log.serveBy(dependents);
  return { ...{ figures, state, gateOptions, serveBy, onLoss, close }, isLeased: () => member.log.isLeased() };
}

type Client = NodeRedisClient & {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
};

/** A client that connects, and the last error of its connection. Rejects with E_CONFIG. */
async function connection(url: string, fault: (error: unknown) => void) {
  const { createClient } = await import('redis').catch((cause: unknown) => {
    const what = 'the package redis, which could not be loaded: npm install redis';
    throw new TidegateError('E_CONFIG', `cluster: expected ${what}`, { cause });
  });
  const client = createClient({
    url,
    // What waited for the engine would come too late.
    disableOfflineQueue: true,
    socket: { connectTimeout: 2_000, reconnectStrategy: (tries: number) => Math.min(50 * 2 ** tries, RETRY_MS) },
  }) as unknown as Client;
  let last: unknown;
  const failed = (error: unknown) => {
    last = error;
    fault(error);
  };
  client.on('error', failed);
  client.connect().catch(failed);
  return { client, lastError: () => last };
}

function seldom(tell: (error: unknown) => void): (error: unknown) => void {
  let toldMs = Number.NEGATIVE_INFINITY;
  return (error) => {
    const nowMs = platformClock.monotonic();
    if (nowMs - toldMs < QUIET_MS) return;
    toldMs = nowMs;
    tell(error);
  };
}

/** From an invalidation to its acknowledgement. */
class Times {
  /** Of the last, in no order. */
  readonly #ms: number[] = [];
  #count = 0;

  measured(log: InvalidationLog): InvalidationLog {
    return {
      follow: (apply) => log.follow(apply),
      append: async (change) => {
        const beganMs = machineClock.monotonic();
        const position = await log.append(change);
        if (change.kind === 'invalidate') this.#ms[this.#count++ % MOST_TIMES] = machineClock.monotonic() - beganMs;
        return position;
      },
    };
  }

  shown(): Pick<ClusterFigures, 'acknowledgedMs'> {
    if (this.#ms.length === 0) return {};
    const sorted = [...this.#ms].sort((a, b) => a - b);
    const at = (part: number) => Math.round((sorted[Math.floor((sorted.length - 1) * part)] as number) * 10) / 10;
    return { acknowledgedMs: { p50: at(0.5), p99: at(0.99) } };
  }
}

const MOST_TIMES = 1_000;
