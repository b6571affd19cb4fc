// One system under the workload of the bench: its Worker in simulated isolates of several data centres, in simulated time, with
// an origin whose pages change.

import { Dice } from '../../test/sim/dice.ts';
import { compile, type IsolateParts, type Program } from '../../test/workers/platform/isolate.ts';
import { fetcherTo, type Reply } from '../../test/workers/platform/network.ts';
import {
  type ClientAnswer,
  type ClientRequest,
  type DataCentre,
  WorkersPlatform,
} from '../../test/workers/platform/platform.ts';
import { type Passage, World } from '../../test/workers/platform/world.ts';

/** Rows of SQLite. */
export interface Rows {
  readonly objectRowsRead: number;
  readonly objectRowsWritten: number;
  readonly d1RowsRead: number;
  readonly d1RowsWritten: number;
}

export const NO_ROWS: Rows = { objectRowsRead: 0, objectRowsWritten: 0, d1RowsRead: 0, d1RowsWritten: 0 };

/** What all isolates of a system share. */
export interface Deployment {
  readonly rows: () => Rows;
  env(place: DataCentre): Readonly<Record<string, unknown>>;
  /** `ctx.exports` in a data centre. */
  exports?(place: DataCentre): Readonly<Record<string, unknown>>;
  /** What stands between the clients and the Worker, which `worker` asks. */
  front?(place: DataCentre, request: ClientRequest, worker: () => Promise<ClientAnswer>): Promise<ClientAnswer>;
  /** How often the Worker itself has run; by default once for each request. */
  workerRuns?(): number;
}

export interface System {
  readonly name: string;
  /** A bundle in the format of CommonJS. */
  readonly code: string;
  readonly globals?: (world: World) => Readonly<Record<string, unknown>>;
  deploy(parts: {
    readonly world: World;
    readonly isolate: Omit<IsolateParts, 'world' | 'name'>;
    readonly origin: unknown;
  }): Deployment;
  /** The request that invalidates a tag. */
  invalidation(tag: string): ClientRequest;
}

/** What a page of the origin holds. */
export interface PageContent {
  readonly path: string;
  readonly version: number;
}

export interface SiteOptions {
  readonly seed: number;
  readonly centres: number;
  /** In each of them. */
  readonly isolates: number;
  /** From the read of a page at the origin until its answer has arrived. */
  readonly originMs: number;
}

/** Where a client's request arrives. */
export interface Member {
  readonly place: DataCentre;
  readonly isolate: number;
}

const HOST = 'https://site.example';

export class Site {
  readonly world: World;
  readonly deployment: Deployment;
  readonly members: readonly Member[];
  /** Reads of the origin. */
  fills = 0;
  readonly #system: System;
  readonly #versions = new Map<string, number>();

  constructor(system: System, { seed, centres, isolates, originMs }: SiteOptions) {
    this.#system = system;
    const dice = new Dice(seed);
    this.world = new World({ seed, passage: (service) => passageOf(service, originMs, dice.next()) });
    const { world } = this;
    const isolate = {
      program: programOf(system.code),
      globals: system.globals?.(world) ?? {},
      workers: workersOf(world),
    };
    const origin = fetcherTo(world, 'origin', ({ url }) => this.#render(url.pathname));
    this.deployment = system.deploy({ world, isolate, origin });
    const dataCentres = Array.from({ length: centres }, (_, at) => `centre-${at}`);
    const platform = new WorkersPlatform({
      ...isolate,
      world,
      dataCentres,
      isolates,
      env: (at) => this.deployment.env(at),
      exports: (at) => this.deployment.exports?.(at) ?? {},
    });
    for (const { cache } of platform.dataCentres) cache.evicts = 0;
    this.members = platform.dataCentres.flatMap((place) =>
      Array.from({ length: isolates }, (_, at) => ({ place, isolate: at })),
    );
  }

  /** The page changes at the origin: its new version. */
  commit(path: string): number {
    const version = (this.#versions.get(path) ?? 1) + 1;
    this.#versions.set(path, version);
    return version;
  }

  async read(member: Member, path: string): Promise<PageContent> {
    const answer = await this.#ask(member, { method: 'GET', url: `${HOST}${path}` });
    if (answer.kind === 'answer' && answer.status === 200) return JSON.parse(answer.body) as PageContent;
    throw new Error(`expected 200 for ${path} of ${this.#system.name}, got ${textOf(answer)}`);
  }

  /** True: the system says that it is done. */
  async invalidate(member: Member, tag: string): Promise<boolean> {
    const answer = await this.#ask(member, this.#system.invalidation(tag));
    if (answer.kind !== 'answer') throw new Error(`expected an answer of ${this.#system.name}, got ${textOf(answer)}`);
    return answer.status < 400;
  }

  #ask({ place, isolate }: Member, request: ClientRequest): Promise<ClientAnswer> {
    const worker = () => place.ask(request, isolate);
    return this.deployment.front?.(place, request, worker) ?? worker();
  }

  #render(path: string): Reply {
    this.fills++;
    const content: PageContent = { path, version: this.#versions.get(path) ?? 1 };
    const headers = { 'cache-control': 'public, max-age=3600', 'cache-tag': `${tagOf(path)},site` };
    return { status: 200, headers, parts: [{ text: JSON.stringify(content), afterMs: 0 }] };
  }
}

const programs = new Map<string, Program>();

function programOf(code: string): Program {
  const program = programs.get(code) ?? compile(code);
  programs.set(code, program);
  return program;
}

/** Tag of one page. */
export function tagOf(path: string): string {
  return path.slice(1).replaceAll('/', '-');
}

export const EPOCH_MS = Date.UTC(2026, 0, 1);

/** A Date for software that compares times of several machines: all clocks agree, and go on while nothing is awaited. */
export function agreeingDate(world: World): DateConstructor {
  const now = () => Math.floor(EPOCH_MS + world.now);
  return class extends Date {
    constructor(...given: unknown[]) {
      if (given.length === 0) super(now());
      else super(...(given as [number]));
    }
    static override now = now;
  } as DateConstructor;
}

/** The base classes that Workers extend. */
class Entrypoint {
  readonly ctx: unknown;
  readonly env: unknown;
  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}

/** What `cloudflare:workers` exports, as far as the systems use it. */
function workersOf(world: World): Readonly<Record<string, unknown>> {
  return {
    DurableObject: class extends Entrypoint {},
    WorkerEntrypoint: class extends Entrypoint {},
    waitUntil: (work: Promise<unknown>) => world.current('waitUntil').waitUntil(work),
  };
}

/** Milliseconds to a service and back, about as told of the platform; each call takes up to half as much again. */
const PASSAGES: readonly (readonly [service: RegExp, thereMs: number, backMs: number])[] = [
  [/^Cache API/, 1, 1],
  [/^Workers Cache/, 1, 2],
  [/^KV/, 4, 8],
  [/^R2/, 10, 30],
  [/./, 10, 10],
];
const ORIGIN_THERE_MS = 15;

function passageOf(service: string, originMs: number, share: number): Partial<Passage> {
  const listed = PASSAGES.find(([pattern]) => pattern.test(service)) as (typeof PASSAGES)[number];
  const [thereMs, backMs] = service === 'origin' ? [ORIGIN_THERE_MS, originMs] : [listed[1], listed[2]];
  const factor = 1 + share / 2;
  return { thereMs: thereMs * factor, backMs: backMs * factor };
}

function textOf(answer: ClientAnswer): string {
  if (answer.kind === 'answer') return `${answer.status} ${answer.body}`;
  return answer.kind === 'cut' ? 'the end of the invocation' : answer.error;
}
