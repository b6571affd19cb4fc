// The pool of workers: the front of a primary. They all listen on one port; one that dies is replaced.
//
// A stranger could share a shared port as well, such as a second gate started by mistake, or a worker that has
// outlived its primary and no longer hears of invalidations. So before the first worker listens, the primary takes the
// port alone for a moment: that fails while anyone else has it.

import { type AddressInfo, createServer } from 'node:net';
import type { Logger } from 'pino';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { TidegateError } from '../../errors.ts';
import type { SharedLease } from '../../log/lease/log-share.ts';
import type { SharedLog } from '../../log/shared-log.ts';
import type { Cancel } from '../../ports.ts';
import type { ReplicaFeed } from '../../store/disk/replica/replica-feed.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { reloaded } from '../config/restart.ts';
import type { ListenAt } from '../front/front-contract.ts';
import { portError } from '../listening.ts';
import { boundsOfWorker } from '../tenants/tenant-spec.ts';
import {
  type Answer,
  type CallArgument,
  type Figures,
  type WorkerCalls,
  type WorkerChild,
  type WorkerHooks,
  WorkerProcess,
} from './worker-process.ts';

interface WorkerPoolParts {
  readonly config: ResolvedConfig;
  readonly size: number;
  readonly shared: SharedLog;
  /** Tells workers what the disk holds; undefined when there is no disk. */
  readonly feed: ReplicaFeed | undefined;
  readonly log: Logger;
  /** Names of the sources that trackers report. */
  readonly sources: () => readonly string[];
  /** Until when the workers may serve what is stored; undefined: there is no cluster, and they do as long as they hear. */
  readonly lease?: () => SharedLease | undefined;
  /** Called when a worker is gone, with its counts from the last request for them. */
  readonly retired: (figures: Figures) => void;
  /** Starts the process of a worker; by default it runs this program. */
  readonly fork?: () => WorkerChild;
}

/** Time for a worker from its start to its listening. */
const START_MS = 30_000;
/** Time between looks at the workers. */
const WATCH_MS = 5_000;
/** Extra time that a worker may take to end. */
const END_MS = 2_000;

export class WorkerPool {
  readonly #parts: WorkerPoolParts;
  readonly #restarts = new Restarts();
  readonly #workers = new Set<WorkerProcess>();
  /** Pending timers. */
  readonly #pauses = new Set<Cancel>();
  readonly #gaveUp = Promise.withResolvers<TidegateError>();
  /** Resolves when workers die faster than they can be replaced. */
  readonly gaveUp = this.#gaveUp.promise;
  #config: ResolvedConfig;
  #port = 0;
  #whenEmpty: (() => void) | undefined;
  /** Open once all workers have started: from then on, dead workers are replaced. */
  #state: 'starting' | 'open' | 'closing' = 'starting';

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  async listen({ host, port }: ListenAt): Promise<AddressInfo> {
    if (port !== 0) await takeAlone({ host, port });
    this.#port = port;
    try {
      // The first worker finds out the port.
      if (port === 0) this.#port = await this.#start();
      while (this.#serving().length < this.#parts.size) {
        await Promise.all(Array.from({ length: this.#parts.size - this.#serving().length }, () => this.#start()));
      }
      this.#state = 'open';
      this.#watch();
    } catch (error) {
      await this.close({ graceMs: 0 });
      throw error;
    }
    return { address: host, family: '', port: this.#port };
  }

  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#state = 'closing';
    for (const cancel of this.#pauses) cancel();
    if (this.#workers.size === 0) return;
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    for (const worker of this.#workers) {
      if (worker.servingSince === undefined) worker.kill();
      else worker.send({ kind: 'close', graceMs });
    }
    const cancel = platformTasks.later(graceMs + END_MS, () => {
      for (const worker of this.#workers) worker.kill();
    });
    await empty;
    cancel();
  }

  /** Asks every serving worker; workers that end meanwhile give no answer. */
  async ask<Call extends keyof WorkerCalls>(call: Call, given: CallArgument<Call>): Promise<Answer<Call>[]> {
    return (await asked(this.#serving(), call, () => given)).map(({ answer }) => answer);
  }

  /** Asks every welcomed worker; a worker that does not serve yet answers when it does, or ends. */
  askEach<Call extends keyof WorkerCalls>(call: Call, given: (worker: object) => CallArgument<Call>) {
    return asked(
      [...this.#workers].filter(({ member }) => member !== undefined),
      call,
      given,
    );
  }

  /** The counts of each worker. */
  async figures(): Promise<Figures[]> {
    const answers = await asked(this.#serving(), 'figures', () => undefined);
    return answers.map(({ worker, answer }) => {
      worker.figures = answer;
      return answer;
    });
  }

  /** Until when the workers may serve what is stored. */
  leased(lease: SharedLease): void {
    for (const worker of this.#workers) if (worker.member !== undefined) worker.send({ kind: 'lease', lease });
  }

  /** All workers use this configuration from now on, later ones too. */
  async reload(config: ResolvedConfig): Promise<void> {
    this.#config = reloaded(this.#config, config);
    await this.askEach('reload', () => this.#workerConfig());
  }

  #workerConfig(): ResolvedConfig {
    return workerConfig({ ...this.#config, listen: { ...this.#config.listen, port: this.#port } }, this.#parts.size);
  }

  /** Detects a hanging worker, and keeps each worker's latest counts for its death. */
  #watch(): void {
    this.#later(WATCH_MS, () => {
      this.figures().finally(() => {
        if (this.#state !== 'closing') this.#watch();
      });
    });
  }

  #later(delayMs: number, work: () => void): void {
    const cancel = platformTasks.later(delayMs, () => {
      this.#pauses.delete(cancel);
      work();
    });
    this.#pauses.add(cancel);
  }

  #serving(): WorkerProcess[] {
    return [...this.#workers].filter(({ servingSince }) => servingSince !== undefined);
  }

  /** The port on which the new worker listens. */
  #start(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const heard: WorkerHooks['heard'] = (message) => {
      if (message.kind === 'listening') {
        worker.servingSince = platformClock.monotonic();
        resolve(message.port);
      } else if (message.kind === 'failed') reject(new TidegateError(message.code ?? 'E_WORKER', message.message));
      else if (message.kind === 'hello') this.#welcome(worker);
      else if (message.kind === 'log') worker.member?.received(message.message);
      else worker.replica?.received(message.message);
    };
    const gone = (how: string) => {
      reject(new TidegateError('E_WORKER', `expected a worker that serves, got its end: ${how}`));
      this.#gone(worker, how);
    };
    const worker = new WorkerProcess({ heard, gone }, this.#parts.fork?.());
    this.#workers.add(worker);
    const cancel = platformTasks.later(START_MS, () => worker.kill());
    return promise.finally(cancel);
  }

  #welcome(worker: WorkerProcess): void {
    const { shared, feed, log, sources } = this.#parts;
    const member = shared.join({
      send: (message) => worker.send({ kind: 'log', message }),
      revoke: () => {
        log.error({ worker: worker.pid }, 'a worker does not hear of an invalidation: it is ended');
        worker.kill();
      },
    });
    worker.member = member;
    const config = this.#workerConfig();
    const disk = feed && config.disk && { path: config.disk.path };
    worker.send({ kind: 'welcome', config, membership: member.membership, disk, sources: sources() });
    const lease = this.#parts.lease?.();
    if (lease !== undefined) worker.send({ kind: 'lease', lease });
    worker.replica = feed?.join((message) => worker.send({ kind: 'disk', message }));
  }

  #gone(worker: WorkerProcess, how: string): void {
    this.#workers.delete(worker);
    worker.member?.left();
    worker.replica?.left();
    if (worker.figures !== undefined) this.#parts.retired(worker.figures);
    if (this.#workers.size === 0) this.#whenEmpty?.();
    if (this.#state !== 'open') return;
    const { log } = this.#parts;
    const { pid, servingSince } = worker;
    const nowMs = platformClock.monotonic();
    const pauseMs = this.#restarts.died(nowMs, servingSince === undefined ? 0 : nowMs - servingSince);
    if (pauseMs === undefined) {
      const message = `expected workers that go on, got the end of ${MOST_EARLY} in a short time, the last by ${how}`;
      this.#gaveUp.resolve(new TidegateError('E_WORKER', message));
      return;
    }
    log.error({ worker: pid, how }, 'a worker has ended: another takes its place');
    this.#later(pauseMs, () => {
      this.#start().catch((error: unknown) => log.warn({ err: error }, 'a worker could not be started'));
    });
  }
}

/** Rejects with E_PORT when anyone else listens there. */
function takeAlone({ host, port }: ListenAt): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error) => reject(portError({ host, port }, error)));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

/** The answers of those that do not end meanwhile. */
async function asked<Call extends keyof WorkerCalls>(
  workers: readonly WorkerProcess[],
  call: Call,
  given: (worker: WorkerProcess) => CallArgument<Call>,
): Promise<{ readonly worker: WorkerProcess; readonly answer: Answer<Call> }[]> {
  const asking = workers.map(async (worker) => ({ worker, answer: await worker.ask(call, given(worker)) }));
  return (await Promise.allSettled(asking)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

/** A worker that served for less time died of a cause that will hit its successor as well. */
const EARLY_MS = 1_000;
const MOST_EARLY = 5;
const WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 100;

/** Decides whether and when a dead worker is replaced. */
export class Restarts {
  #early: number[] = [];

  /** The pause before another starts; undefined: too many died early. `servedMs`: 0 when it never did. */
  died(nowMs: number, servedMs: number): number | undefined {
    if (servedMs >= EARLY_MS) return 0;
    this.#early = [...this.#early.filter((at) => at > nowMs - WITHIN_MS), nowMs];
    const deaths = this.#early.length;
    if (deaths >= MOST_EARLY) return undefined;
    return deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2);
  }
}

/** The configuration of one of `count` workers. */
export function workerConfig(config: ResolvedConfig, count: number): ResolvedConfig {
  const part = (whole: number) => Math.ceil(whole / count);
  const origins = Object.entries(config.origins).map(([name, origin]) => {
    return [name, { ...origin, connections: part(origin.connections) }];
  });
  return {
    ...config,
    memory: { ...config.memory, maxBytes: part(config.memory.maxBytes) },
    populate: {
      ...config.populate,
      concurrency: part(config.populate.concurrency),
      ratePerSecond: part(config.populate.ratePerSecond),
      rehydrate: { maxEntries: part(config.populate.rehydrate.maxEntries) },
    },
    prober: { ...config.prober, ratePerSecond: config.prober.ratePerSecond / count },
    limits: {
      ...config.limits,
      maxConnections: part(config.limits.maxConnections),
      spooledRequestBytes: part(config.limits.spooledRequestBytes),
    },
    origins: Object.fromEntries(origins),
    ...(config.tenants !== undefined && { tenants: boundsOfWorker(config.tenants, part) }),
  };
}
