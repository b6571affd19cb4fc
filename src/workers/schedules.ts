// The schedules of a gate on Workers: a part of `createGate`. One object keeps what those of the whole site have to remember.

import type { PopulateResult } from '../engine/contract.ts';
import { populateOne } from '../engine/populate/fill.ts';
import { shown, TidegateError } from '../errors.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import type { WorkersTier } from '../site/workers-types.ts';
import type { ObjectBase } from './coordinator.ts';
import type { WorkersGate } from './gate.ts';
import { objectsOf } from './objects.ts';
import type { Bindings, Passage } from './platform.ts';
import { UsesHere } from './popularity.ts';
import { routed } from './requests.ts';
import { notingClass, type ScheduleKeeper } from './schedule-notes.ts';
import { runSchedule, type ScheduleRun } from './scheduled.ts';

/** The schedules of one gate. */
export interface SchedulesOfGate {
  /** A request for the URI has come. */
  used(uri: string, passage: Omit<Passage, 'request'>): void;
  /**
   * Fills what the schedules of the cron expression name. Rejects with the first failure, once all are over: E_POPULATE where a
   * source cannot be read.
   */
  run(cron: string, passage: Omit<Passage, 'request'>): Promise<readonly ScheduleRun[]>;
}

/** The schedules as a part of `createGate`. */
export interface SchedulesPart {
  of(gate: ScheduledGate): SchedulesOfGate;
  /** The base class of the log's objects, with what schedules have to remember. */
  noting(Base: ObjectBase): ObjectBase;
}

/** For `schedule` of the configuration. */
export const schedules: SchedulesPart = {
  of: (gate) => new Schedules(gate),
  noting: notingClass,
};

type ScheduledGate = Pick<
  WorkersGate,
  'settings' | 'router' | 'platform' | 'past' | 'shardName' | 'shard' | 'ask' | 'serving'
>;

/** No shard has a name with a space in it. */
const OBJECT = 'tidegate schedules';

class Schedules implements SchedulesOfGate {
  readonly #gate: ScheduledGate;
  /** Undefined: no schedule asks for them. */
  readonly #uses: UsesHere | undefined;

  constructor(gate: ScheduledGate) {
    this.#gate = gate;
    const { schedule } = gate.settings;
    this.#uses = schedule.some(({ manifest }) => manifest === true) ? new UsesHere() : undefined;
  }

  used(uri: string, { env, context }: Omit<Passage, 'request'>): void {
    if (this.#uses === undefined) return;
    this.#uses.note(uri);
    const { platform, past } = this.#gate;
    const due = this.#uses.due(platform.clock.monotonic());
    const told = due && this.#keeper(env).addUses(due);
    if (told !== undefined) context.waitUntil(told.catch((error: unknown) => past.fault(error)));
  }

  async run(cron: string, { env, context }: Omit<Passage, 'request'>): Promise<readonly ScheduleRun[]> {
    const keeper = this.#keeper(env);
    const { settings, past, platform } = this.#gate;
    const triggered = settings.schedule.filter((schedule) => schedule.cron === cron);
    if (triggered.length === 0) past.fault(unknownCron(settings, cron));
    const at = (url: string) => ({ env, context, request: new Request(url) });
    const runs = triggered.map((schedule) =>
      runSchedule(schedule, {
        ...{ fetch: async (url) => this.#fetch(at(url)), fill: (url, untilMs) => this.#fill(at(url), untilMs) },
        ...{ concurrency: settings.populate.concurrency, fault: (error) => past.fault(error) },
        now: platform.clock.now(),
        maxFills: Math.max(1, Math.floor(fillsOf(settings) / triggered.length)),
        mostUsed: (count) => keeper.mostUsed(count),
        place: { get: (name) => keeper.place(name), set: (name, text) => keeper.setPlace(name, text) },
      }),
    );
    await Promise.allSettled(runs);
    return Promise.all(runs);
  }

  /** Undefined: no route takes it. */
  #fetch(passage: Passage): Response | Promise<Response> | undefined {
    const { request } = passage;
    const found = routed(request, this.#gate.router);
    if (found.kind === 'refused') return undefined;
    return this.#gate.ask(passage, found.site, { request, addTags: () => undefined });
  }

  /** Undefined: no route takes it. */
  async #fill(passage: Passage, freshUntilMs: number): Promise<PopulateResult | undefined> {
    const gate = this.#gate;
    const found = routed(passage.request, gate.router);
    if (found.kind === 'refused' || found.asked === undefined) return undefined;
    const { site, asked } = found;
    const name = gate.shardName(passage.request, site);
    const shard = await gate.shard(name, passage);
    const filled = shard.served.unattended(gate.serving(passage, { site, asked, name, shard }));
    return populateOne(shard.served.engine.context, filled, freshUntilMs);
  }

  #keeper(env: Bindings): ScheduleKeeper {
    const { binding } = this.#gate.settings.coherence;
    const place = { key: 'coherence.binding', name: binding, className: 'TidegateLog' };
    return objectsOf<ScheduleKeeper>(env, place)(OBJECT);
  }
}

/** The cron trigger may be another's, such as the application's own: nobody but the operator can tell. */
function unknownCron({ schedule }: Pick<ResolvedWorkersConfig, 'schedule'>, cron: string): TidegateError {
  const known = schedule.map((one) => one.cron).join(', ') || 'which there is none of';
  return new TidegateError(
    'E_POPULATE',
    `expected the cron expression of a schedule, ${known}, got ${shown(cron)}: nothing was filled`,
  );
}

/** Of a run: a renewal of the lease, the place read and written, a sitemap and an index, the list of the most used. */
const OVERHEAD = 6;
/** Of a fill, at most: a look-up and what is stored after it. */
const CALLS: Readonly<Record<WorkersTier, number>> = { memory: 0, 'workers-cache': 2, 'cache-api': 3, kv: 5 };

/** Fills that one run of all schedules has subrequests for. */
function fillsOf({ tiers, populate }: Pick<ResolvedWorkersConfig, 'tiers' | 'populate'>): number {
  const calls = tiers.reduce((sum, tier) => sum + CALLS[tier], 1);
  return Math.max(1, Math.floor((populate.subrequests - OVERHEAD) / calls));
}
