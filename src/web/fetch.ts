// `tidegate/fetch`: an HTTP cache (RFC 9111) in front of any handler that takes a Request and gives a Response, in its own
// process. Nothing is fetched: whatever the cache asks, also in the background, it asks the handler itself.

import type { Engine } from '../engine/context.ts';
import type { Explanation, GateStats, InvalidationResult, Route } from '../engine/contract.ts';
import { operationsOf } from '../engine/operations.ts';
import { summed } from '../engine/summary.ts';
import { DEFAULT_TENANT } from '../entry/key.ts';
import { parseSelectors, type ResponseSelection } from '../entry/selectors.ts';
import { expected, TidegateError } from '../errors.ts';
import type { Origin } from '../ports.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import { createMemoryStore } from '../store/memory.ts';
import { HandlerGate, type HandlerGateParts, type Serving } from './handler-gate.ts';
import { type CacheSettings, type FetchCacheOptions, handlerPolicy, settingsOf } from './options.ts';
import { type Platform, universalPlatform } from './platform.ts';
import { type UnroutedRequest, unroutedRequest, uriOf } from './request.ts';

export type { Explanation, GateStats, InvalidationResult } from '../engine/contract.ts';
export type { ResponseSelection } from '../entry/selectors.ts';
export type { Entry, EntryNote } from '../entry/stored-response.ts';
export type { Selector } from '../ledger/selector.ts';
export type { Store } from '../ports.ts';
export { type CacheStatsAnswer, cacheStats } from './cache-stats.ts';
export { cacheTag } from './handler-origin.ts';
export type { FetchCacheOptions } from './options.ts';

/** What a handler is given beside the request. */
export interface HandlerContext<Env = unknown> {
  /** Adds tags to the response that the handler is about to return. Throws E_TAG, also when it has returned already. */
  tags(...tags: readonly string[]): void;
  /** Once it resolves, nothing that was read before is served to anyone who asks after. */
  invalidate(selection: ResponseSelection): Promise<InvalidationResult>;
  /** What the call that the handler answers came with. In the background: what that of the client came with. */
  readonly env: Env;
  waitUntil(work: Promise<unknown>): void;
}

/** The request's signal is aborted when nobody wants the answer any more. */
export type CachedHandler<Env = unknown> = (
  request: Request,
  context: HandlerContext<Env>,
) => Response | Promise<Response>;

/** What the platform gives with a request. */
export interface CallOptions<Env = unknown> {
  /** Handed on to the handler as `context.env`. */
  readonly env?: Env;
  /**
   * Keeps the platform from ending the work. Workers need it: for what goes on after the answer, and because requests of
   * others may wait for what is filled for this one.
   */
  readonly waitUntil?: (work: Promise<unknown>) => void;
}

export interface FetchCache {
  /**
   * The handler behind the cache. What it throws is thrown on to the caller, unless a stored response may be served
   * instead (stale-if-error, grace). All handlers of one cache share what is stored, by URL. Throws E_CONFIG: no function.
   */
  wrap<Env = unknown>(handler: CachedHandler<Env>): (request: Request, call?: CallOptions<Env>) => Promise<Response>;
  /** Marks responses outdated; they may be validated, and are not served before that. Throws E_SELECTOR. */
  invalidate(selection: ResponseSelection): Promise<InvalidationResult>;
  /** Removes responses. Throws E_SELECTOR. */
  purge(selection: ResponseSelection): Promise<InvalidationResult>;
  /** Why the request is, or is not, answered from the cache right now. Rejects with E_SELECTOR: it never is. */
  explain(request: Request): Promise<Explanation>;
  stats(): GateStats;
}

/** Throws E_CONFIG. `platform`: for tests in simulated time. */
export function createFetchCache(
  options: FetchCacheOptions = {},
  platform: Platform = universalPlatform(),
): FetchCache {
  const web = new WebGate(options, platform);
  const invalidate = async (selection: ResponseSelection) =>
    summed(await Promise.all(parseSelectors(selection).map((selector) => web.engine.invalidate(selector))));
  return {
    wrap: <Env>(handler: CachedHandler<Env>) => {
      if (typeof handler !== 'function') expected('E_CONFIG', 'a handler that is a function', handler);
      return (request, call) => {
        const { env, waitUntil } = call ?? {};
        return web.serve({
          request,
          waitUntil,
          handle: (forwarded, addTags) =>
            handler(forwarded, {
              tags: (...tags) => addTags(tags),
              invalidate,
              env: env as Env,
              // Without a platform that would end it, work goes on by itself.
              waitUntil: (work) => waitUntil?.(work),
            }),
        });
      };
    },
    invalidate,
    purge: async (selection) =>
      summed(await Promise.all(parseSelectors(selection).map((selector) => web.operations().purge(selector)))),
    explain: async (request) => web.explain(request),
    stats: () => web.operations().stats(),
  };
}

/** The engine with a handler for its origin, under the options of one cache. */
class WebGate {
  readonly #settings: CacheSettings;
  readonly #route: Omit<Route, 'origin'>;
  readonly #served: HandlerGate;

  /** Throws E_CONFIG. */
  constructor(options: FetchCacheOptions, platform: Platform) {
    this.#settings = settingsOf(options);
    this.#served = new HandlerGate({
      platform,
      onFault: this.#settings.onFault,
      options: () => gateOptionsOf(this.#settings),
    });
    this.#route = {
      tenant: DEFAULT_TENANT,
      originName: 'handler',
      policy: handlerPolicy(this.#settings),
      responseFields: { remove: new Set<string>(), set: NO_FIELDS },
      cacheUri: (uri) => uriOf(uri) ?? uri,
      retired: () => false,
      showTags: options.showTags === true,
    };
  }

  get engine(): Engine {
    return this.#served.engine;
  }

  operations(): ReturnType<typeof operationsOf> {
    return operationsOf(this.engine.context);
  }

  /** `serving`: a request and what it is answered by. */
  async serve(serving: Pick<Serving, 'request' | 'handle' | 'waitUntil'>): Promise<Response> {
    const { request } = serving;
    const asked = this.#asked(request);
    if (asked === undefined) return serving.handle(request, () => undefined);
    return this.#served.serve({ ...serving, asked, route: this.#route, timeoutMs: this.#settings.timeoutMs });
  }

  /** Throws E_SELECTOR: the request is none for a cache. */
  explain(request: Request): Promise<Explanation> {
    const asked = this.#asked(request);
    if (asked !== undefined)
      return this.operations().explain({ ...asked, route: { ...this.#route, origin: NO_ORIGIN } });
    throw new TidegateError('E_SELECTOR', `expected a request of HTTP without Upgrade, got one for ${request.url}`);
  }

  #asked(request: Request): UnroutedRequest | undefined {
    return unroutedRequest(request, this.#route.policy, this.#settings.trustForwarded);
  }
}

function gateOptionsOf({ tiers = [], maxBytes }: CacheSettings): ReturnType<HandlerGateParts['options']> {
  const memory = createMemoryStore({ maxBytes });
  const inMemory = maxBytes === 0 && tiers.length > 0 ? [] : [{ name: 'memory', store: memory }];
  const all = [...inMemory, ...tiers];
  return {
    stores: all.map(({ store }) => store),
    tierNames: all.map(({ name }) => name),
    memoryStats: () => memory.stats(),
    buckets: INVALIDATION_BUCKETS,
  };
}

/** One mebibyte of them. A collision invalidates too much, never too little. */
const INVALIDATION_BUCKETS = 2 ** 17;

const NO_ORIGIN: Origin = {
  forward: () => {
    throw new TypeError('expected to explain without asking, got a forward');
  },
};
