// The race of the Workers Cache: isolates in several data centres, one log, and the imitation of the platform's cache between the
// gates and their cached entrypoint, with writes, invalidations, purges, deployments and slow layers, in the order of one seed.
//
// No answer may be older than what had been acknowledged when its request began. The peer is the same site behind
// the same cache, with the platform's purges alone.

import type { Gate, Route } from '../../../src/engine/contract.ts';
import { createGate } from '../../../src/engine/gate.ts';
import { createMemoryStore } from '../../../src/store/memory.ts';
import { handlerOrigin } from '../../../src/web/handler-origin.ts';
import { waitPlainly } from '../../../src/web/platform.ts';
import { platformTag } from '../../../src/workers/cached-answer.ts';
import { answerCached, CALLER_PROPS, type InnerAnswer } from '../../../src/workers/cached-entrypoint.ts';
import { PlatformPurges } from '../../../src/workers/platform-purges.ts';
import { WorkersCache } from '../../../src/workers/workers-cache.ts';
import { Client, routeTo } from '../../kit/clients.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { Dice } from '../../sim/dice.ts';
import { type EntrypointContext, WorkersCacheImitation } from '../platform/workers-cache.ts';
import { RaceLog, type RaceMember } from './log.ts';
import { outdatedIn, PATHS, type Path, Site, type Versions } from './site.ts';

const PLACES = ['ams', 'sin'] as const;
const ISOLATES = 2;
const SHARD = 'one';
const HOST = 'http://example.org';
const TIMEOUT_MS = 60_000;

interface RaceIsolate {
  readonly place: string;
  readonly member: RaceMember;
  readonly gate: Gate;
  readonly tier: WorkersCache;
}

export interface RaceResult {
  readonly outdated: readonly string[];
  readonly answers: number;
  readonly failed: number;
  readonly reads: number;
  readonly counts: WorkersCacheImitation['counts'];
}

export class CacheRace {
  readonly #time = new SimulatedTime();
  readonly #dice: Dice;
  readonly #site: Site;
  readonly #log: RaceLog;
  readonly #cache: WorkersCacheImitation;
  readonly #isolates: readonly RaceIsolate[];
  readonly #purges: PlatformPurges;
  readonly #outdated: string[] = [];
  readonly #below = new Map<string, InnerAnswer>();
  /** Looked at after each event, until they say that they are over. */
  readonly #watched = new Set<() => boolean>();
  #acknowledged: Versions;
  #version = 1;
  #answers = 0;
  #failed = 0;
  #actions = 0;

  constructor(seed: number) {
    const dice = new Dice(seed);
    const time = this.#time;
    this.#dice = dice;
    this.#site = new Site(time, dice);
    this.#acknowledged = this.#site.versions;
    this.#log = new RaceLog(time, dice);
    const [slowUp, slowPurge] = [dice.chance(0.3), dice.chance(0.3)];
    this.#cache = new WorkersCacheImitation({
      time,
      upperMs: () => dice.below(40),
      upwardMs: () => dice.below(slowUp ? 8_000 : 100),
      purgeMs: (isHere) => dice.below(slowPurge ? 5_000 : isHere ? 10 : 300),
    });
    this.#purges = new PlatformPurges({ clock: time, answerMs: TIMEOUT_MS });
    const memoryBytes = dice.pick([0, 0, 1_000_000]);
    this.#isolates = PLACES.flatMap((place) =>
      Array.from({ length: ISOLATES }, () => this.#newIsolate(place, memoryBytes)),
    );
  }

  #newIsolate(place: string, maxBytes: number): RaceIsolate {
    const member = this.#log.join();
    const memory = createMemoryStore({ maxBytes });
    const gate = createGate({
      ...{ clock: this.#time, tasks: this.#time, random: () => this.#dice.next() },
      ...{ stores: [memory], memoryStats: () => memory.stats(), buckets: 512, joins: false },
      history: { invalidations: member.invalidations, log: member },
    });
    return { place, member, gate, tier: new WorkersCache(SHARD, member.invalidations) };
  }

  /** `isPeer`: the platform's cache as it is documented, and no gate. */
  async run(actions: number, isPeer: boolean): Promise<RaceResult> {
    this.#actions = actions;
    this.#next(isPeer);
    for (let quiet = 0; quiet < 10; quiet++) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const look of this.#watched) if (look()) this.#watched.delete(look);
      if (this.#time.step()) quiet = 0;
    }
    const { counts } = this.#cache;
    return { outdated: this.#outdated, answers: this.#answers, failed: this.#failed, reads: this.#site.reads, counts };
  }

  #next(isPeer: boolean): void {
    if (this.#actions-- === 0) return;
    const dice = this.#dice;
    this.#time.later(dice.below(dice.chance(0.1) ? 2_000 : 60), () => {
      this.#next(isPeer);
      const act = dice.weighted({ read: 80, write: 6, change: 6, purge: isPeer ? 0 : 2, deploy: 1 });
      if (act === 'read') void (isPeer ? this.#readPeer(dice.pick(PATHS)) : this.#read(dice.pick(PATHS)));
      else if (act === 'deploy') this.#version++;
      else if (act === 'purge') void this.#purge();
      else if (isPeer) void this.#changePeer(act === 'write' ? dice.pick(PATHS) : dice.pick(['t1', 't2']));
      else if (act === 'write') this.#write(dice.pick(PATHS));
      else void this.#change(dice.pick(['t1', 't2']));
    });
  }

  async #change(tag: string): Promise<void> {
    this.#site.change(tag);
    const { versions } = this.#site;
    await this.#dice.pick(this.#isolates).gate.invalidate({ kind: 'tag', tag });
    this.#acknowledge(tag, versions);
  }

  #acknowledge(name: string, { [name]: version = 0 }: Versions): void {
    this.#acknowledged = { ...this.#acknowledged, [name]: Math.max(version, this.#acknowledged[name] ?? 0) };
  }

  #write(path: Path): void {
    const client = this.#ask(this.#dice.pick(this.#isolates), path, 'PUT');
    this.#watched.add(() => {
      if (client.status === undefined) return false;
      this.#acknowledge(path, { [path]: Number(client.field('version') ?? 0) });
      return true;
    });
  }

  async #purge(): Promise<void> {
    const stored = this.#stored().at(this.#dice.pick(PLACES));
    await this.#purges.purge(stored.cache, [platformTag('tag', this.#dice.pick(['t1', 't2']))]);
  }

  #read(path: Path): void {
    const must = this.#acknowledged;
    const client = this.#ask(this.#dice.pick(this.#isolates), path, 'GET');
    this.#watched.add(() => {
      if (client.state === 'waiting' || client.state === 'reading') return false;
      if (client.state === 'done' && client.status === 200) this.#judge(path, client.text, must);
      else this.#failed++;
      return true;
    });
  }

  #judge(path: Path, text: string, must: Versions): void {
    this.#answers++;
    this.#outdated.push(...outdatedIn(path, text, must));
  }

  #ask(isolate: RaceIsolate, path: Path, method: string): Client {
    return Client.ask(isolate.gate, this.#route(isolate, path, method), { method, path });
  }

  #route(isolate: RaceIsolate, path: Path, method: string): Route {
    const uri = HOST + path;
    const host = { ...this.#host, clock: this.#time };
    const call = { request: new Request(uri, { method }), uri, isAnswered: false, waitUntil: undefined };
    const origin = handlerOrigin({ ...call, handle: (request) => this.#site.fetch(request) }, host);
    const plain = routeTo(origin);
    const entrypoint = this.#stored().at(isolate.place, { props: CALLER_PROPS });
    const asked = { route: plain, uri, bypass: false } as const;
    return { ...plain, origin: isolate.tier.origin({ asked, entrypoint, origin, host, waitUntil: undefined }) };
  }

  get #host() {
    return { tasks: this.#time, wait: waitPlainly, timeoutMs: TIMEOUT_MS, failed: () => undefined };
  }

  /** Some callers and isolates are still of the version before. */
  #stored() {
    const version = `v${Math.max(1, this.#version - this.#dice.below(2))}`;
    const run = (request: Request, context: EntrypointContext) => this.#runStored(request, context);
    return this.#cache.entrypoint({ name: 'Stored', version, run });
  }

  #runStored(request: Request, { props, dataCentre }: EntrypointContext): Promise<Response> {
    const { member } = this.#dice.pick(this.#isolates.filter(({ place }) => place === dataCentre));
    return answerCached(request, props, {
      clock: this.#time,
      open: async ({ url }) => ({
        ...{ route: routeTo({ forward: () => NO_FORWARD }), uri: url, shard: SHARD },
        answer: (asked) => this.#answerBelow(asked, member),
      }),
    });
  }

  /** A tier below the entrypoint, which says where what it has was read. */
  async #answerBelow(asked: Request, { invalidations }: RaceMember): Promise<InnerAnswer> {
    const kept = this.#below.get(asked.url);
    if (kept !== undefined && this.#dice.chance(0.2)) return { ...kept, response: kept.response.clone() };
    const stamp = { epoch: invalidations.epoch, position: invalidations.applied };
    const response = await this.#site.fetch(asked);
    const text = response.clone().text();
    text.then((body) => this.#below.set(asked.url, { response: new Response(body, response), stamp, tags: [] }));
    return { response, tags: [] };
  }

  #peer() {
    return this.#cache.entrypoint({
      name: 'default',
      version: `v${this.#version}`,
      run: (asked) => this.#site.fetch(asked),
    });
  }

  async #readPeer(path: Path): Promise<void> {
    const must = this.#acknowledged;
    const response = await this.#peer()
      .at(this.#dice.pick(PLACES))
      .fetch(new Request(HOST + path));
    this.#judge(path, await response.text(), must);
  }

  /** As documented: the change, then a purge, tried again until it is taken. */
  async #changePeer(name: string): Promise<void> {
    this.#site.change(name);
    const { versions } = this.#site;
    const { cache } = this.#peer().at(this.#dice.pick(PLACES));
    const what = name.startsWith('/') ? { pathPrefixes: [name] } : { tags: [name] };
    while (!(await cache.purge(what)).success) await new Promise<void>((again) => void this.#time.later(12_000, again));
    this.#acknowledge(name, versions);
  }
}

const NO_FORWARD = { pause: () => {}, resume: () => {}, abort: () => {} };
