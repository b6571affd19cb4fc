// Fills entries while no client waits, for one gate: the populator, its sources and schedules, the fills at the start
// and after an invalidation, and the jobs that go on after a restart.

import type { Logger } from 'pino';
import type { PopulateApi, PopulateStart } from '../../admin/contract.ts';
import type { Gate, GateRequest, Rehydration } from '../../engine/contract.ts';
import { itemOf, itemOfKey, type PopulateItem } from '../../engine/populate/populate-item.ts';
import type { JobProgress, JobSpec } from '../../engine/populate/populate-job.ts';
import { Populator } from '../../engine/populate/populator.ts';
import { TidegateError } from '../../errors.ts';
import type { Clock, Random, Store, Tasks } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { SourceOutput } from '../config/config-schema.ts';
import { PopulateJournal, type WrittenJob } from './journal.ts';
import { Schedules } from './schedules.ts';
import { fromSitemap, fromStores, type Source, type SourceDeps, sourceName, sourceOf, urlsText } from './sources.ts';

export interface PopulationDeps {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  readonly gate: Pick<Gate, 'populate'>;
  /** Fastest first. */
  readonly stores: readonly Pick<Store, 'find'>[];
  /** How often clients used an entry since it was filled. */
  readonly usesOf: (key: string) => number;
  /** The configuration in force. */
  readonly config: () => ResolvedConfig;
  /** The request that a client's for the URL would become; returns undefined when no route takes it. */
  readonly requestOf: (item: PopulateItem) => GateRequest | undefined;
  readonly log: Logger;
  /** Folder for jobs; undefined: a restart ends them. One process owns it. */
  readonly journal: string | undefined;
}

interface ConfiguredJob extends SourceOutput {
  readonly cause: JobSpec['cause'];
  readonly name?: string;
  readonly concurrency?: number | undefined;
  readonly ratePerSecond?: number | undefined;
}

/** A job that gets no more portions is sealed after this time. */
const ABANDONED_MS = 60_000;
/** A source waits while this many URLs wait. */
const ENOUGH_WAITING = 100_000;
const LOOK_AGAIN_MS = 100;

export class Population implements PopulateApi {
  readonly #deps: PopulationDeps;
  readonly #populator: Populator;
  readonly #schedules: Schedules;
  readonly #journal: PopulateJournal | undefined;
  /** Cancels the timer that would seal a job given in portions. */
  readonly #patience = new Map<string, () => void>();
  #closed = false;
  #rehydration: string | undefined;

  constructor(deps: PopulationDeps) {
    const { clock, tasks, random, gate, requestOf, config, journal } = deps;
    const fault = (error: unknown) => deps.log.error({ err: error }, 'populating failed');
    this.#deps = deps;
    this.#populator = new Populator({
      clock,
      tasks,
      random,
      requestOf,
      fill: (request) => gate.populate(request),
      limits: () => config().populate,
      fault,
    });
    this.#schedules = new Schedules({
      clock,
      tasks,
      run: (schedule) => this.#over(this.#fromConfig({ ...schedule, cause: 'schedule' })),
    });
    this.#journal = journal === undefined ? undefined : new PopulateJournal(journal, tasks, fault);
  }

  /** Resumes jobs that a restart broke off, runs the fills for the start, and begins the schedules. */
  start(): void {
    for (const { spec, forget, ...rest } of this.#journal?.unfinished() ?? []) {
      const id = this.#open(spec);
      void this.#feed(id, resumed(rest)).then((whole) => whole && forget());
    }
    const { onStart } = this.#deps.config().populate;
    if (onStart !== undefined) this.#fromConfig({ ...onStart, cause: 'startup' });
    this.reloaded();
  }

  /** The configuration has changed. */
  reloaded(): void {
    this.#schedules.update(this.#deps.config().schedule);
  }

  /** Stops sources where they are, so that their jobs count as unfinished and go on after a restart. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#patience.values()) cancel();
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
    if (items.length === 0) return;
    const id = this.#rehydrationJob();
    try {
      this.#populator.add(id, items);
    } catch (error) {
      // Too many URLs wait already; these are filled when a client asks.
      this.#deps.log.warn({ err: error }, 'entries were not filled again after an invalidation');
    }
    if (id === this.#rehydration) return;
    this.#rehydration = id;
    this.#populator.follow(id, ({ done, total }) => void (done === total && this.#populator.seal(id)));
  }

  begin(start: PopulateStart): JobProgress {
    const { cause, items, refused, source, more } = start;
    const name = start.name ?? source?.name ?? urlsText((items?.length ?? 0) + (refused?.length ?? 0));
    const id = this.#open({ ...start, cause, name });
    if (source !== undefined) void this.#feed(id, this.#sourceFor(id, source));
    else this.give(id, { items: items ?? [], refused: refused ?? [], more: more ?? false });
    return this.progress(id) as JobProgress;
  }

  give(id: string, portion: Parameters<PopulateApi['give']>[1]): void {
    this.#patience.get(id)?.();
    this.#patience.delete(id);
    try {
      this.#populator.add(id, portion.items);
      const refused = portion.refused.map((url) => ({ url, reason: 'not-a-url' }));
      this.#populator.refuse(id, refused);
    } catch (error) {
      this.#populator.seal(id, (error as Error).message);
      throw error;
    }
    if (!portion.more) return this.#populator.seal(id);
    const impatient = () => this.#populator.seal(id, 'expected more URLs within a minute, got none');
    this.#patience.set(id, this.#deps.tasks.later(ABANDONED_MS, impatient));
  }

  state(): ReturnType<PopulateApi['state']> {
    return { ...this.#populator.summary(), schedules: this.#schedules.states(), jobs: this.#populator.list() };
  }

  progress(id: string): JobProgress | undefined {
    return this.#populator.progress(id);
  }

  follow(id: string, listener: (progress: JobProgress) => void): () => void {
    return this.#populator.follow(id, listener);
  }

  cancel(id: string): boolean {
    return this.#populator.cancel(id);
  }

  /** One job while there is anything to fill again, so that many invalidations do not make many jobs. */
  #rehydrationJob(): string {
    const last = this.#rehydration === undefined ? undefined : this.progress(this.#rehydration);
    const takesMore = last?.state === 'running' && !last.sealed;
    return takesMore ? last.id : this.#populator.open({ cause: 'rehydration' });
  }

  #open(spec: Omit<ConfiguredJob, keyof SourceOutput>): string {
    const { cause, name, concurrency, ratePerSecond } = spec;
    const head = {
      cause,
      ...(name !== undefined && { name }),
      ...(concurrency !== undefined && { concurrency }),
      ...(ratePerSecond !== undefined && { ratePerSecond }),
    };
    // Not written down for a schedule or a start: the next one repeats the whole work.
    const kept = cause !== 'schedule' && cause !== 'startup' ? this.#journal : undefined;
    return this.#populator.open({ ...head, ...(kept !== undefined && { record: kept.record(head) }) });
  }

  #fromConfig(what: ConfiguredJob): string {
    const id = this.#open({ ...what, name: what.name ?? sourceName(what) });
    void this.#feed(id, sourceOf(what, this.#sourceDeps(id)));
    return id;
  }

  #sourceFor(id: string, source: NonNullable<PopulateStart['source']>): Source {
    if (source.kind === 'sitemap') return fromSitemap(source.url, this.#sourceDeps(id), source.fields);
    return fromStores(source.selectors, this.#sourceDeps(id));
  }

  #sourceDeps(id: string): SourceDeps {
    const { requestOf, stores, usesOf } = this.#deps;
    return { requestOf, stores, usesOf, turnAt: (originName) => this.#turn(id, originName) };
  }

  /** Waits for the pace of the job and of the origin. */
  async #turn(id: string, originName: string): Promise<void> {
    const waitMs = this.#populator.reserve(id, originName);
    for (let left = waitMs; left > 0; left -= LOOK_AGAIN_MS) {
      await this.#pause(Math.min(left, LOOK_AGAIN_MS));
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
      for await (const { items, refused = [] } of source) {
        while (this.#isWanted(id) && this.#populator.summary().waiting > ENOUGH_WAITING)
          await this.#pause(LOOK_AGAIN_MS);
        if (!this.#isWanted(id)) return !this.#closed;
        this.#populator.add(id, items);
        this.#populator.refuse(id, refused);
      }
      if (!this.#closed) this.#populator.seal(id);
    } catch (error) {
      if (!this.#isWanted(id)) return !this.#closed;
      const expected = error instanceof TidegateError;
      this.#deps.log[expected ? 'warn' : 'error']({ err: error, job: id }, 'a source of URLs to fill failed');
      this.#populator.seal(id, (error as Error).message);
    }
    return !this.#closed;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#deps.tasks.later(ms, resolve));
  }

  #over(id: string): Promise<void> {
    return new Promise((resolve) => {
      this.#populator.follow(id, ({ state }) => void (state !== 'running' && resolve()));
    });
  }
}

async function* resumed({ texts, sealed, error }: Pick<WrittenJob, 'texts' | 'sealed' | 'error'>): Source {
  const portion = 500;
  for (let at = 0; at < texts.length; at += portion) yield { items: texts.slice(at, at + portion).map(itemOf) };
  if (error !== undefined) throw new TidegateError('E_POPULATE', error);
  if (!sealed)
    throw new TidegateError('E_POPULATE', 'expected all URLs of the job, got a restart before they were known');
}
