// Fills entries while no client waits, for one gate. A job has a cause: the start, a schedule, an operator, an invalidation
// (rehydration), or another node's entries that are missing here. Whatever the cause, its URLs come from a source or a list,
// go through one populator, and go on after a restart where no later run repeats them.

import type { Logger } from 'pino';
import type { PopulateApi, PopulateStart, PopulateState } from '../../admin/contract.ts';
import type { Gate, GateRequest } from '../../engine/contract.ts';
import { itemOf, itemOfKey } from '../../engine/populate/item.ts';
import type { JobProgress, JobSpec } from '../../engine/populate/job.ts';
import { Populator } from '../../engine/populate/populator.ts';
import type { Rehydration } from '../../engine/populate/rehydrate.ts';
import { TidegateError } from '../../errors.ts';
import type { Cancel, Random } from '../../ports.ts';
import { currentAgeMs } from '../../semantics/reuse.ts';
import type { ResolvedConfig, ResolvedSchedule } from '../config/config.ts';
import { counted } from '../counted.ts';
import { type JobHead, PopulateJournal, type WrittenJob } from './journal.ts';
import { Predictor } from './predictor.ts';
import { type ScheduleDeps, Schedules } from './schedules.ts';
import { configured, PORTION, portionsOf, type Source, type SourceDeps, type UrlSource } from './sources.ts';
import { StandingJobs } from './standing-jobs.ts';

export interface PopulationDeps extends Omit<SourceDeps, 'turnAt'>, Omit<ScheduleDeps, 'run'> {
  readonly random: Random;
  readonly gate: Pick<Gate, 'populate'>;
  readonly config: () => ResolvedConfig;
  readonly log: Logger;
  /** Folder for jobs; without one a restart ends them. One process owns it. */
  readonly journal: string | undefined;
}

/** A job that gets no more portions is sealed after this time. */
const ABANDONED_MS = 60_000;
/** A source waits while this many URLs wait. */
const ENOUGH_WAITING = 100_000;
const LOOK_AGAIN_MS = 100;

/** Not written down: the next start, run or invalidation repeats the work. */
const REPEATED: ReadonlySet<JobHead['cause']> = new Set(['startup', 'schedule', 'rehydration', 'prediction']);

export class Population implements PopulateApi {
  readonly #deps: PopulationDeps;
  readonly #populator: Populator;
  readonly #schedules: Schedules;
  readonly #journal: PopulateJournal | undefined;
  /** Cancels the timer that would seal a job given in portions. */
  readonly #sealing = new Map<string, Cancel>();
  #closed = false;
  readonly #standing: StandingJobs;
  readonly predictor: Predictor;

  constructor(deps: PopulationDeps) {
    const { tasks, gate, config, journal } = deps;
    const fault = (error: unknown) => deps.log.error({ err: error }, 'populating failed');
    this.#deps = deps;
    const fill = async (request: GateRequest, freshUntilMs?: number) => {
      const result = await gate.populate(request, freshUntilMs);
      this.predictor.filled(request, result);
      return result;
    };
    this.#populator = new Populator({ ...deps, fill, limits: () => config().populate, fault });
    this.#standing = new StandingJobs(this.#populator, deps.log);
    const run = (schedule: ResolvedSchedule, freshUntilMs: number) => {
      const { promise, resolve } = Promise.withResolvers<boolean>();
      const id = this.#begin({ ...schedule, cause: 'schedule', freshUntilMs }, configured(schedule));
      const over = ({ state, done, fresh }: JobProgress) => void (state !== 'running' && resolve(done > fresh));
      this.#populator.jobs.follow(id, over);
      return promise;
    };
    this.#schedules = new Schedules({ ...deps, run });
    this.#journal = journal === undefined ? undefined : new PopulateJournal(journal, tasks, fault);
    this.predictor = new Predictor({
      ...{ clock: deps.clock, tasks, terms: () => config().populate.prediction },
      isStored: (uri) => isHeld(deps, uri),
      fill: (items) => {
        // Under the very URI, or nobody would know what came of it.
        const fillable = items.filter((item) => deps.requestOf(item)?.uri === item.uri);
        const isTaken = fillable.length > 0 && this.#standing.fill('prediction', fillable);
        return items.filter((item) => !isTaken || !fillable.includes(item)).map(({ uri }) => uri);
      },
    });
  }

  /** Resumes jobs that a restart broke off, runs the fills for the start, and begins the schedules. */
  start(): void {
    for (const { spec, forget, ...rest } of this.#journal?.unfinished() ?? []) {
      const id = this.#open(spec);
      void this.#feed(id, resumed(rest)).then((whole) => whole && forget());
    }
    const { onStart } = this.#deps.config().populate;
    if (onStart !== undefined) this.#begin({ cause: 'startup' }, configured(onStart));
    this.reloaded();
  }

  reloaded(): void {
    this.#schedules.update(this.#deps.config().schedule);
  }

  /** Stops sources where they are, so that their jobs count as unfinished and go on after a restart. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#sealing.values()) cancel();
    this.#schedules.stop();
    this.#populator.close();
    this.#journal?.close();
  }

  /** Fills again the entries that an invalidation has made outdated. */
  rehydrate(entries: readonly Rehydration[]): void {
    const items = entries.flatMap(({ key, uses }) => {
      const item = itemOfKey(key);
      return item === undefined ? [] : [{ ...item, hits: uses }];
    });
    if (items.length > 0) this.#standing.fill('rehydration', items);
  }

  begin({ items = [], refused = [], source, more = false, ...head }: PopulateStart): JobProgress {
    const id =
      source === undefined
        ? this.#open({ ...head, name: head.name ?? counted(items.length + refused.length, 'URL') })
        : this.#begin(head, source);
    if (source === undefined) this.give(id, { items, refused, more });
    return this.progress(id) as JobProgress;
  }

  give(id: string, portion: Parameters<PopulateApi['give']>[1]): void {
    this.#sealing.get(id)?.();
    this.#sealing.delete(id);
    try {
      this.#populator.add(id, portion.items);
      this.#populator.refuse(id, portion.refused);
    } catch (error) {
      this.#populator.jobs.seal(id, (error as Error).message);
      throw error;
    }
    if (!portion.more) return this.#populator.jobs.seal(id);
    const abandon = () => this.#populator.jobs.seal(id, 'expected more URLs within a minute, got none');
    this.#sealing.set(id, this.#deps.tasks.later(ABANDONED_MS, abandon));
  }

  state(): PopulateState {
    const prediction = this.predictor.figures();
    return {
      ...this.#populator.summary(),
      ...(prediction !== undefined && { prediction }),
      schedules: this.#schedules.states(),
      jobs: this.#populator.jobs.list(),
    };
  }

  progress(id: string): JobProgress | undefined {
    return this.#populator.jobs.progress(id);
  }

  follow(id: string, listener: (progress: JobProgress) => void): () => void {
    return this.#populator.jobs.follow(id, listener);
  }

  cancel(id: string): boolean {
    return this.#populator.cancel(id);
  }

  hooks(): ResolvedConfig['populate']['publish'] {
    return this.#deps.config().populate.publish;
  }

  #open(head: JobHead & Pick<JobSpec, 'freshUntilMs'>): string {
    const record = REPEATED.has(head.cause) ? undefined : this.#journal?.record(head);
    return this.#populator.jobs.create({ ...head, ...(record !== undefined && { record }) });
  }

  /** Opens a job, and passes it what the source delivers. */
  #begin(head: JobHead & Pick<JobSpec, 'freshUntilMs'>, source: UrlSource): string {
    const id = this.#open({ ...head, name: head.name ?? source.name });
    const turnAt = (originName: string) => this.#turn(id, originName);
    void this.#feed(id, portionsOf(source, { ...this.#deps, turnAt }));
    return id;
  }

  /** Waits for the pace of the job and of the origin. */
  async #turn(id: string, originName: string): Promise<void> {
    const waitMs = this.#populator.reserve(id, originName);
    for (let left = waitMs; left > 0; left -= LOOK_AGAIN_MS) {
      await pause(this.#deps, Math.min(left, LOOK_AGAIN_MS));
      if (!this.#isWanted(id)) throw new TidegateError('E_POPULATE', `expected job ${id} to run, got its end`);
    }
  }

  #isWanted(id: string): boolean {
    return !this.#closed && this.progress(id)?.state === 'running';
  }

  /**
   * Passes a source's items to a job, no faster than it fills them. Returns false when the gate closed before the end.
   */
  async #feed(id: string, source: Source): Promise<boolean> {
    try {
      for await (const { items, refused } of source) {
        while (this.#isWanted(id) && this.#populator.summary().waiting > ENOUGH_WAITING)
          await pause(this.#deps, LOOK_AGAIN_MS);
        if (!this.#isWanted(id)) return !this.#closed;
        this.#populator.add(id, items);
        this.#populator.refuse(id, refused);
      }
      if (!this.#closed) this.#populator.jobs.seal(id);
    } catch (error) {
      if (!this.#isWanted(id)) return !this.#closed;
      const expected = error instanceof TidegateError;
      this.#deps.log[expected ? 'warn' : 'error']({ err: error, job: id }, 'a source of URLs to fill failed');
      this.#populator.jobs.seal(id, (error as Error).message);
    }
    return !this.#closed;
  }
}

function pause({ tasks }: Pick<PopulationDeps, 'tasks'>, ms: number): Promise<void> {
  return new Promise((resolve) => void tasks.later(ms, resolve));
}

/** Whether the fastest tier holds a fresh response for the URI. */
function isHeld({ stores: [fastest], clock }: Pick<PopulationDeps, 'stores' | 'clock'>, uri: string): boolean {
  const found = fastest?.find({ kind: 'url', uri });
  if (found === undefined || !(Symbol.iterator in found)) return false;
  for (const note of found) {
    if (note.kind === 'response' && currentAgeMs(note.bornMs, clock.now()) < note.lifetimeMs) return true;
  }
  return false;
}

async function* resumed({ texts, sealed, error }: Pick<WrittenJob, 'texts' | 'sealed' | 'error'>): Source {
  for (let at = 0; at < texts.length; at += PORTION) {
    yield { items: texts.slice(at, at + PORTION).map(itemOf), refused: [] };
  }
  if (error !== undefined || !sealed) {
    throw new TidegateError(
      'E_POPULATE',
      error ?? 'expected all URLs of the job, got a restart before they were known',
    );
  }
}
