// One job of the populator: its counts, its results, and its followers.
//
// A job may still be given URLs while the first of them are filled. It is over when it is sealed
// and nothing of it waits.

import { TidegateError } from '../../errors.ts';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import type { PopulateResult } from '../contract.ts';
import { Pace, type PaceLimits } from './pace.ts';

/**
 * Why fills are made for which no client waits, in the order in which they go: what has changed and was asked for or published, what is
 * about to expire, what somebody waits for, what will be asked for at some time, what may be.
 */
export const CAUSES = ['rehydration', 'publish', 'schedule', 'operator', 'missing', 'startup', 'prediction'] as const;
export type PopulateCause = (typeof CAUSES)[number];

/** Where a job is written down, so that it can go on after a restart. Places are counted from 0 in the order given. */
export interface JobRecord {
  added(texts: readonly string[]): void;
  /** Nothing more is going to be given. `error`: why its source ended before its end. */
  sealed(error?: string | undefined): void;
  /** One place is done. */
  done(index: number): void;
  /** All is done, or nothing more is wanted. */
  ended(): void;
}

export interface JobSpec {
  readonly cause: PopulateCause;
  /** For the operator, e.g. the sitemap it came from. */
  readonly name?: string | undefined;
  /** Undefined: no bounds beside those of the origins. */
  readonly concurrency?: number | undefined;
  readonly ratePerSecond?: number | undefined;
  /** In ms since the Unix epoch: entries that would be stale before are filled, too. Default: those that are stale already. */
  readonly freshUntilMs?: number | undefined;
  /** Is given the id of the job. */
  readonly record?: (id: string) => JobRecord;
}

/** A job as operators see it. `startedAt` and `endedAt` in ms since the Unix epoch. */
export interface JobProgress {
  readonly id: string;
  readonly cause: PopulateCause;
  readonly name?: string;
  /** `failed`: its source gave no more before its end; what it had given is filled. */
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  /** URLs given so far; no more will come once `sealed`. */
  readonly total: number;
  readonly sealed: boolean;
  readonly done: number;
  readonly stored: number;
  /** Stored already, and answering as it is. */
  readonly fresh: number;
  readonly refused: number;
  readonly failed: number;
  /** Refused and failed URLs, by the reason. */
  readonly reasons: { readonly [reason: string]: number };
  /** The last of them, the latest at the end. */
  readonly notStored: readonly NotStored[];
  readonly perSecond: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  /** Why its source gave no more URLs. */
  readonly error?: string;
}

/** How one item ended. `url`: of one that was not stored. */
export type ItemEnd = Pick<PopulateResult, 'kind'> & { readonly reason?: string; readonly url?: string };

/** A URL that was refused, or failed. */
export interface NotStored {
  /** Without the fields of the request, which may be credentials. */
  readonly url: string;
  readonly reason: string;
}

const NOT_STORED_KEPT = 20;

/** A job's progress as it is counted. */
type JobCounts = { -readonly [Name in keyof Omit<JobProgress, 'perSecond' | 'error'>]: JobProgress[Name] } & {
  readonly reasons: Record<string, number>;
  readonly notStored: NotStored[];
};

export class Job {
  readonly id: string;
  readonly cause: PopulateCause;
  readonly limits: PaceLimits;
  readonly freshUntilMs: number | undefined;
  readonly pace = new Pace();
  /** Called by `tell`, and at the end. */
  readonly listeners = new Set<(progress: JobProgress) => void>();
  readonly #record: JobRecord | undefined;
  readonly #counts: JobCounts;
  #error: string | undefined;

  constructor(id: string, spec: JobSpec, now: number) {
    const { cause, name, concurrency = Number.POSITIVE_INFINITY, ratePerSecond = 0 } = spec;
    this.id = id;
    this.cause = cause;
    this.limits = { concurrency, ratePerSecond };
    this.freshUntilMs = spec.freshUntilMs;
    this.#record = spec.record?.(id);
    this.#counts = {
      ...{ id, cause, ...(name !== undefined && { name }), state: 'running', total: 0, sealed: false, done: 0 },
      ...{ fresh: 0, stored: 0, refused: 0, failed: 0, reasons: {}, notStored: [], startedAt: now },
    };
  }

  get running(): boolean {
    return this.#counts.state === 'running';
  }

  get sealed(): boolean {
    return this.#counts.sealed;
  }

  /** Takes items in; returns the place of the first. */
  take(texts: readonly string[]): number {
    const first = this.#counts.total;
    this.#counts.total += texts.length;
    this.#record?.added(texts);
    return first;
  }

  /** Nothing more is going to be given. `error`: why its source ended early; the URLs given before are still filled. */
  seal(now: number, error?: string): void {
    if (this.sealed) return;
    this.#counts.sealed = true;
    this.#error = error;
    this.#record?.sealed(error);
    this.#endIfDone(now);
  }

  count(index: number, end: ItemEnd, now: number): void {
    if (!this.running) return;
    const { reasons, notStored } = this.#counts;
    this.#counts.done++;
    this.#counts[end.kind]++;
    const { reason, url = '' } = end;
    if (reason !== undefined) {
      reasons[reason] = (reasons[reason] ?? 0) + 1;
      if (notStored.push({ url, reason }) > NOT_STORED_KEPT) notStored.shift();
    }
    this.#record?.done(index);
    this.#endIfDone(now);
  }

  cancel(now: number): void {
    this.#end('cancelled', now);
  }

  tell(now: number): void {
    const progress = this.progress(now);
    for (const listener of this.listeners) listener(progress);
  }

  progress(now: number): JobProgress {
    const { startedAt, endedAt, ...counted } = this.#counts;
    const seconds = ((endedAt ?? now) - startedAt) / 1000;
    return {
      ...counted,
      reasons: { ...counted.reasons },
      notStored: [...counted.notStored],
      perSecond: seconds > 0 ? Math.round((10 * counted.done) / seconds) / 10 : 0,
      startedAt,
      ...(endedAt !== undefined && { endedAt }),
      ...(this.#error !== undefined && { error: this.#error }),
    };
  }

  #endIfDone(now: number): void {
    const { sealed, done, total } = this.#counts;
    if (sealed && done === total) this.#end(this.#error === undefined ? 'done' : 'failed', now);
  }

  #end(state: Exclude<JobProgress['state'], 'running'>, now: number): void {
    if (!this.running) return;
    this.#counts.state = state;
    this.#counts.endedAt = now;
    this.#record?.ended();
    this.tell(now);
    this.listeners.clear();
  }
}

const ENDED_JOBS_KEPT = 100;
/** Followers of a job are told no more often than this. */
const PROGRESS_MS = 250;
/** They are told at least as often as this, so that they see that the connection lives. */
const HEARTBEAT_MS = 5_000;

export class Jobs {
  readonly #clock: Clock;
  readonly #tasks: Tasks;
  readonly #jobs = new Map<string, Job>();
  readonly #untold = new Set<Job>();
  #count = 0;

  constructor(clock: Clock, tasks: Tasks) {
    this.#clock = clock;
    this.#tasks = tasks;
  }

  /** Begins a job; returns its id. */
  create(spec: JobSpec): string {
    const now = this.#clock.now();
    const job = new Job(`${Math.floor(now / 1000).toString(36)}-${++this.#count}`, spec, now);
    this.#jobs.set(job.id, job);
    const ended = [...this.#jobs.values()].filter(({ running }) => !running);
    for (const { id } of ended.slice(0, -ENDED_JOBS_KEPT)) this.#jobs.delete(id);
    return job.id;
  }

  get(id: string): Job | undefined {
    return this.#jobs.get(id);
  }

  /** The job, if it takes more; else throws E_POPULATE. */
  open(id: string): Job {
    const job = this.#jobs.get(id);
    if (job?.running && !job.sealed) return job;
    throw new TidegateError('E_POPULATE', `expected the id of a job that takes more URLs, got ${id}`);
  }

  progress(id: string): JobProgress | undefined {
    return this.#jobs.get(id)?.progress(this.#clock.now());
  }

  /** Nothing more is going to be given to the job. `error`: why its source ended before its end. */
  seal(id: string, error?: string): void {
    this.#jobs.get(id)?.seal(this.#clock.now(), error);
  }

  /** The running jobs and the last ended ones, the latest first. */
  list(): JobProgress[] {
    return [...this.#jobs.values()].map((job) => job.progress(this.#clock.now())).reverse();
  }

  /** Something of the job has moved. */
  moved(job: Job): void {
    if (!job.running || job.listeners.size === 0 || this.#untold.has(job)) return;
    this.#untold.add(job);
    this.#tasks.later(PROGRESS_MS, () => {
      this.#untold.delete(job);
      if (job.running) job.tell(this.#clock.now());
    });
  }

  /** Tells of the job now and whenever it has moved, until it is over. The result ends that. */
  follow(id: string, listener: (progress: JobProgress) => void): Cancel {
    const job = this.#jobs.get(id);
    if (job === undefined) return () => {};
    listener(job.progress(this.#clock.now()));
    job.listeners.add(listener);
    let cancelBeat: Cancel = () => {};
    const beat = () => {
      if (!job.running) return;
      cancelBeat = this.#tasks.later(HEARTBEAT_MS, () => {
        if (job.running) listener(job.progress(this.#clock.now()));
        beat();
      });
    };
    beat();
    return () => {
      job.listeners.delete(listener);
      cancelBeat();
    };
  }
}
