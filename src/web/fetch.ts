// `tidegate/fetch`: an HTTP cache (RFC 9111) in front of any handler that takes a Request and gives a Response, in its own
// process. Nothing is fetched: whatever the cache asks, also in the background, it asks the handler itself.
//
// A client may go away before it is answered, and a handler that threw is to be heard of by
// whoever called, not answered for: unless something stored may be served, what it threw is thrown on.

import type {
  Explanation,
  Gate,
  GateRequest,
  GateStats,
  InvalidationResult,
  Route,
  Unanswered,
} from '../engine/contract.ts';
import { createGate } from '../engine/gate.ts';
import { summed } from '../engine/summary.ts';
import { DEFAULT_TENANT } from '../entry/key.ts';
import { parseSelectors, type ResponseSelection } from '../entry/selectors.ts';
import { bodyOf, decodeHead } from '../entry/stored-response.ts';
import { expected, TidegateError } from '../errors.ts';
import type { Answer, BodySource, Origin } from '../ports.ts';
import { filterFields, NO_FIELDS, type ResponseHead } from '../semantics/fields.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type HandlerCall, type HandlerHost, handlerOrigin } from './handler-origin.ts';
import { type CacheSettings, type FetchCacheOptions, policyOf, settingsOf } from './options.ts';
import { type Platform, universalPlatform, type Wait } from './platform.ts';
import { headersOf, unroutedRequest, uriOf } from './request.ts';

export type { Explanation, GateStats, InvalidationResult } from '../engine/contract.ts';
export type { ResponseSelection } from '../entry/selectors.ts';
export type { Entry, EntryNote } from '../entry/stored-response.ts';
export type { Selector } from '../ledger/selector.ts';
export type { Store } from '../ports.ts';
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
    summed(await Promise.all(parseSelectors(selection).map((selector) => web.gate.invalidate(selector))));
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
      summed(await Promise.all(parseSelectors(selection).map((selector) => web.gate.purge(selector)))),
    explain: async (request) => web.explain(request),
    stats: () => web.gate.stats(),
  };
}

/** The engine with a handler for its origin: one client's Request in, its Response out. */
class WebGate {
  readonly #platform: Platform;
  readonly #settings: CacheSettings;
  readonly #host: HandlerHost;
  readonly #route: Omit<Route, 'origin'>;
  readonly #failures = new WeakMap<GateRequest, TidegateError>();
  #gate: Gate | undefined;

  /** Throws E_CONFIG. */
  constructor(options: FetchCacheOptions, platform: Platform) {
    this.#platform = platform;
    this.#settings = settingsOf(options);
    const { wait, tasks } = platform;
    const { timeoutMs } = this.#settings;
    this.#host = { wait, tasks, timeoutMs, failed: (error) => this.#fault(thrownBy(error)) };
    this.#route = {
      tenant: DEFAULT_TENANT,
      originName: 'handler',
      policy: policyOf(this.#settings),
      responseFields: { remove: new Set<string>(), set: NO_FIELDS },
      cacheUri: (uri) => uriOf(uri) ?? uri,
      retired: () => false,
      showTags: options.showTags === true,
    };
  }

  /** Made when it is first used: Workers give no randomness and no time before the first request. */
  get gate(): Gate {
    this.#gate ??= this.#makeGate();
    return this.#gate;
  }

  /** `serving`: a request and what it is answered by. */
  async serve(serving: Pick<HandlerCall, 'request' | 'handle' | 'waitUntil'>): Promise<Response> {
    this.#platform.catchUp();
    const { request } = serving;
    const asked = unroutedRequest(request, this.#route.policy, this.#settings.trustForwarded);
    if (asked === undefined) return serving.handle(request, () => undefined);
    request.signal.throwIfAborted();
    const call: HandlerCall = { ...serving, uri: asked.uri, isAnswered: false };
    const gateRequest = { ...asked, route: { ...this.#route, origin: handlerOrigin(call, this.#host) } };
    const found = await this.gate.answerAtOnce(gateRequest);
    const answer = found.kind === 'unanswered' ? await this.#exchange(gateRequest, found, call) : found;
    return responseOf(answer, request.method, this.#platform.wait);
  }

  /** Throws E_SELECTOR: the request is none for a cache. */
  explain(request: Request): Promise<Explanation> {
    const asked = unroutedRequest(request, this.#route.policy, this.#settings.trustForwarded);
    if (asked !== undefined) return this.gate.explain({ ...asked, route: { ...this.#route, origin: NO_ORIGIN } });
    throw new TidegateError('E_SELECTOR', `expected a request of HTTP without Upgrade, got one for ${request.url}`);
  }

  #makeGate(): Gate {
    const { clock, tasks, random } = this.#platform;
    const { tiers = [], maxBytes } = this.#settings;
    const memory = createMemoryStore({ maxBytes });
    const inMemory = maxBytes === 0 && tiers.length > 0 ? [] : [{ name: 'memory', store: memory }];
    const all = [...inMemory, ...tiers];
    return createGate({
      clock,
      tasks,
      random,
      stores: all.map(({ store }) => store),
      tierNames: all.map(({ name }) => name),
      memoryStats: () => memory.stats(),
      buckets: INVALIDATION_BUCKETS,
      report: ({ request, error }) => {
        if (error !== undefined) this.#failures.set(request, error);
      },
      fault: (error) => this.#fault(error),
      exception: (error) => this.#fault(error),
    });
  }

  /** What hears of faults may fail itself, at once or later: nobody is told of that. */
  #fault(error: unknown): void {
    new Promise((heard) => heard(this.#settings.onFault?.(error))).catch(() => undefined);
  }

  /** Rejects with what the handler threw, and with the client's own reason when it goes away first. */
  async #exchange(request: GateRequest, unanswered: Unanswered, call: HandlerCall): Promise<Answer> {
    const { signal } = call.request;
    let answer: Answer | undefined;
    await this.#platform.wait((ready) => {
      const left = () => {
        cancel();
        ready();
      };
      signal.addEventListener('abort', left);
      const respond = (given: Answer) => {
        signal.removeEventListener('abort', left);
        answer = given;
        call.isAnswered = !this.#failures.has(request);
        ready();
      };
      const cancel = this.gate.handle(request, { interim: () => undefined, respond }, unanswered);
    });
    const failure = this.#failures.get(request);
    if (failure !== undefined) throw thrownBy(failure);
    if (answer === undefined) throw signal.reason;
    return answer;
  }
}

/** What the handler threw; the error itself where it threw nothing. */
function thrownBy(error: TidegateError): unknown {
  return 'cause' in error ? error.cause : error;
}

/** One mebibyte of them. A collision invalidates too much, never too little. */
const INVALIDATION_BUCKETS = 2 ** 17;

const NO_ORIGIN: Origin = {
  forward: () => {
    throw new TypeError('expected to explain without asking, got a forward');
  },
};

/** Statuses that come without a body (Fetch, null body status). */
const NULL_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

/**
 * `method`: of the client's request. Bytes that are stored, or are going to be, are shared by all who are answered with them, while
 * whoever gets a Response may change what he reads or give its memory away. So he gets a copy; `new Response(bytes)` makes one,
 * a stream does not.
 */
function responseOf(answer: Answer, method: string, wait: Wait): Response {
  if (answer.kind === 'stored') {
    const { entry, added } = answer;
    const fields = [...decodeHead(entry.bytes, entry.headBytes), ...added];
    return wholeResponse({ status: entry.status, fields }, bodyOf(entry), method);
  }
  const { head } = answer;
  if (answer.kind === 'whole') return wholeResponse(head, answer.body, method);
  // Nothing comes of an answer without a body: there is nothing to read or to cancel.
  const isEmpty = method === 'HEAD' || NULL_BODY.has(head.status);
  return response(head, isEmpty ? null : streamOf(answer.body, wait));
}

function wholeResponse({ status, fields }: ResponseHead, body: Uint8Array | undefined, method: string): Response {
  if (method === 'HEAD' || NULL_BODY.has(status)) return response({ status, fields }, null);
  const rest = filterFields(fields, (name) => name !== 'content-length');
  return response({ status, fields: [...rest, 'content-length', String(body?.length ?? 0)] }, body ?? null);
}

function response({ status, fields }: ResponseHead, body: Uint8Array | ReadableStream | null): Response {
  return new Response(body as ReadableStream | null, { status, headers: headersOf(fields) });
}

/** Bytes as the client takes them: nothing is read ahead of it here. */
function streamOf(source: BodySource, wait: Wait): ReadableStream {
  return new ReadableStream(
    {
      async pull(controller) {
        let read = source.read();
        while (read === 'pending') {
          await wait((ready) => source.whenReadable(ready));
          read = source.read();
        }
        if (read === 'end') controller.close();
        else if (read === 'failed')
          controller.error(new TidegateError('E_HANDLER', 'expected of the handler the whole body, got a part of it'));
        else controller.enqueue(read.slice());
      },
      cancel: () => source.cancel(),
    },
    { highWaterMark: 0 },
  );
}
