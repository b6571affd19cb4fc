// What both feeds of PostgreSQL take, offer and do: if asked to, they take up tables that were made after they were installed.

import { messageOf } from '../../errors.ts';
import type { ChangeFeed, Clock, Tasks } from '../../ports.ts';
import type { ShapeOf } from './relations.ts';
import type { ConnectPostgres } from './session.ts';

export interface PostgresFeedBase {
  readonly connect: ConnectPostgres;
  readonly shapeOf: ShapeOf;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Time between looks, should nothing else cause one. Default 500. */
  readonly heartbeatMs?: number | undefined;
  /** More changes at once are told as truncates of their tables. Default 5,000, which take some 50 ms to match. */
  readonly maxChanges?: number | undefined;
  /** Installs the feed on tables that were made later. Default: the status names them, and the feed leaves them out. */
  readonly extend?: (() => Promise<void>) | undefined;
}

export interface PostgresFeed extends ChangeFeed {
  /** Whether changes of the table are told. Nobody may keep anything that reads another table. */
  watches(schema: string, table: string): boolean;
}

export function pause(tasks: Tasks, delayMs: number): Promise<void> {
  return new Promise((resolve) => void tasks.later(delayMs, resolve));
}

export const MAX_CHANGES = 5_000;
export const RETRY = { firstMs: 100, mostMs: 5_000 };

const AGAIN_MS = 1_000;
const AGAIN_MAX_MS = 60_000;

export class LateTables {
  readonly #clock: Clock;
  /** Installs the feed for all tables that exist now. Without it, only `feed install` takes tables up. */
  readonly #extend: (() => Promise<void>) | undefined;
  #isBusy = false;
  /** Tables of the last attempt. */
  #known = '';
  #nextAtMs = Number.NEGATIVE_INFINITY;
  #delayMs = AGAIN_MS;
  /** Why the tables could not be taken up. Undefined when they were, or nobody tried. */
  problem: string | undefined;

  constructor({ clock, extend }: Pick<PostgresFeedBase, 'clock' | 'extend'>) {
    this.#clock = clock;
    this.#extend = extend;
  }

  /** `untold`: one text for each table that the feed does not tell of, as now known. */
  take(untold: readonly string[]): void {
    if (untold.length === 0) this.problem = undefined;
    if (this.#extend === undefined || untold.length === 0 || this.#isBusy) return;
    const now = this.#clock.monotonic();
    const known = untold.join('\n');
    if (known === this.#known && now < this.#nextAtMs) return;
    this.#delayMs = known === this.#known ? Math.min(this.#delayMs * 2, AGAIN_MAX_MS) : AGAIN_MS;
    this.#known = known;
    this.#nextAtMs = now + this.#delayMs;
    this.#isBusy = true;
    const done = (problem: string | undefined) => {
      this.problem = problem;
      this.#isBusy = false;
    };
    this.#extend().then(
      () => done(undefined),
      (error: unknown) => done(`expected to install the feed on tables made later, got: ${messageOf(error)}`),
    );
  }
}
