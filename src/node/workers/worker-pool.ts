// The pool of workers: the front of a primary. They all listen on one port; one that dies is replaced.
//
// A stranger could share a shared port as well, such as a second gate started by mistake, or a worker that has
// outlived its primary and no longer hears of invalidations. So before the first worker listens, the primary takes the
// port alone for a moment: that fails while anyone else has it.

import { type AddressInfo, createServer } from 'node:net';
import type { Logger } from 'pino';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { TidegateError } from '../../errors.ts';
import type { LogMember, SharedLog } from '../../log/shared-log.ts';
import type { Cancel } from '../../ports.ts';
import type { JoinedReplica, ReplicaFeed } from '../../store/disk/replica/replica-feed.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { ListenAt } from '../front/front-contract.ts';
import { portError } from '../listening.ts';
import type { Answer, Figures, Given, WorkerCalls } from './messages.ts';
import { workerConfig } from './share.ts';
import { type WorkerChild, type WorkerHooks, WorkerProcess } from './worker-process.ts';

export interface WorkerPoolParts {
  readonly config: ResolvedConfig;
  readonly size: number;
  readonly shared: SharedLog;
  /** Tells workers what the disk holds; undefined when there is no disk. */
  readonly feed: ReplicaFeed | undefined;
  readonly log: Logger;
  /** Names of the sources that trackers report. */
  readonly sources: () => readonly string[];
  /** Called when a worker is gone, with its counts from the last request for them. */
  readonly retired: (figures: Figures) => void;
  /** Starts the process of a worker; by default it runs this program. */
  readonly fork?: () => WorkerChild;
}

interface Worker {
  readonly process: WorkerProcess;
  member?: LogMember;
  replica?: JoinedReplica | undefined;
  /** Since when it serves. */
  servingSince?: number;
  /** The latest. */
  figures?: Figures;
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
  readonly #workers = new Set<Worker>();
  /** Pending timers. */
  readonly #pauses = new Set<Cancel>();
  readonly #gaveUp = Promise.withResolvers<TidegateError>();
  #config: ResolvedConfig;
  #port = 0;
  #whenEmpty: (() => void) | undefined;
  /** Whether all workers have started once; from then on, dead workers are replaced. */
  #isOpen = false;
  #closing = false;

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts;
    this.#config = parts.config;
  }

  /** Resolves when workers die faster than they can be replaced. */
  get gaveUp(): Promise<TidegateError> {
    return this.#gaveUp.promise;
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
      this.#isOpen = true;
      this.#watch();
    } catch (error) {
      await this.close({ graceMs: 0 });
      throw error;
    }
    return { address: host, family: '', port: this.#port };
  }

  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closing = true;
    for (const cancel of this.#pauses) cancel();
    if (this.#workers.size === 0) return;
    const { promise: empty, resolve } = Promise.withResolvers<void>();
    this.#whenEmpty = resolve;
    for (const { process, servingSince } of this.#workers) {
      if (servingSince === undefined) process.kill();
      else process.send({ kind: 'close', graceMs });
    }
    const cancel = platformTasks.later(graceMs + END_MS, () => {
      for (const { process } of this.#workers) process.kill();
    });
    await empty;
    cancel();
  }

  /** Asks every serving worker; workers that end meanwhile give no answer. */
  async ask<Call extends keyof WorkerCalls>(call: Call, given: Given<Call>): Promise<Answer<Call>[]> {
    return (await asked(this.#serving(), call, () => given)).map(({ answer }) => answer);
  }

  /** Asks every welcomed worker; a worker that does not serve yet answers when it does, or ends. */
  askEach<Call extends keyof WorkerCalls>(call: Call, given: (worker: object) => Given<Call>) {
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

  /** All workers use this configuration from now on, later ones too. */
  async reload(config: ResolvedConfig): Promise<void> {
    this.#config = config;
    const workers = this.#workerConfig();
    await this.askEach('reload', () => workers);
  }

  #workerConfig(): ResolvedConfig {
    return workerConfig({ ...this.#config, listen: { ...this.#config.listen, port: this.#port } }, this.#parts.size);
  }

  /** Detects a hanging worker, and keeps each worker's latest counts for its death. */
  #watch(): void {
    const cancel = platformTasks.later(WATCH_MS, () => {
      this.#pauses.delete(cancel);
      this.figures().finally(() => {
        if (!this.#closing) this.#watch();
      });
    });
    this.#pauses.add(cancel);
  }

  #serving(): Worker[] {
    return [...this.#workers].filter(({ servingSince }) => servingSince !== undefined);
  }

  /** The port on which the new worker listens. */
  #start(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const hooks: WorkerHooks = {
      heard: (message) => {
        if (message.kind === 'listening') {
          worker.servingSince = platformClock.monotonic();
          resolve(message.port);
        } else if (message.kind === 'failed') reject(new TidegateError(message.code ?? 'E_WORKER', message.message));
        else if (message.kind === 'hello') this.#welcome(worker);
        else if (message.kind === 'log') worker.member?.received(message.message);
        else worker.replica?.received(message.message);
      },
      gone: (how) => {
        reject(new TidegateError('E_WORKER', `expected a worker that serves, got its end: ${how}`));
        this.#gone(worker, how);
      },
    };
    const process = new WorkerProcess(hooks, this.#parts.fork?.());
    const worker: Worker = { process };
    this.#workers.add(worker);
    const cancel = platformTasks.later(START_MS, () => process.kill());
    return promise.finally(cancel);
  }

  #welcome(worker: Worker): void {
    const { process } = worker;
    const { shared, feed, log } = this.#parts;
    const member = shared.join({
      send: (message) => process.send({ kind: 'log', message }),
      revoke: () => {
        log.error({ worker: process.pid }, 'a worker does not hear of an invalidation: it is ended');
        process.kill();
      },
    });
    worker.member = member;
    const config = this.#workerConfig();
    const disk = feed === undefined || config.disk === undefined ? undefined : { path: config.disk.path };
    process.send({ kind: 'welcome', config, membership: member.membership, disk, sources: this.#parts.sources() });
    worker.replica = feed?.join((message) => process.send({ kind: 'disk', message }));
  }

  #gone(worker: Worker, how: string): void {
    this.#workers.delete(worker);
    worker.member?.left();
    worker.replica?.left();
    if (worker.figures !== undefined) this.#parts.retired(worker.figures);
    if (this.#workers.size === 0) this.#whenEmpty?.();
    if (this.#isOpen && !this.#closing) this.#replace(worker, how);
  }

  #replace({ process, servingSince }: Worker, how: string): void {
    const atMs = platformClock.monotonic();
    const next = this.#restarts.died({ atMs, servedMs: servingSince === undefined ? 0 : atMs - servingSince });
    if (next.kind === 'give-up') {
      const message = `expected workers that go on, got the end of ${next.deaths} in a short time, the last by ${how}`;
      this.#gaveUp.resolve(new TidegateError('E_WORKER', message));
      return;
    }
    this.#parts.log.error({ worker: process.pid, how }, 'a worker has ended: another takes its place');
    const cancel = platformTasks.later(next.afterMs, () => {
      this.#pauses.delete(cancel);
      this.#start().catch((error: unknown) => this.#parts.log.warn({ err: error }, 'a worker could not be started'));
    });
    this.#pauses.add(cancel);
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
  workers: readonly Worker[],
  call: Call,
  given: (worker: Worker) => Given<Call>,
): Promise<{ readonly worker: Worker; readonly answer: Answer<Call> }[]> {
  const asking = workers.map(async (worker) => ({ worker, answer: await worker.process.ask(call, given(worker)) }));
  return (await Promise.allSettled(asking)).flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
}

interface Death {
  /** Monotonic. */
  readonly atMs: number;
  /** How long it had served; 0 when it never did. */
  readonly servedMs: number;
}

type Replacement =
  | { readonly kind: 'start'; readonly afterMs: number }
  | { readonly kind: 'give-up'; readonly deaths: number };

/** A worker that served for less time died of a cause that will hit its successor as well. */
const EARLY_MS = 1_000;
const MOST_EARLY = 5;
const WITHIN_MS = 10_000;
const FIRST_PAUSE_MS = 100;

/** Decides whether and when a dead worker is replaced. */
export class Restarts {
  #early: number[] = [];

  died({ atMs, servedMs }: Death): Replacement {
    if (servedMs >= EARLY_MS) return { kind: 'start', afterMs: 0 };
    this.#early = [...this.#early.filter((at) => at > atMs - WITHIN_MS), atMs];
    const deaths = this.#early.length;
    if (deaths >= MOST_EARLY) return { kind: 'give-up', deaths };
    return { kind: 'start', afterMs: deaths === 1 ? 0 : FIRST_PAUSE_MS * 2 ** (deaths - 2) };
  }
}
