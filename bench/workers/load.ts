// The workload: clients of every isolate ask for pages, popular ones more often, while a writer changes pages and invalidates
// their tags. All systems see the same requests at the same times.

import { Counters, type Counts } from '../../src/workers/counters.ts';
import { Dice } from '../../test/sim/dice.ts';
import { type Rows, Site, type System, tagOf } from './site.ts';

export interface Load {
  /** Share of requests that the caches could answer at best. */
  readonly hitRatio: number;
  readonly pages: number;
  readonly writesPerSecond: number;
  /** From the instant at which the origin reads its page until the answer has arrived. */
  readonly originMs: number;
  /** Measured simulated time. */
  readonly seconds: number;
  readonly seed: number;
}

export const CENTRES = 2;
export const ISOLATES = 2;
export const REQUESTS_PER_SECOND = 50;

/** What is not measured here: for all systems the same, for each run of a Worker and each call of an object. */
export const ASSUMED_CPU_MS = 1;
export const ASSUMED_OBJECT_MS = 5;
const OBJECT_GB = 0.128;
/** Service names of Durable Objects. */
const COORDINATOR = /^(?:Durable Object|coordinator)/;

export interface Outdated {
  /** Answers older than a change whose invalidation had been acknowledged when they were asked for. */
  readonly answers: number;
  /** Longest time between that acknowledgement and the request. */
  readonly longestMs: number;
}

export interface Figures {
  readonly reads: number;
  readonly invalidations: number;
  /** Invalidations that the system said it could not do. */
  readonly refused: number;
  readonly hitRatio: number;
  readonly counts: Counts;
  /** Operations of R2, which Tidegate does not use. */
  readonly r2: { readonly reads: number; readonly writes: number };
  readonly coordinationPerRequest: number;
  readonly storagePerRequest: number;
  readonly outdated: Outdated;
  /** The same, measured from invalidations that were refused. */
  readonly outdatedAfterRefusal: Outdated;
}

export async function measure(system: System, load: Load): Promise<Figures> {
  const { seed, originMs } = load;
  const site = new Site(system, { seed, originMs, centres: CENTRES, isolates: ISOLATES });
  const run = new Run(site, load);
  return site.world.run(run.whole());
}

class Run {
  readonly #site: Site;
  readonly #load: Load;
  readonly #done = { acknowledged: new Changes(), refused: new Changes() };
  readonly #late = { acknowledged: { answers: 0, longestMs: 0 }, refused: { answers: 0, longestMs: 0 } };
  #reads = 0;
  #writes = 0;
  #refused = 0;
  readonly #popular: (dice: Dice) => string;

  constructor(site: Site, load: Load) {
    this.#site = site;
    this.#load = load;
    this.#popular = zipf(load.pages);
  }

  async whole(): Promise<Figures> {
    const { world, members } = this.#site;
    for (let page = 0; page < this.#load.pages; page++) {
      await Promise.all(members.map((member) => this.#site.read(member, pathOf(page))));
    }
    await world.pause(2_000);
    const before = this.#state();
    const end = world.now + this.#load.seconds * 1_000;
    await Promise.all([...members.map((_, at) => this.#clients(at, end)), this.#writer(end)]);
    return this.#figures(before);
  }

  async #clients(at: number, end: number): Promise<void> {
    const { world } = this.#site;
    const dice = new Dice(this.#load.seed * 1_000 + at);
    // A change costs each isolate a miss; the rest of the misses are pages that nobody asks for twice.
    const once = Math.max(0, 1 - this.#load.hitRatio - this.#load.writesPerSecond / REQUESTS_PER_SECOND);
    const under: Promise<void>[] = [];
    for (let number = 0; ; number++) {
      await world.pause((-Math.log(1 - dice.next()) * 1_000) / REQUESTS_PER_SECOND);
      if (world.now >= end) break;
      under.push(this.#read(at, dice.chance(once) ? `/once/${at}/${number}` : this.#popular(dice)));
    }
    await Promise.all(under);
  }

  async #read(at: number, path: string): Promise<void> {
    const { world, members } = this.#site;
    const asked = world.now;
    const expected = { acknowledged: this.#done.acknowledged.at(path), refused: this.#done.refused.at(path) };
    const { version } = await this.#site.read(members[at] as (typeof members)[number], path);
    this.#reads++;
    for (const kind of ['acknowledged', 'refused'] as const) {
      const since = expected[kind].find((change) => change.version > version)?.at;
      if (since === undefined) continue;
      this.#late[kind].answers++;
      this.#late[kind].longestMs = Math.max(this.#late[kind].longestMs, asked - since);
      break;
    }
  }

  async #writer(end: number): Promise<void> {
    const { world, members } = this.#site;
    const dice = new Dice(this.#load.seed * 1_000 + 999);
    const under: Promise<void>[] = [];
    while (this.#load.writesPerSecond > 0) {
      await world.pause((-Math.log(1 - dice.next()) * 1_000) / this.#load.writesPerSecond);
      if (world.now >= end) break;
      under.push(this.#write(dice.pick(members), this.#popular(dice)));
    }
    await Promise.all(under);
  }

  async #write(member: Site['members'][number], path: string): Promise<void> {
    const version = this.#site.commit(path);
    const isDone = await this.#site.invalidate(member, tagOf(path));
    this.#writes++;
    if (!isDone) this.#refused++;
    this.#done[isDone ? 'acknowledged' : 'refused'].add(path, { version, at: this.#site.world.now });
  }

  #state(): Progress {
    const { world, deployment, fills } = this.#site;
    return { calls: new Map(world.calls), rows: deployment.rows(), fills, workerRuns: deployment.workerRuns?.() };
  }

  #figures(before: Progress): Figures {
    const now = this.#state();
    const calls = (pattern: RegExp) =>
      [...now.calls].reduce(
        (sum, [name, count]) => sum + (pattern.test(name) ? count - (before.calls.get(name) ?? 0) : 0),
        0,
      );
    const requests = this.#reads + this.#writes;
    const objectRequests = calls(COORDINATOR);
    const counts: Counts = {
      ...new Counters().counts(),
      requests,
      cpuMs: (now.workerRuns === undefined ? requests : now.workerRuns - (before.workerRuns ?? 0)) * ASSUMED_CPU_MS,
      subrequests: calls(/./),
      kvReads: calls(/^KV get/),
      kvWrites: calls(/^KV put/),
      kvDeletes: calls(/^KV delete/),
      kvLists: calls(/^KV list/),
      objectRequests,
      objectGbSeconds: objectRequests * (ASSUMED_OBJECT_MS / 1_000) * OBJECT_GB,
      ...differences(now.rows, before.rows),
    };
    return {
      reads: this.#reads,
      invalidations: this.#writes,
      refused: this.#refused,
      hitRatio: 1 - (now.fills - before.fills) / this.#reads,
      counts,
      r2: { reads: calls(/^R2 get/), writes: calls(/^R2 (?:put|delete)/) },
      coordinationPerRequest: (objectRequests + calls(/^D1/)) / requests,
      storagePerRequest: calls(/^(?:KV|R2|Cache API|Workers Cache)/) / requests,
      outdated: this.#late.acknowledged,
      outdatedAfterRefusal: this.#late.refused,
    };
  }
}

interface Progress {
  readonly calls: ReadonlyMap<string, number>;
  readonly rows: Rows;
  readonly fills: number;
  readonly workerRuns: number | undefined;
}

interface Change {
  readonly version: number;
  readonly at: number;
}

/** Changes of each page, in the order of their versions. */
class Changes {
  readonly #of = new Map<string, Change[]>();

  add(path: string, change: Change): void {
    this.#of.set(
      path,
      [...this.at(path), change].sort((one, other) => one.version - other.version),
    );
  }

  at(path: string): readonly Change[] {
    return this.#of.get(path) ?? [];
  }
}

function differences(now: Rows, before: Rows): Rows {
  const names = Object.keys(now) as (keyof Rows)[];
  return Object.fromEntries(names.map((name) => [name, now[name] - before[name]])) as unknown as Rows;
}

const pathOf = (page: number) => `/page/${page}`;

/** Draws a page: the popularity of pages falls as one divided by their rank. */
function zipf(pages: number): (dice: Dice) => string {
  const sums: number[] = [];
  for (let rank = 1; rank <= pages; rank++) sums.push((sums.at(-1) ?? 0) + 1 / rank);
  return (dice) => {
    const drawn = dice.next() * (sums.at(-1) as number);
    return pathOf(sums.findIndex((sum) => sum > drawn));
  };
}
