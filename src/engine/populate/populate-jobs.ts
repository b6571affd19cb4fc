// The jobs of the populator: those that run, the last of those that are over, and whoever follows one of them.

import { TidegateError } from '../../errors.ts';
import type { Cancel, Clock, Tasks } from '../../ports.ts';
import { Job, type JobProgress, type JobSpec } from './populate-job.ts';

const ENDED_JOBS_KEPT = 100;
/** Those who follow a job are told no more often than this. */
const PROGRESS_MS = 250;
/** They are told at least as often as this, so that they know that they are still heard. */
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

  create(spec: JobSpec): Job {
    const now = this.#clock.now();
    const job = new Job(`${Math.floor(now / 1000).toString(36)}-${++this.#count}`, spec, now);
    this.#jobs.set(job.id, job);
    const ended = [...this.#jobs.values()].filter(({ running }) => !running);
    for (const { id } of ended.slice(0, -ENDED_JOBS_KEPT)) this.#jobs.delete(id);
    return job;
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

  /** The latest first. */
  list(): JobProgress[] {
    const now = this.#clock.now();
    return [...this.#jobs.values()].map((job) => job.progress(now)).reverse();
  }

  /** Something of the job has moved. */
  moved(job: Job): void {
    if (!job.running || !job.isFollowed || this.#untold.has(job)) return;
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
    const stop = job.listen(listener);
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
      stop();
      cancelBeat();
    };
  }
}
