// The parts of one race, put together for one seed: the platform, the origin, what the Worker is bound to, and the faults.

import type { SourceEdit } from '../../sim/source-edits.ts';
import { bundleOf } from '../platform/bundle.ts';
import { DurableNamespace } from '../platform/durable.ts';
import { compile, type Fate, type Invocation, type Program } from '../platform/isolate.ts';
import { kvAt, kvIn } from '../platform/kv-binding.ts';
import { loopbackOf } from '../platform/loopback.ts';
import { fetcherTo } from '../platform/network.ts';
import { type ClientRequest, type DataCentre, WorkersPlatform, workersModule } from '../platform/platform.ts';
import { type Passage, World } from '../platform/world.ts';
import { Checker } from './checker.ts';
import { VersionedOrigin } from './origin.ts';
import type { Load, RaceBench } from './race.ts';

/** What the application under test is told of the race. */
export interface RaceSettings {
  readonly app: 'gate' | 'hono';
  readonly mode: 'lease' | 'strict' | 'bounded';
  readonly leaseMs: number;
  readonly tiers: readonly ('memory' | 'workers-cache' | 'cache-api' | 'kv')[];
}

interface Slowness {
  readonly chance: number;
  readonly upToMs: number;
  readonly isBack?: true;
}

export interface Faults {
  /** Chance that an event ends its invocation, or its isolate, instead. */
  readonly cuts?: number;
  readonly drops?: number;
  /** Chance that a call to the service fails in one of the four ways. */
  readonly fails?: Readonly<Record<string, number>>;
  /** Chance that a call to the service takes up to so long, on its way there and back, or on its way back. */
  readonly slow?: Readonly<Record<string, Slowness>>;
  /** Services that are gone for a while, again and again. */
  readonly outages?: readonly string[];
  /** The coordinator's memory is lost again and again. */
  readonly restarts?: true;
  /** The origin does a write and answers with an error, or does not. */
  readonly writesFail?: number;
}

interface SimulatedBench extends RaceBench {
  readonly world: World;
  readonly dataCentres: readonly DataCentre[];
  readonly logged: readonly string[];
}

interface BenchOptions {
  readonly program: Program;
  readonly settings: RaceSettings;
  readonly faults: Faults;
  readonly ways: Load['ways'];
  readonly boundMs?: number | undefined;
  readonly seed: number;
  /** What happens at events, in the place of chance. */
  readonly cut?: (invocation: Invocation) => Fate;
  readonly trace?: (line: string) => void;
}

const ENTRIES = { gate: 'gate-app.ts', hono: 'hono-app.ts' } as const;

export async function programOf(app: RaceSettings['app'], edits: readonly SourceEdit[] = []): Promise<Program> {
  return compile(await bundleOf({ entry: `${import.meta.dirname}/${ENTRIES[app]}`, format: 'cjs', edits }));
}

const ISOLATES = 2;
/** A write whose isolate has vanished counts as one of unknown outcome after five minutes. */
const QUIET_MS = 400_000;

export function benchOf({ program, settings, faults, ways, boundMs, seed, trace, cut }: BenchOptions): SimulatedBench {
  const world = new World({ seed, ...(trace !== undefined && { trace }) });
  const origin = new VersionedOrigin(world.dice);
  const chaos = new Chaos(world, faults);
  const logged: string[] = [];
  const log = (line: string) => {
    world.trace(`logged: ${line}`);
    logged.push(line);
  };
  const globals = { RACE: settings };
  const coordinators = new DurableNamespace({
    ...{ world, service: 'coordinator', className: 'TidegateLog', env: () => env },
    isolate: { program, globals, workers: workersModule(world), logged: log },
  });
  const kv = kvIn(world);
  const env: Record<string, unknown> = {
    ORIGIN: fetcherTo(world, 'origin', (request) => origin.serve(request)),
    TIDEGATE_LOG: coordinators.binding,
    ADMIN_TOKEN: 'secret',
  };
  const envAt = (place: DataCentre) => ({ ...env, TIDEGATE_KV: kvAt(world, kv, place.name) });
  const { exportsOf } = loopbackOf({ world, env: envAt, cached: ['TidegateStored'] });
  const { dataCentres } = new WorkersPlatform({
    ...{ world, program, globals, workers: workersModule(world), isolates: ISOLATES, logged: log },
    dataCentres: ['east', 'west'],
    env: envAt,
    exports: exportsOf,
    cut: cut ?? ((invocation) => chaos.cut(invocation)),
    clock: world.dice.pick(['invocation', 'isolate'] as const),
  });
  return {
    ...{ world, origin, dataCentres, logged, isolates: ISOLATES, listIsTold: !ways.includes('url') },
    checker: new Checker({
      origin,
      now: () => world.now,
      boundMs,
      originFails: () => chaos.originFails,
      bodiesBreak: () => chaos.bodiesBreak,
    }),
    quietMs: QUIET_MS,
    isCachedAgain: settings.tiers.includes('memory'),
    invalidate: invalidation,
    chaos: () => chaos.begin(origin, coordinators),
    calm: () => chaos.end(origin),
  };
}

/** The call of the admin API. */
export function invalidation(way: 'tag' | 'url', urls: readonly string[]): ClientRequest {
  const { origin } = new URL(urls[0] as string);
  const selection =
    way === 'url' ? { urls } : { tags: urls.map((url) => `tag${url.slice(origin.length).replaceAll('/', '-')}`) };
  return {
    method: 'POST',
    url: `${origin}/_tidegate/invalidate`,
    headers: { authorization: 'Bearer secret', 'content-type': 'application/json' },
    body: JSON.stringify(selection),
  };
}

const FATES = ['fails before', 'fails after', 'is lost before', 'is lost after'] as const;

/** The faults of one race, as long as they last. */
class Chaos {
  readonly #world: World;
  readonly #faults: Faults;
  readonly #down = new Set<string>();
  #goesOn = false;

  constructor(world: World, faults: Faults) {
    this.#world = world;
    this.#faults = faults;
    world.passage = (service) => this.#passage(service);
  }

  /** Reads may fail because of the origin, now or in what began before. */
  get originFails(): boolean {
    return this.#goesOn && (this.#faults.fails?.origin ?? 0) > 0;
  }

  /** A cached entrypoint runs in an isolate of its own. */
  get bodiesBreak(): boolean {
    return this.#goesOn && (this.#faults.cuts ?? 0) + (this.#faults.drops ?? 0) > 0;
  }

  cut({ events }: Invocation): Fate {
    const { cuts = 0, drops = 0 } = this.#faults;
    // The arrival of a request is no await.
    if (!this.#goesOn || events === 0 || cuts + drops === 0) return 'goes on';
    if (this.#world.dice.chance(cuts)) return 'invocation';
    return this.#world.dice.chance(drops) ? 'isolate' : 'goes on';
  }

  async begin(origin: VersionedOrigin, coordinators: DurableNamespace): Promise<void> {
    const { writesFail = 0, outages = [], restarts } = this.#faults;
    const { dice } = this.#world;
    this.#goesOn = true;
    origin.failsAfter = origin.refuses = writesFail / 2;
    const again = async (everyMs: number, fault: () => Promise<void>) => {
      while (this.#goesOn) {
        await this.#world.pause(dice.below(everyMs));
        if (this.#goesOn) await fault();
      }
    };
    const outage = (service: string) => async () => {
      this.#down.add(service);
      this.#world.trace(`${service} is down`);
      await this.#world.pause(dice.below(4_000));
      this.#down.delete(service);
      this.#world.trace(`${service} is up`);
    };
    const restart = async () => coordinators.restart('a restart');
    await Promise.all([
      ...outages.map((service) => again(4_000, outage(service))),
      ...(restarts ? [again(6_000, restart)] : []),
    ]);
  }

  end(origin: VersionedOrigin): void {
    this.#goesOn = false;
    origin.failsAfter = origin.refuses = 0;
  }

  #passage(service: string): Partial<Passage> {
    const { dice } = this.#world;
    if (!this.#goesOn) return {};
    if (this.#down.has(service)) return { fate: 'fails before' };
    const { fails = {}, slow = {} } = this.#faults;
    const slowness = slow[service];
    const isSlow = slowness !== undefined && dice.chance(slowness.chance);
    const ms = () => dice.below(slowness?.upToMs ?? 0);
    const times = isSlow ? { backMs: ms(), ...(slowness.isBack !== true && { thereMs: ms() }) } : {};
    return dice.chance(fails[service] ?? 0) ? { ...times, fate: dice.pick(FATES) } : times;
  }
}
