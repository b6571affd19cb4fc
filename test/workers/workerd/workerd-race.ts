// The race of simulated time in real workerd and in real time: the same readers, writers and checker.

import { Dice } from '../../sim/dice.ts';
import type { SourceEdit } from '../../sim/source-edits.ts';
import { bundleOf } from '../platform/bundle.ts';
import type { ServedRequest } from '../platform/network.ts';
import type { Passage } from '../platform/world.ts';
import { invalidation, type RaceSettings } from '../race/bench.ts';
import { Checker } from '../race/checker.ts';
import { LIST, VersionedOrigin } from '../race/origin.ts';
import { type Load, type RaceBench, race } from '../race/race.ts';
import { DatabaseTruth } from './database-truth.ts';
import { ISOLATES, Workerd } from './harness.ts';

export interface WorkerdScenario {
  readonly name: string;
  readonly settings: RaceSettings;
  readonly load: Load;
  readonly boundMs?: number;
  readonly quietMs: number;
  readonly faults?: WorkerdFaults;
  /** How long KV lags. Default 0. */
  readonly lagMs?: number;
  /** The truth is in D1, which is drained so often, and written straight, too: it may be outdated for so long then. */
  readonly database?: { readonly drainMs: number; readonly boundMs: number };
  /** What must have happened in a race that shows anything. */
  readonly meets?: readonly string[];
}

export interface WorkerdFaults {
  /** Chance that a call fails, by service. */
  readonly fails?: Readonly<Record<string, number>>;
  /** Every call takes up to so long, by service. */
  readonly slowMs?: Readonly<Record<string, number>>;
  /** Services that are gone, all at once, for a while, again and again. */
  readonly outages?: readonly string[];
  /** Processes that are killed, one after the other: a data centre's name, or `home`, which has what all share. */
  readonly kills?: readonly string[];
  /** Time to the next, at most. Default 2,000. */
  readonly killsEveryMs?: number;
  /** Durable Objects that lose their memory, as `BINDING/NAME`. */
  readonly aborts?: readonly string[];
  /** Chance that a client leaves soon. */
  readonly leaves?: number;
}

export interface WorkerdResult {
  readonly checker: Checker;
  readonly calls: ReadonlyMap<string, number>;
  readonly happened: ReadonlyMap<string, number>;
  /** Of what the scenario is to meet, what did not happen. */
  readonly missed: readonly string[];
}

/** `edits`: a mutant. */
export async function raceInWorkerd(
  scenario: WorkerdScenario,
  seed: number,
  edits: readonly SourceEdit[] = [],
): Promise<WorkerdResult> {
  const { settings, load, boundMs, quietMs, faults = {}, lagMs = 0, database, meets = [] } = scenario;
  const bundled = (name: string, some: readonly SourceEdit[]) =>
    bundleOf({ entry: `${import.meta.dirname}/${name}-worker.ts`, format: 'esm', edits: some });
  const dice = new Dice(seed);
  const origin = new VersionedOrigin(dice);
  const workerd = new Workerd({
    ...{
      script: await bundled(database === undefined ? settings.app : 'd1', edits),
      kvScript: await bundled('kv', []),
    },
    ...{ dice, lagMs, origin: (request) => served(origin, request) },
    ...{ settings: { ...settings, drainMs: database?.drainMs }, hasDatabase: database !== undefined },
    objects: {
      ...(settings.app === 'gate' && { TIDEGATE_LOG: 'TidegateLog' }),
      ...(database !== undefined && { DRAIN: 'Drain' }),
    },
  });
  const { dataCentres, calls, happened } = workerd;
  const chaos = new Chaos(workerd, faults, dice);
  const { ORIGIN = 0, DB = 0 } = faults.fails ?? {};
  const originFails = () => chaos.goesOn && ORIGIN + DB > 0;
  const truth = database === undefined ? undefined : new DatabaseTruth(workerd);
  // What has been committed in D1, nobody in the test knows at once.
  const newest = truth === undefined ? origin : { version: () => Number.POSITIVE_INFINITY };
  const checker = new Checker({ origin: newest, now: () => performance.now(), boundMs, originFails });
  const bench: RaceBench = {
    ...{
      world: { dice, pause, trace: () => undefined },
      checker,
      origin: truth ?? origin,
      dataCentres,
      quietMs,
      isolates: ISOLATES,
    },
    ...{ invalidate: invalidation, listIsTold: !load.ways.includes('url') },
    // A write that failed in D1 is one of unknown outcome for half a minute.
    isCachedAgain: settings.tiers.includes('memory') && DB === 0,
    chaos: async () => {
      const writes = async () => {
        const written = await truth?.write();
        if (written === undefined) return;
        checker.acknowledge(written.path, written.version, database?.boundMs);
        checker.acknowledge(LIST, written.list, database?.boundMs);
      };
      await Promise.all([chaos.begin(), chaos.again(truth !== undefined, 400, writes)]);
      await truth?.settle();
    },
    calm: () => chaos.end(),
  };
  try {
    await workerd.ready();
    await truth?.install();
    await race(bench, load);
  } finally {
    await workerd.dispose();
  }
  for (const [what, count] of Object.entries(workerd.cached))
    if (count > 0) happened.set(`Workers Cache ${what}`, count);
  return { checker, calls, happened, missed: meets.filter((what) => !happened.has(what)) };
}

const pause = (delayMs: number) => new Promise<void>((resolve) => void setTimeout(resolve, delayMs));

async function served(origin: VersionedOrigin, request: Request): Promise<Response> {
  const { status, headers, parts } = origin.serve({
    method: request.method,
    url: new URL(request.url),
    headers: request.headers,
    body: await request.text(),
  } satisfies ServedRequest);
  for (const { afterMs } of parts) await pause(Math.min(afterMs, 20));
  return new Response(parts.length === 0 ? null : parts.map(({ text }) => text).join(''), { status, headers });
}

const FATES = ['fails before', 'fails after'] as const;
const SOON_MS = 60;

/** What goes wrong in one race, as long as it lasts. */
export class Chaos {
  goesOn = false;
  readonly #workerd: Workerd;
  readonly #faults: WorkerdFaults;
  readonly #dice: Dice;
  #isOut = false;

  constructor(workerd: Workerd, faults: WorkerdFaults, dice: Dice) {
    this.#workerd = workerd;
    this.#faults = faults;
    this.#dice = dice;
    workerd.passage = (service) => this.#passage(service);
    workerd.leavesAfterMs = () => {
      return this.goesOn && dice.chance(faults.leaves ?? 0) ? dice.below(SOON_MS) : undefined;
    };
  }

  async begin(): Promise<void> {
    const { outages = [], kills = [], killsEveryMs = 2_000, aborts = [] } = this.#faults;
    this.goesOn = true;
    await Promise.all([
      this.again(outages.length > 0, 1_500, () => this.#outage()),
      this.again(kills.length > 0, killsEveryMs, () => this.#workerd.kill(this.#dice.pick(kills))),
      this.again(aborts.length > 0, 800, async () => {
        this.#workerd.count('objects aborted');
        await this.#workerd.call(`/abort/${this.#dice.pick(aborts)}`);
      }),
    ]);
  }

  end(): void {
    this.goesOn = false;
  }

  async again(isWanted: boolean, everyMs: number, fault: () => Promise<unknown>): Promise<void> {
    while (isWanted && this.goesOn) {
      await pause(this.#dice.below(everyMs));
      if (this.goesOn) await fault();
    }
  }

  async #outage(): Promise<void> {
    this.#isOut = true;
    await pause(this.#dice.below(1_500));
    this.#isOut = false;
  }

  #passage(service: string): Partial<Passage> {
    const { fails = {}, slowMs = {}, outages = [] } = this.#faults;
    if (!this.goesOn) return {};
    if (this.#isOut && outages.includes(service)) {
      this.#workerd.count('calls in an outage');
      return { fate: 'fails before' };
    }
    const thereMs = this.#dice.below((slowMs[service] ?? 0) + 1);
    if (!this.#dice.chance(fails[service] ?? 0)) return { thereMs };
    this.#workerd.count('calls failed');
    return { thereMs, fate: this.#dice.pick(FATES) };
  }
}
