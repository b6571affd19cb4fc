// One worker as the primary sees it: a child process, its messages and questions, and its end. Messages are plain data, copied
// by structured cloning.
//
// The system may report the exit before the worker's last messages have been read; only these show its work under way.
// So it is over when both have been seen, the exit and the end of the channel.

import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import type { AdminDeps, Heard, TailFilter } from '../../admin/contract.ts';
import type { OriginHealth, TopUrls } from '../../admin/stats-contract.ts';
import type { TenantFigures } from '../../admin/tenants-contract.ts';
import { platformTasks } from '../../cache/platform.ts';
import type { Explanation, GateStats, ListPage, ListQuery } from '../../engine/contract.ts';
import type { Outdated } from '../../engine/prober/prober.ts';
import type { Proof } from '../../engine/prober/prove.ts';
import type { SourceReply, SourceReport } from '../../engine/source-leases.ts';
import type { GateCounts } from '../../engine/statistics/counts.ts';
import { type ErrorCode, TidegateError } from '../../errors.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { SharedLease } from '../../log/lease/log-share.ts';
import type { LogToMember, Membership, MemberToLog } from '../../log/member-log.ts';
import type { LogMember } from '../../log/shared-log.ts';
import type { Eventually } from '../../ports.ts';
import type { PredictionFigures } from '../../prediction/prediction.ts';
import type { JoinedReplica } from '../../store/disk/replica/replica-feed.ts';
import type { DiskToWorker, WorkerToDisk } from '../../store/disk/replica/replica-link.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { MetricsSnapshot } from '../operator/metrics.ts';

/** What the primary asks a worker. */
export interface WorkerCalls {
  figures(): Promise<Figures>;
  /** Hashes of the keys of stored responses in memory that match the selector; `remove`: also removes them. */
  matched(given: { readonly selector: Selector; readonly remove: boolean }): Float64Array;
  /** Gives the number of removed entries. */
  clear(): number;
  list(query: ListQuery): Eventually<ListPage>;
  /** Gives undefined when no route has the URI. */
  explain(asked: Parameters<AdminDeps['explainRequest']>[0]): Eventually<Explanation | undefined>;
  /** Outdated answers that its prober found. */
  outdated(): readonly Outdated[];
  prove(asked: Parameters<AdminDeps['explainRequest']>[0]): Promise<Proof | undefined>;
  reload(config: ResolvedConfig): Promise<void>;
  /** From a tracker. `outdated`: tags that are outdated already; requested entries with these tags are filled again. */
  report(given: { readonly report: SourceReport; readonly outdated: readonly string[] }): Promise<SourceReply>;
  /** Exchanges since the last such call that any of the filters asks for. */
  tail(filters: readonly TailFilter[]): readonly Heard[];
}

export type CallArgument<Call extends keyof WorkerCalls> = Parameters<WorkerCalls[Call]>[0];
export type Answer<Call extends keyof WorkerCalls> = Awaited<ReturnType<WorkerCalls[Call]>>;

/** A worker's counts since its start. */
export interface Figures {
  readonly stats: GateStats;
  readonly counts: GateCounts;
  readonly origins: readonly OriginHealth[];
  /** Absent where nothing was ever predicted. */
  readonly prediction?: PredictionFigures | undefined;
  readonly urls: TopUrls;
  readonly measured: MetricsSnapshot;
  readonly tenants: Readonly<Record<string, TenantFigures>>;
}

export type ToWorker =
  /** The answer to `hello`. */
  | {
      readonly kind: 'welcome';
      readonly config: ResolvedConfig;
      readonly membership: Membership;
      /** The shared disk tier; undefined when there is none. */
      readonly disk: { readonly path: string } | undefined;
      /** Known sources that trackers report. */
      readonly sources: readonly string[];
    }
  | { readonly kind: 'log'; readonly message: LogToMember }
  | { readonly kind: 'lease'; readonly lease: SharedLease }
  | { readonly kind: 'disk'; readonly message: DiskToWorker }
  | { readonly kind: 'ask'; readonly id: number; readonly call: keyof WorkerCalls; readonly given: unknown }
  /** Accept no more, finish what runs, and end. */
  | { readonly kind: 'close'; readonly graceMs: number };

export type FromWorker =
  /** Ready to hear. */
  | { readonly kind: 'hello' }
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: ErrorCode | undefined; readonly message: string }
  | { readonly kind: 'log'; readonly message: MemberToLog }
  | { readonly kind: 'disk'; readonly message: WorkerToDisk }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown }
  | { readonly kind: 'no-answer'; readonly id: number; readonly reason: string };

export interface WorkerHooks {
  /** Messages that answer no question. */
  readonly heard: (message: Exclude<FromWorker, { readonly kind: 'answer' | 'no-answer' }>) => void;
  /** It serves no more, and all its messages were read. */
  readonly gone: (how: string) => void;
}

/** The needed part of a child process. */
export type WorkerChild = Pick<ChildProcess, 'on' | 'pid' | 'connected' | 'send' | 'kill'>;

/** A worker that cannot answer for this long does not serve either: it is ended and replaced. */
const ANSWER_MS = 10_000;
/** A reload waits for the disk: a stalled disk stops all workers at once, and must not end them all. */
const RELOAD_MS = 60_000;

/** Beside this file in the source; in the package, at the place that package.json names. */
const MAIN_FILE = new URL(
  import.meta.url.endsWith('.ts') ? './worker-main.ts' : import.meta.resolve('#worker-main'),
  import.meta.url,
);

const FORKED: ForkOptions = { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] };

export class WorkerProcess {
  /** Since it was welcomed. */
  member: LogMember | undefined;
  replica: JoinedReplica | undefined;
  /** Since when it serves. */
  servingSince: number | undefined;
  /** The latest. */
  figures: Figures | undefined;
  readonly #child: WorkerChild;
  readonly #hooks: WorkerHooks;
  readonly #asked = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #left = 2;
  #how = '';

  constructor(hooks: WorkerHooks, child: WorkerChild = fork(MAIN_FILE, [], FORKED)) {
    this.#hooks = hooks;
    this.#child = child;
    this.#child.on('message', (message) => this.#heard(message as FromWorker));
    this.#child.on('exit', (code, signal) => {
      this.#how = signal ?? `exit code ${code}`;
      this.#over();
    });
    this.#child.on('disconnect', () => this.#over());
    this.#child.on('error', (error) => {
      // It never started, so nobody will report an exit or the end of the channel.
      if (this.#child.pid === undefined) this.#end(error.message);
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  send(message: ToWorker): void {
    if (!this.#child.connected) return;
    this.#child.send(message, (error) => {
      // A worker that cannot receive messages must not go on serving.
      if (error !== null) this.kill();
    });
  }

  /** Rejects with E_WORKER when the worker ends, or says that it has no answer. */
  ask<Call extends keyof WorkerCalls>(call: Call, given: CallArgument<Call>): Promise<Answer<Call>> {
    const asked = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#asked.set(id, asked);
    this.send({ kind: 'ask', id, call, given });
    const cancel = platformTasks.later(call === 'reload' ? RELOAD_MS : ANSWER_MS, () => this.kill());
    return asked.promise.finally(cancel) as Promise<Answer<Call>>;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #heard(message: FromWorker): void {
    if (message.kind !== 'answer' && message.kind !== 'no-answer') return this.#hooks.heard(message);
    const asked = this.#asked.get(message.id);
    this.#asked.delete(message.id);
    if (message.kind === 'answer') asked?.resolve(message.answer);
    else asked?.reject(new TidegateError('E_WORKER', message.reason));
  }

  #over(): void {
    this.#left--;
    if (this.#left === 0) this.#end(this.#how);
  }

  #end(how: string): void {
    const error = new TidegateError('E_WORKER', `expected an answer of a worker, got its end: ${how}`);
    for (const { reject } of this.#asked.values()) reject(error);
    this.#asked.clear();
    this.#hooks.gone(how);
  }
}
