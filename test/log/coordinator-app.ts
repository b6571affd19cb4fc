// A Worker that is a member of a leased log, and the Durable Object that keeps it: bundled by coordinator.test.ts and run in
// workerd, in several instances that share the object.

import { DurableObject } from 'cloudflare:workers';
import type { LogChange, Position } from '../../src/ledger/log.ts';
import { LeasedLog } from '../../src/log/lease/member.ts';
import type { LogKeeper } from '../../src/log/lease/messages.ts';
import { type CoordinatorState, coordinatorClass, type ObjectBase } from '../../src/workers/coordinator.ts';

const OPTIONS = { imageAfter: 20, tail: 100, buckets: 1024 };

export class Coordinator extends coordinatorClass(DurableObject as ObjectBase, OPTIONS) {
  readonly #state: CoordinatorState & { abort(reason: string): void };

  constructor(state: CoordinatorState & { abort(reason: string): void }, env: unknown) {
    super(state, env);
    this.#state = state;
  }

  /** Ends the instance; its storage stays. */
  restart(): void {
    this.#state.abort('for the test');
  }

  /** As a later version would have left it. */
  setFormat(format: number): void {
    for (const _ of this.#state.storage.sql.exec("update log_meta set value = ? where name = 'format'", format));
  }
}

/** Writes count as of unknown outcome at once. */
export class Hasty extends coordinatorClass(DurableObject as ObjectBase, { writeMs: 200, unknownOutcomeMs: 400 }) {}

interface Stub extends LogKeeper {
  restart(): Promise<void>;
  setFormat(format: number): Promise<void>;
}

interface Env {
  readonly NAME: string;
  readonly LOG: { idFromName(name: string): unknown; get(id: unknown): Stub };
}

let log: LeasedLog | undefined;
let life = 0;
const heard: string[] = [];

function begin(env: Env): LeasedLog {
  return new LeasedLog({
    keeper: {
      renew: (request) => stubOf(env).renew(request),
      append: (request) => stubOf(env).append(request),
    },
    clock: { now: () => Date.now(), monotonic: () => performance.now() },
    tasks: {
      later: (delayMs, work) => {
        const timer = setTimeout(work, delayMs);
        return () => clearTimeout(timer);
      },
      soon: (work) => queueMicrotask(work),
    },
    member: `${env.NAME}-${++life}`,
    mode: 'lease',
    leaseMs: 1_000,
  });
}

const stubOf = ({ LOG }: Env) => LOG.get(LOG.idFromName('site'));

async function renewed(env: Env): Promise<LeasedLog> {
  if (log !== undefined && log.ended === undefined) {
    await log.renew();
    return log;
  }
  log = begin(env);
  await log.renew();
  log.history();
  log.follow((position: Position, change: LogChange) => void heard.push(`${position} ${JSON.stringify(change)}`));
  return log;
}

async function answer({ pathname, searchParams }: URL, env: Env): Promise<unknown> {
  switch (pathname) {
    case '/renew':
      return (await renewed(env)).isLeased();
    case '/leased':
      return log?.isLeased() ?? false;
    case '/append':
      return log?.append(JSON.parse(searchParams.get('change') ?? '') as LogChange);
    case '/heard':
      return heard;
    case '/position':
      return log?.position();
    case '/stamp':
      return log?.history().invalidations.image().applied;
    case '/restart':
      return stubOf(env)
        .restart()
        .catch(() => 'restarted');
    default:
      return stubOf(env).setFormat(Number(searchParams.get('format')));
  }
}

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    try {
      return Response.json({ value: await answer(new URL(request.url), env) });
    } catch (error) {
      return Response.json({ error: String(error), code: (error as { code?: unknown }).code });
    }
  },
};
