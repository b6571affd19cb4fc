// The engine with a handler for its origin: one client's Request in, its Response out.
//
// A client may go away before it is answered, and a handler that threw is to be heard of by
// whoever called, not answered for: unless something stored may be served, what it threw is thrown on.

import type { Explanation, Gate, GateRequest, GateStats, Route, Unanswered } from '../engine/contract.ts';
import { createGate } from '../engine/gate.ts';
import { DEFAULT_TENANT } from '../entry/key.ts';
import type { TidegateError } from '../errors.ts';
import type { Answer, Origin } from '../ports.ts';
import { NO_FIELDS } from '../semantics/fields.ts';
import type { CachePolicy } from '../semantics/policy.ts';
import { createMemoryStore } from '../store/memory.ts';
import { responseOf } from './answer.ts';
import { type HandlerCall, handlerOrigin } from './handler-origin.ts';
import { type CacheSettings, type FetchCacheOptions, policyOf, settingsOf } from './options.ts';
import type { Platform } from './platform.ts';
import { askedOf, type Reading, uriOf } from './request.ts';

/** A request and what it is answered by. */
export interface Serving {
  readonly request: Request;
  readonly handle: HandlerCall['handle'];
  readonly waitUntil: HandlerCall['waitUntil'];
}

/** True once its answer has begun: what its handler throws after that, nobody is told of. */
interface Client {
  isAnswered: boolean;
}

/** The name under which entries of handlers are stored. */
const ORIGIN_NAME = 'handler';

export class WebGate {
  readonly #platform: Platform;
  readonly #settings: CacheSettings;
  readonly #makeRoute: (origin: Origin) => Route;
  readonly #reading: Reading;
  readonly #failures = new WeakMap<GateRequest, TidegateError>();
  #gate: Gate | undefined;

  /** Throws E_CONFIG. */
  constructor(options: FetchCacheOptions, platform: Platform) {
    this.#platform = platform;
    this.#settings = settingsOf(options);
    const policy = policyOf(this.#settings);
    this.#makeRoute = routeMaker(this.#settings, policy);
    this.#reading = { trustForwarded: this.#settings.trustForwarded === true, policy };
  }

  /** Made when it is first used: Workers give no randomness and no time before the first request. */
  get gate(): Gate {
    this.#gate ??= this.#makeGate();
    return this.#gate;
  }

  async serve(serving: Serving): Promise<Response> {
    this.#platform.catchUp();
    const { request } = serving;
    const asked = askedOf(request, this.#reading);
    if (asked === undefined) return serving.handle(request, () => undefined);
    request.signal.throwIfAborted();
    const client: Client = { isAnswered: false };
    const gateRequest = { ...asked, route: this.#makeRoute(handlerOrigin(this.#callOf(serving, asked.uri, client))) };
    const found = await this.gate.answerAtOnce(gateRequest);
    const isWaiting = found.kind === 'unanswered';
    const answer = isWaiting ? await this.#exchange(gateRequest, found, { signal: request.signal, client }) : found;
    return responseOf(answer, request.method, this.#platform.wait);
  }

  /** Undefined: the request is none for a cache. */
  explain(request: Request): Promise<Explanation> | undefined {
    const asked = askedOf(request, this.#reading);
    return asked && this.gate.explain({ ...asked, route: this.#makeRoute(NO_ORIGIN) });
  }

  stats(): GateStats {
    return this.gate.stats();
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

  #callOf({ request, handle, waitUntil }: Serving, uri: string, client: Client): HandlerCall {
    const isAnswered = () => client.isAnswered;
    const failed = (error: TidegateError) => this.#fault(thrownBy(error));
    const { wait, tasks } = this.#platform;
    return {
      original: request,
      uri,
      handle,
      waitUntil,
      isAnswered,
      failed,
      wait,
      tasks,
      timeoutMs: this.#settings.timeoutMs,
    };
  }

  /** What hears of faults may fail itself, at once or later: nobody is told of that. */
  #fault(error: unknown): void {
    new Promise((heard) => heard(this.#settings.onFault?.(error))).catch(() => undefined);
  }

  /** Rejects with what the handler threw, and with the client's own reason when it goes away first. */
  async #exchange(
    request: GateRequest,
    unanswered: Unanswered,
    { signal, client }: { readonly signal: AbortSignal; readonly client: Client },
  ): Promise<Answer> {
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
        client.isAnswered = !this.#failures.has(request);
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

function routeMaker(options: FetchCacheOptions, policy: CachePolicy): (origin: Origin) => Route {
  const fixed = {
    tenant: DEFAULT_TENANT,
    originName: ORIGIN_NAME,
    policy,
    responseFields: { remove: new Set<string>(), set: NO_FIELDS },
    cacheUri: (uri: string) => uriOf(uri) ?? uri,
    retired: () => false,
    showTags: options.showTags === true,
  };
  return (origin) => ({ ...fixed, origin });
}
