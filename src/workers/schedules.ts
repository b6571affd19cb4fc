// The schedules of a gate on Workers, and the object that keeps what they have to remember: one for the whole site.

import type { Clock } from '../ports.ts';
import type { ResolvedWorkersConfig } from '../site/workers-config.ts';
import type { WorkersTier } from '../site/workers-types.ts';
import type { Bindings, ExecutionContext, ObjectNamespace } from './platform.ts';
import { type Uses, UsesHere } from './popularity.ts';
import { runSchedule, type Schedule, type ScheduleParts, type ScheduleRun } from './scheduled.ts';

/** What the object does for schedules, by RPC. */
export interface ScheduleKeeper {
  place(name: string): Promise<string | undefined>;
  setPlace(name: string, text: string): Promise<void>;
  addUses(uses: Uses): Promise<void>;
  mostUsed(count: number): Promise<readonly string[]>;
}

export interface SchedulesParts {
  readonly schedules: readonly Schedule[];
  /** Name of the binding of the objects. */
  readonly binding: string;
  /** Fills that one run has subrequests for. */
  readonly maxFills: number;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly fault: (error: unknown) => void;
}

/** No shard has a name with a space in it. */
const OBJECT = 'tidegate schedules';

export class Schedules {
  readonly #parts: SchedulesParts;
  /** Undefined: no schedule asks for them. */
  readonly #uses: UsesHere | undefined;

  constructor(parts: SchedulesParts) {
    this.#parts = parts;
    this.#uses = parts.schedules.some(({ manifest }) => manifest === true) ? new UsesHere() : undefined;
  }

  /** A request for the URI has come. */
  used(uri: string, env: Bindings, context: Pick<ExecutionContext, 'waitUntil'>): void {
    if (this.#uses === undefined) return;
    this.#uses.note(uri);
    const due = this.#uses.due(this.#parts.clock.monotonic());
    if (due !== undefined) context.waitUntil(this.#keeper(env).addUses(due).catch(this.#parts.fault));
  }

  /** Runs those of the cron expression that has triggered. Rejects with the first failure, once all are over. */
  async run(cron: string, env: Bindings, site: Pick<ScheduleParts, 'fetch' | 'fill'>): Promise<readonly ScheduleRun[]> {
    const keeper = this.#keeper(env);
    const { maxFills, concurrency, fault } = this.#parts;
    const triggered = this.#parts.schedules.filter((schedule) => schedule.cron === cron);
    const runs = triggered.map((schedule) =>
      runSchedule(schedule, {
        ...{ ...site, concurrency, fault },
        maxFills: Math.max(1, Math.floor(maxFills / triggered.length)),
        mostUsed: (count) => keeper.mostUsed(count),
        place: { get: (name) => keeper.place(name), set: (name, text) => keeper.setPlace(name, text) },
      }),
    );
    await Promise.allSettled(runs);
    return Promise.all(runs);
  }

  #keeper(env: Bindings): ScheduleKeeper {
    const namespace = env[this.#parts.binding] as ObjectNamespace<ScheduleKeeper>;
    return namespace.get(namespace.idFromName(OBJECT));
  }
}

/** Of a run: a renewal of the lease, the place read and written, a sitemap and an index, the list of the most used. */
const OVERHEAD = 6;
/** Of a fill, at most: a look-up and what is stored after it. */
const CALLS: Readonly<Record<WorkersTier, number>> = { memory: 0, 'workers-cache': 2, 'cache-api': 3, kv: 5 };

/** Fills that one run of all schedules has subrequests for. */
export function fillsOf({ tiers, populate }: Pick<ResolvedWorkersConfig, 'tiers' | 'populate'>): number {
  const calls = tiers.reduce((sum, tier) => sum + CALLS[tier], 1);
  return Math.max(1, Math.floor((populate.subrequests - OVERHEAD) / calls));
}
