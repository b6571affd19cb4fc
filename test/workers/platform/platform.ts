// A simulated Workers platform: data centres with isolates of one Worker, which share bindings. A client's request goes to one
// of the isolates of its data centre; new ones begin as the platform likes.

import { DataCentreCache } from './cache-api.ts';
import { Isolate, type IsolateParts, type Program, RequestWithCf } from './isolate.ts';
import type { World } from './world.ts';

export interface ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What a client gets. `cut`: the platform dropped the request; `failed`: the Worker threw. */
export type ClientAnswer =
  | { readonly kind: 'answer'; readonly status: number; readonly headers: Headers; readonly body: string }
  | { readonly kind: 'cut' }
  | { readonly kind: 'failed'; readonly error: string };

export interface PlatformParts {
  readonly world: World;
  readonly program: Program;
  readonly dataCentres: readonly string[];
  /** Isolates of each data centre. */
  readonly isolates: number;
  readonly env: (place: DataCentre) => Readonly<Record<string, unknown>>;
  readonly globals?: Readonly<Record<string, unknown>>;
  readonly workers?: Readonly<Record<string, unknown>>;
  /** Loopback bindings for a place: `ctx.exports`. */
  readonly exports?: (place: DataCentre) => Readonly<Record<string, unknown>>;
  readonly cut?: IsolateParts['cut'];
  readonly clock?: IsolateParts['clock'];
  readonly logged?: (line: string) => void;
}

type Handler = {
  fetch(request: Request, env: unknown, ctx: unknown): Response | Promise<Response>;
};

export class DataCentre {
  readonly name: string;
  readonly cache: DataCentreCache;
  readonly #parts: PlatformParts;
  readonly #isolates: Isolate[] = [];
  #started = 0;

  constructor(name: string, parts: PlatformParts) {
    this.name = name;
    this.#parts = parts;
    this.cache = new DataCentreCache(parts.world);
  }

  get isolates(): readonly Isolate[] {
    return this.#isolates.filter(({ alive }) => alive);
  }

  /** The isolate that takes the next request. */
  isolate(at?: number): Isolate {
    const place = at ?? this.#parts.world.dice.below(this.#parts.isolates);
    const running = this.#isolates[place];
    if (running?.alive === true) return running;
    const started = new Isolate(this.isolateParts(`${this.name}/${place}.${++this.#started}`));
    this.#isolates[place] = started;
    return started;
  }

  isolateParts(name: string): IsolateParts {
    const { world, program, globals = {}, workers = {}, cut, clock, logged } = this.#parts;
    return {
      ...{ world, name, program, workers },
      globals: { ...globals, caches: this.cache.global },
      ...(cut !== undefined && { cut }),
      ...(clock !== undefined && { clock }),
      ...(logged !== undefined && { logged }),
    };
  }

  /** A client's request, to the isolate at that place or to any. */
  async ask(asked: ClientRequest, at?: number): Promise<ClientAnswer> {
    const { world } = this.#parts;
    await world.pause(world.dice.below(20) / 10);
    const answer = await this.deliver(this.isolate(at), asked, (isolate) =>
      (isolate.module.default as Handler).fetch.bind(isolate.module.default),
    );
    await world.pause(world.dice.below(20) / 10);
    return answer;
  }

  /** The request as an event of the isolate; its answer is read to its end. */
  deliver(
    isolate: Isolate,
    asked: ClientRequest,
    handler: (isolate: Isolate) => Handler['fetch'],
  ): Promise<ClientAnswer> {
    const { env, exports } = this.#parts;
    const { method, url, headers = {}, body } = asked;
    const invocation = isolate.invoke(`${method} ${new URL(url).pathname}`);
    const ctx = {
      waitUntil: (work: Promise<unknown>) => invocation.waitUntil(work),
      passThroughOnException: () => undefined,
      exports: exports?.(this) ?? {},
      props: {},
    };
    return new Promise((resolve) => {
      invocation.whenOver(() => resolve({ kind: 'cut' }));
      invocation.resume(() => {
        const request = new RequestWithCf(url, { method, headers, ...(body !== undefined && { body }) });
        const run = async (): Promise<ClientAnswer> => {
          const response = await handler(isolate)(request, env(this), ctx);
          return { kind: 'answer', status: response.status, headers: response.headers, body: await response.text() };
        };
        run()
          .catch(
            (error: unknown): ClientAnswer => ({ kind: 'failed', error: String((error as Error)?.stack ?? error) }),
          )
          .then((answer) => {
            resolve(answer);
            invocation.answered();
          });
      });
    });
  }
}

export class WorkersPlatform {
  readonly dataCentres: readonly DataCentre[];

  constructor(parts: PlatformParts) {
    this.dataCentres = parts.dataCentres.map((name) => new DataCentre(name, parts));
  }
}

/** What `cloudflare:workers` exports, as far as a Worker uses it. */
export function workersModule(world: World): Record<string, unknown> {
  const Base = class {
    readonly ctx: unknown;
    readonly env: unknown;
    constructor(ctx: unknown, env: unknown) {
      this.ctx = ctx;
      this.env = env;
    }
  };
  return {
    DurableObject: class DurableObject extends Base {},
    WorkerEntrypoint: class WorkerEntrypoint extends Base {},
    waitUntil: (work: Promise<unknown>) => world.current('waitUntil').waitUntil(work),
  };
}
