// The contract of the log of invalidations over the Durable Object in real workerd: each test has an object of its own.
// Members renew again and again, since nobody can tell them of a change.

import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, test } from 'vitest';
import { platformClock, platformTasks } from '../../../src/cache/platform.ts';
import type { LogChange, Position } from '../../../src/ledger/log.ts';
import { LeasedLog } from '../../../src/log/lease/member.ts';
import type { LogKeeper, LogReply } from '../../../src/log/lease/messages.ts';
import type { InvalidationLog } from '../../../src/ports.ts';
import { invalidationLogContract } from '../../../src/testing/invalidation-log-contract.ts';
import { bundleOf } from '../platform/bundle.ts';
import type { SentCall } from './log-worker.ts';

const LEASE_MS = 200;
const RENEWAL_MS = 40;

let workerd: Miniflare;
let objects = 0;

beforeAll(async () => {
  const script = await bundleOf({ entry: `${import.meta.dirname}/log-worker.ts`, format: 'esm' });
  workerd = new Miniflare({
    modules: [{ type: 'ESModule', path: 'worker.js', contents: script }],
    compatibilityDate: '2026-06-01',
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  });
  await workerd.ready;
});

afterAll(() => workerd.dispose());

function keeperOf(object: string): LogKeeper {
  const call = async (method: SentCall['method'], request: unknown): Promise<LogReply> => {
    const body = JSON.stringify({ object, method, request });
    const response = await workerd.dispatchFetch('http://log.example/', { method: 'POST', body });
    if (response.status !== 200) throw new Error(await response.text());
    const { membership, ...reply } = (await response.json()) as LogReply;
    if (membership === undefined) return { ...reply, membership };
    const { indexes, positions, ...image } = membership.image;
    const arrays = { indexes: Uint32Array.from(indexes), positions: Float64Array.from(positions) };
    return { ...reply, membership: { ...membership, image: { ...image, ...arrays } } };
  };
  return { renew: (request) => call('renew', request), append: (request) => call('append', request) };
}

/** A member whose append is over once all members have renewed: those that serve have. */
class RenewingMember implements InvalidationLog {
  readonly log: LeasedLog;
  readonly #all: () => readonly RenewingMember[];
  readonly #cancel: () => void;

  constructor(log: LeasedLog, all: () => readonly RenewingMember[]) {
    this.log = log;
    this.#all = all;
    const timer = setInterval(() => void log.renew().catch(() => undefined), RENEWAL_MS);
    this.#cancel = () => clearInterval(timer);
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.log.follow(apply);
  }

  async append(change: LogChange): Promise<Position> {
    const position = await this.log.append(change);
    await Promise.all(this.#all().map(({ log }) => log.renew()));
    return position;
  }

  end(): void {
    this.#cancel();
    this.log.close();
  }
}

invalidationLogContract({
  test,
  makeLog: async () => {
    const keeper = keeperOf(`log-${++objects}`);
    const members = Array.from({ length: 3 }, (_, at): RenewingMember => {
      const parts = {
        keeper,
        clock: platformClock,
        tasks: platformTasks,
        mode: 'lease',
        leaseMs: LEASE_MS,
        timeoutMs: 10_000,
      } as const;
      return new RenewingMember(new LeasedLog({ ...parts, member: `m${at}` }), () => members);
    });
    for (const { log } of members) await log.renew();
    return members;
  },
  endLog: (members) => {
    for (const member of members as readonly RenewingMember[]) member.end();
  },
});
