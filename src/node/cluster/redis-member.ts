// A process as a member of a log on Redis or Valkey: the keeper of the engine and a member that lasts, put together.

import type { ClusterMember } from '../../admin/cluster-api.ts';
import { newEpoch, platformTasks } from '../../cache/platform.ts';
import { expected, TidegateError } from '../../errors.ts';
import { LastingLog, type LastingLogParts } from '../../log/lease/lasting-log.ts';
import { LeasedLog } from '../../log/lease/member.ts';
import type { Engine } from '../../log/redis/client.ts';
import { RedisKeeper } from '../../log/redis/redis-keeper.ts';
import { keysOf, MEMBERS } from '../../log/redis/script.ts';
import { machineClock } from './machine-clock.ts';

export interface RedisMemberParts {
  readonly engine: Engine;
  readonly name: string;
  readonly leaseMs: number;
  /** How operators know this process. */
  readonly node: string;
  readonly fault: (error: unknown) => void;
}

export interface RedisMember {
  readonly log: LastingLog;
  /** What the engine says of itself. Rejects with E_CONFIG where it could lose what must stay, and with E_LOG where it is not in reach. */
  readonly check: () => Promise<EngineFacts>;
  /** Hears from now on when the log has gone on. Rejects with E_LOG. */
  readonly listen: () => Promise<void>;
  /** Who is in the log, and how far. Rejects with E_LOG. */
  readonly members: () => Promise<LogMembers>;
  readonly close: () => Promise<void>;
}

export interface LogMembers {
  /** Number of the last change. */
  readonly number: number;
  readonly intents: number;
  /** Of each process the newest member. */
  readonly members: readonly ClusterMember[];
}

export interface EngineFacts {
  readonly version: string;
  /** Whether it keeps what it has over a restart. */
  readonly isDurable: boolean;
}

export function redisMember({ engine, name, leaseMs, node, fault }: RedisMemberParts): RedisMember {
  const [clock, tasks] = [machineClock, platformTasks];
  const keeper: RedisKeeper = new RedisKeeper({
    ...{ engine, name, clock, tasks, leaseMs, newEpoch },
    goneOn: (to) => log.goneOn(to),
  });
  const appendTimeoutMs = leaseMs + 1_000;
  const members = new WeakMap<LeasedLog, string>();
  const owed = { changes: [] };
  const join: LastingLogParts['join'] = (inForce) => {
    const member = `${node}/${newEpoch()}`;
    const asks = { mode: 'lease', leaseMs, appendTimeoutMs, openTimeoutMs: OPEN_TIMEOUT_MS } as const;
    const joined = new LeasedLog({ keeper, clock, tasks, member, owed, inForce, ...asks });
    members.set(joined, member);
    return joined;
  };
  const log = new LastingLog({
    ...{ join, clock, tasks, newEpoch, fault, renewMs: leaseMs / 4 },
    keep: (place, image) => keeper.keep(place, image),
    left: (member) => keeper.leave(members.get(member) as string),
  });
  return {
    log,
    check: () => checkEngine(engine, { name, leaseMs }),
    listen: () => keeper.begin(),
    members: () => membersOf(engine, name),
    close: async () => {
      await log.close();
      keeper.close();
    },
  };
}

async function membersOf(engine: Engine, name: string): Promise<LogMembers> {
  const [meta = '', , members = '', intents = ''] = keysOf(name);
  const said = await engine.script(MEMBERS, [meta, members, intents], []);
  const [number, open, nowMs, all] = said as readonly [string, number, string, readonly string[]];
  const last = Number(number);
  const found = new Map<string, ClusterMember>();
  for (let at = 0; at < all.length; at += 2) {
    const node = (all[at] as string).split('/')[0] as string;
    const [known = 0, , heardAtMs = 0] = (all[at + 1] as string).split(':').map(Number);
    const heardMs = Math.max(0, Number(nowMs) - heardAtMs);
    if (node !== '' && heardMs < (found.get(node)?.heardMs ?? Number.POSITIVE_INFINITY))
      found.set(node, { node, behind: last - Math.max(0, known), heardMs });
  }
  return { number: last, intents: open, members: [...found.values()].sort((a, b) => (a.node < b.node ? -1 : 1)) };
}

/** A write that waits longer to be announced is not sent. */
const OPEN_TIMEOUT_MS = 1_000;

/** Streams came with 5.0. */
const LEAST_VERSION = 5;

async function checkEngine(
  engine: Engine,
  { name, leaseMs }: Pick<RedisMemberParts, 'name' | 'leaseMs'>,
): Promise<EngineFacts> {
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
  return { version, isDurable: field('aof_enabled') !== '0' };
}
