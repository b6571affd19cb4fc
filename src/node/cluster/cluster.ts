// A gate as a member of a cluster: the log of invalidations is on Redis or Valkey, and the gate serves from its cache only while it has a
// lease. It starts and goes on without the engine: then reads pass by the cache, and writes are refused, since nobody would hear of them.

import { hostname } from 'node:os';
import type { Logger } from 'pino';
import type { ClusterApi, ClusterFigures } from '../../admin/cluster-api.ts';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import type { GateOptions } from '../../engine/gate.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { LastingLog } from '../../log/lease/lasting-log.ts';
import { engineOf, type NodeRedisClient } from '../../log/redis/client.ts';
import type { InvalidationLog } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { machineClock } from './machine-clock.ts';
import { type RedisMember, redisMember } from './redis-member.ts';

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
const RETRY_MS = 500;
/** An engine that is out of reach is told of no more often. */
const QUIET_MS = 10_000;

/** Rejects with E_CONFIG. An engine that is not in reach is waited for in the background. */
export async function openCluster(config: ClusterConfig, log: Logger): Promise<Cluster> {
  const { url, name, leaseMs, onLoss, node = hostname() } = config;
  let toldMs = Number.NEGATIVE_INFINITY;
  const fault = (err: unknown) => {
    const nowMs = platformClock.monotonic();
    if (nowMs - toldMs < QUIET_MS) return;
    toldMs = nowMs;
    log.warn(
      { err, cluster: name },
      'the log of the cluster is not in reach: without a lease nothing is served from the cache',
    );
  };
  const client = await clientOf(url);
  let connectionError: unknown;
  const broken = (error: unknown) => {
    connectionError = error;
    fault(error);
  };
  client.on('error', broken);
  const connected = client.connect();
  connected.catch(broken);
  const member = redisMember({ engine: engineOf(client, fault), name, leaseMs, node, fault });
  const joining = new Joining(member, log, () => connectionError);
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
  const { invalidations, log: own } = member.log.history();
  const times = new Times();
  const figures = (): ClusterFigures => {
    const { known, flushes, leaseEndMs } = member.log;
    const isLeased = member.log.isLeased();
    const leaseLeftMs = isLeased ? Math.max(0, Math.round(leaseEndMs - machineClock.monotonic())) : 0;
    const { epoch, number } = known ?? {};
    const place = epoch === undefined ? {} : { epoch, number: number as number };
    return { ...{ name, node, isLeased, leaseLeftMs, leaseMs }, ...place, flushes, ...times.shown() };
  };
  return {
    figures,
    state: async () => {
      try {
        const [{ number, intents, members }, facts] = await Promise.all([member.members(), member.check()]);
        return { ...figures(), engine: { ...facts, number, intents }, members };
      } catch (error) {
        return { ...figures(), members: [], problem: messageOf(error) };
      }
    },
    gateOptions: {
      history: { invalidations, log: times.measured(own) },
      answersUnlogged: false,
      intentsInForce: () => member.log.opened(),
    },
    isLeased: () => member.log.isLeased(),
    onLoss,
    serveBy: (dependents) => member.log.serveBy(dependents),
    close,
  };
}

type Client = NodeRedisClient & {
  connect(): Promise<unknown>;
  destroy(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
};

/** Rejects with E_CONFIG. */
async function clientOf(url: string): Promise<Client> {
  const { createClient } = await import('redis').catch((cause: unknown) => {
    const what = 'the package redis, which could not be loaded: npm install redis';
    throw new TidegateError('E_CONFIG', `cluster: expected ${what}`, { cause });
  });
  return createClient({
    url,
    // What waited for the engine would come too late.
    disableOfflineQueue: true,
    socket: { connectTimeout: 2_000, reconnectStrategy: (tries: number) => Math.min(50 * 2 ** tries, RETRY_MS) },
  }) as unknown as Client;
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

/** Tries until the engine is there, and is one that serves. */
class Joining {
  readonly #member: RedisMember;
  readonly #log: Logger;
  /** The last error of the connection: a call says only that there is none. */
  readonly #connectionError: () => unknown;
  #isOver = false;

  constructor(member: RedisMember, log: Logger, connectionError: () => unknown) {
    this.#member = member;
    this.#log = log;
    this.#connectionError = connectionError;
  }

  /** Resolves once the log is joined, or after that time. Rejects with E_CONFIG where it cannot be within the time. */
  async start(withinMs: number): Promise<void> {
    const endMs = platformClock.monotonic() + withinMs;
    const late = new Promise<void>((resolve) => platformTasks.later(withinMs, resolve));
    await Promise.race([late, this.#join(endMs)]);
  }

  stop(): void {
    this.#isOver = true;
  }

  async #join(endMs: number): Promise<void> {
    while (!this.#isOver) {
      try {
        const { version, isDurable } = await this.#member.check();
        // From then on it tries by itself.
        await this.#member.begin().catch(() => undefined);
        const kept = isDurable ? '' : '; it keeps nothing over a restart, after which everything is outdated once';
        return this.#log.info({ version }, `in the cluster${kept}`);
      } catch (error) {
        const refusal = [error, this.#connectionError()].find(isRefusal);
        if (refusal !== undefined && platformClock.monotonic() < endMs) {
          throw new TidegateError('E_CONFIG', `cluster: ${messageOf(refusal)}`, { cause: refusal });
        }
        if (refusal !== undefined) this.#log.error({ err: refusal }, 'the cluster cannot be joined');
      }
      await new Promise<void>((resolve) => platformTasks.later(RETRY_MS, resolve));
    }
  }
}

/** Waiting does not mend it: the engine is not one that serves, or it refuses a name or password. */
function isRefusal(error: unknown): boolean {
  if (error === undefined) return false;
  const isOther = error instanceof TidegateError && error.code === 'E_CONFIG';
  return isOther || /\b(?:WRONGPASS|NOAUTH|NOPERM)\b/.test(messageOf(error));
}
