// An imitation of Cloudflare's Workers Cache, the platform's own cache in front of cached entrypoints of a Worker, with the rules
// that are documented (2026-11), and the worse of the possible ones where nothing is:
//
// - It is consulted before any fetch of an entrypoint. GET and HEAD share what is kept; other methods go past it.
// - The key is the entrypoint, its version (unless `crossVersion`), the props of the caller, and path with query as they are, or
//   `cf.cacheKey` in their place. Host and method are no part of it. Variants are told apart by what Vary names.
// - Each data centre has a layer, and all have an upper one. What is stored reaches the upper layer later; a miss asks it.
// - Requests for one key in one data centre wait for one run, and read its body as it arrives, if it turns out to be kept.
// - RFC 9111 with heuristics, and what is kept of tags: cache-rules.ts.
// - `purge` and `invalidate` act on the entrypoint that calls, 100 names a call, five calls a minute, 25 at once for all callers;
//   beyond, they give `success: false`. They reach each layer after a delay, and what is stored in it later stays.
//
// Use: `const cache = new WorkersCacheImitation({ time })`, with a simulated clock or a real one (`realTime`);
// `const stored = cache.entrypoint({ name: 'Stored', version: 'v1', run: (request, context) => response })`; then
// `stored.at('ams', { props }).fetch(request, { cf: { cacheKey } })` as a caller in that data centre does with
// `ctx.exports.Stored({ props })`, and `context.cache.purge({ tags })` within `run`, or `stored.at('ams').cache.purge(…)`. Deploying
// is another `entrypoint` of the same name with another version. Around workerd, `run` is a dispatchFetch to the Worker's inner
// entrypoint, and `at(…).fetch` a service binding's function; `cf` of a Request counts where there is no second argument.

import { Layer, meantBy, PurgeBudget, type PurgeRequest, type PurgeResult } from './cache-layers.ts';
import {
  answerFrom,
  hasBody,
  type Kept,
  selectedBy,
  selects,
  tagsIn,
  termsOf,
  varyNames,
  wholeRequest,
} from './cache-rules.ts';
import { SharedBody } from './shared-body.ts';

export interface CacheTime {
  /** Milliseconds. */
  now(): number;
  later(delayMs: number, work: () => void): unknown;
}

export const realTime: CacheTime = { now: () => Date.now(), later: (delayMs, work) => setTimeout(work, delayMs) };

export interface ImitationOptions {
  readonly time: CacheTime;
  /** From a data centre to the upper layer and back. Default 20 ms. */
  readonly upperMs?: () => number;
  /** Until what a data centre stores is in the upper layer. Default 50 ms. */
  readonly upwardMs?: () => number;
  /** Until a layer has heard of a purge. Default: 5 ms in the data centre that calls, 150 ms elsewhere. */
  readonly purgeMs?: (isHere: boolean) => number;
}

/** `ctx.cache`. */
export interface CacheControls {
  purge(what: PurgeRequest): Promise<PurgeResult>;
  invalidate(what: PurgeRequest): Promise<PurgeResult>;
}

export interface EntrypointContext {
  readonly props: unknown;
  readonly version: string;
  readonly dataCentre: string;
  readonly cache: CacheControls;
}

export interface EntrypointOptions {
  readonly name: string;
  readonly version: string;
  /** Default false. */
  readonly crossVersion?: boolean;
  readonly run: (request: Request, context: EntrypointContext) => Response | Promise<Response>;
}

/** The entrypoint as one caller in one data centre has it. */
export interface EntrypointHere {
  fetch(request: Request, init?: { readonly cf?: { readonly cacheKey?: string } }): Promise<Response>;
  readonly cache: CacheControls;
}

/** A look at the upper layer, and a run of the entrypoint where that has nothing. */
interface Flight {
  /** What others may be given; undefined: it is not kept, and each asks for itself. */
  readonly head: Promise<SharedAnswer | undefined>;
}

interface SharedAnswer {
  readonly response: Response;
  readonly body: SharedBody;
  readonly selected: Kept['selected'];
  readonly kept: Promise<Kept | undefined>;
}

export class WorkersCacheImitation {
  readonly time: CacheTime;
  readonly upper = new Layer();
  readonly counts = { hits: 0, upperHits: 0, runs: 0, joins: 0, purges: 0, refused: 0 };
  readonly #options: ImitationOptions;
  readonly #layers = new Map<string, Layer>();
  readonly #flights = new Map<string, Flight>();
  readonly #budget: PurgeBudget;

  constructor(options: ImitationOptions) {
    this.#options = options;
    this.time = options.time;
    this.#budget = new PurgeBudget(options.time);
  }

  layer(dataCentre: string): Layer {
    const layer = this.#layers.get(dataCentre) ?? new Layer();
    this.#layers.set(dataCentre, layer);
    return layer;
  }

  entrypoint(options: EntrypointOptions): {
    at(dataCentre: string, caller?: { readonly props?: unknown }): EntrypointHere;
  } {
    return {
      at: (dataCentre, { props = {} } = {}) => {
        const cache: CacheControls = {
          purge: (what) => this.#control('purge', what, { entrypoint: options.name, dataCentre }),
          invalidate: (what) => this.#control('mark', what, { entrypoint: options.name, dataCentre }),
        };
        const place = { options, context: { props, version: options.version, dataCentre, cache } };
        return { cache, fetch: (request, init) => this.#fetch(request, init, place) };
      },
    };
  }

  async #fetch(request: Request, init: Parameters<EntrypointHere['fetch']>[1], place: Place): Promise<Response> {
    const { options, context } = place;
    if (request.method !== 'GET' && request.method !== 'HEAD') return await options.run(request, context);
    const { pathname, search } = new URL(request.url);
    const ownCf = (request as { readonly cf?: { readonly cacheKey?: string } }).cf;
    const path = init?.cf?.cacheKey ?? ownCf?.cacheKey ?? pathname + search;
    const version = options.crossVersion === true ? '' : options.version;
    const key = JSON.stringify([options.name, version, context.props, path]);
    const wanted = { request, key, path, place };
    const kept = this.layer(context.dataCentre).find(key, request);
    const state = kept === undefined ? 'none' : this.#stateOf(kept);
    if (kept === undefined || state === 'stale' || state === 'none') return this.#join(wanted, kept);
    this.counts.hits++;
    // Others are given what is kept while one validates it.
    if (state === 'revalidate') this.#flightFor(wanted, kept);
    return this.#answer(kept, request, state === 'fresh' ? 'HIT' : 'UPDATING');
  }

  #stateOf({ bornMs, lifetimeMs, staleWhileRevalidateMs, isMarked }: Kept): 'fresh' | 'revalidate' | 'stale' {
    const ageMs = this.time.now() - bornMs;
    if (isMarked) return 'stale';
    if (ageMs < lifetimeMs) return 'fresh';
    return ageMs < lifetimeMs + staleWhileRevalidateMs ? 'revalidate' : 'stale';
  }

  #answer(kept: Kept, request: Request, status: string): Response {
    return answerFrom(kept, request, { status, nowMs: this.time.now() });
  }

  async #join(wanted: Wanted, stale: Kept | undefined): Promise<Response> {
    const { request, key, place } = wanted;
    const flight = this.#flights.get(`${place.context.dataCentre} ${key}`);
    if (flight !== undefined) {
      // Where the one run fails, each asks for itself.
      const shared = await flight.head.catch(() => undefined);
      if (shared !== undefined && selects(request, shared.selected)) {
        this.counts.joins++;
        return this.#share(shared, request, 'HIT');
      }
    }
    const own = this.#flightFor(wanted, stale);
    const answer = await own.head;
    if (answer !== undefined) return this.#share(answer, request, 'MISS');
    return own.alone();
  }

  /** As it arrives; a part, or an answer without a body, when all of it is there. */
  async #share({ response, body, kept }: SharedAnswer, request: Request, status: string): Promise<Response> {
    const isPlain = request.method === 'GET' && !request.headers.has('range') && !request.headers.has('if-none-match');
    const whole = isPlain ? undefined : await kept;
    if (whole !== undefined) return this.#answer(whole, request, status);
    const headers = new Headers(response.headers);
    headers.set('cf-cache-status', status);
    const hasNone = request.method === 'HEAD' || !hasBody(response.status);
    return new Response(hasNone ? null : body.stream(), { status: response.status, headers });
  }

  /** `alone`: the answer where it is not kept. */
  #flightFor(wanted: Wanted, stale: Kept | undefined): Flight & { readonly alone: () => Promise<Response> } {
    const { key, place } = wanted;
    const at = `${place.context.dataCentre} ${key}`;
    const alone = this.#run(wanted, stale);
    const head = alone.then(({ shared }) => shared);
    const flight = { head };
    this.#flights.set(at, flight);
    const over = () => void (this.#flights.get(at) === flight && this.#flights.delete(at));
    head.then(async (shared) => void (await shared?.kept)).then(over, over);
    return { head, alone: async () => (await alone).response };
  }

  async #run(
    wanted: Wanted,
    stale: Kept | undefined,
  ): Promise<{ response: Response; shared: SharedAnswer | undefined }> {
    const { request, key, place } = wanted;
    const { options, context } = place;
    await this.#pause((this.#options.upperMs ?? (() => 20))());
    const above = this.upper.find(key, request);
    if (above !== undefined && this.#stateOf(above) === 'fresh') {
      this.counts.upperHits++;
      const copy = { ...above };
      this.layer(context.dataCentre).put(copy);
      return this.#sharedFrom(copy);
    }
    this.counts.runs++;
    const etag = new Headers((stale?.headers ?? []) as [string, string][]).get('etag');
    const response = await options.run(wholeRequest(request, etag), context);
    if (response.status === 304 && stale !== undefined)
      return this.#sharedFrom(this.#freshened(stale, wanted, response));
    const terms = termsOf(request, response);
    if (terms === undefined) return { response: bare(response, 'BYPASS'), shared: undefined };
    const selected = selectedBy(request, varyNames(response.headers));
    const bornMs = this.time.now() - Number(response.headers.get('age') ?? 0) * 1_000;
    const head = bare(new Response(null, response));
    const body = new SharedBody(response.body);
    const kept = body.whole.then((bytes) => {
      if (bytes === undefined) return undefined;
      const { status } = response;
      const headers = [...head.headers];
      const tags = tagsIn(response.headers);
      const what = { status, headers, tags, body: bytes, key, path: wanted.path, entrypoint: options.name };
      return this.#keep({ ...what, ...terms, selected, bornMs, isMarked: false }, context.dataCentre);
    });
    return { response, shared: { response: head, body, selected, kept } };
  }

  #freshened(stale: Kept, { place, request }: Wanted, response: Response): Kept {
    const terms = termsOf(request, new Response(null, { status: 200, headers: response.headers })) ?? stale;
    const { lifetimeMs, staleWhileRevalidateMs } = terms;
    const kept = { ...stale, lifetimeMs, staleWhileRevalidateMs, bornMs: this.time.now(), isMarked: false };
    return this.#keep(kept, place.context.dataCentre);
  }

  #keep(kept: Kept, dataCentre: string): Kept {
    this.layer(dataCentre).put(kept);
    this.time.later((this.#options.upwardMs ?? (() => 50))(), () => this.upper.put({ ...kept }));
    return kept;
  }

  #sharedFrom(kept: Kept): { response: Response; shared: SharedAnswer } {
    const { status, headers, selected } = kept;
    const whole = new Response(null, { status, headers: headers as [string, string][] });
    const body = new SharedBody(new Response(kept.body.slice()).body);
    return { response: whole, shared: { response: whole, body, selected, kept: Promise.resolve(kept) } };
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => void this.time.later(delayMs, resolve));
  }

  async #control(act: 'purge' | 'mark', what: PurgeRequest, from: { entrypoint: string; dataCentre: string }) {
    const result = this.#budget.call(what);
    this.counts[result.success ? 'purges' : 'refused']++;
    if (!result.success) return result;
    const isMeant = meantBy(what, from.entrypoint);
    const delay = this.#options.purgeMs ?? ((isHere: boolean) => (isHere ? 5 : 150));
    for (const layer of [this.upper, ...this.#layers.values()])
      this.time.later(delay(layer === this.layer(from.dataCentre)), () => layer[act](isMeant));
    return result;
  }
}

interface Place {
  readonly options: EntrypointOptions;
  readonly context: EntrypointContext;
}

interface Wanted {
  readonly request: Request;
  readonly key: string;
  readonly path: string;
  readonly place: Place;
}

/** As callers get it: the tags are for the platform alone. */
function bare(response: Response, status?: string): Response {
  const headers = new Headers(response.headers);
  headers.delete('cache-tag');
  if (status !== undefined) headers.set('cf-cache-status', status);
  return new Response(response.body, { status: response.status, headers });
}
