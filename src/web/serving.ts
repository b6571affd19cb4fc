// The engine with a handler for its origin: one client's Request in, its Response out.
//
// A client may go away before it is answered, and a handler that threw is to be heard of by
// whoever called, not answered for: unless something stored may be served, what it threw is thrown on.

import type { Explanation, Gate, GateRequest, GateStats, Route, Unanswered } from '../engine/contract.ts';
import { createGate } from '../engine/gate.ts';
import { DEFAULT_TENANT } from '../entry/key.ts';
import { bodyOf, decodeHead } from '../entry/stored-response.ts';
import { TidegateError } from '../errors.ts';
import type { Answer, BodySource, Origin } from '../ports.ts';
import { filterFields, NO_FIELDS, type ResponseHead } from '../semantics/fields.ts';
import { createMemoryStore } from '../store/memory.ts';
import { type HandlerCall, type HandlerHost, handlerOrigin } from './handler-origin.ts';
import { type CacheSettings, type FetchCacheOptions, policyOf, settingsOf } from './options.ts';
import type { Platform, Wait } from './platform.ts';
import { askedOf, headersOf, type Reading, uriOf } from './request.ts';

/** A request and what it is answered by. */
export type Serving = Pick<HandlerCall, 'request' | 'handle' | 'waitUntil'>;

/** The name under which entries of handlers are stored. */
const ORIGIN_NAME = 'handler';

export class WebGate {
  readonly #platform: Platform;
  readonly #settings: CacheSettings;
  readonly #host: HandlerHost;
  readonly #route: Omit<Route, 'origin'>;
  readonly #reading: Reading;
  readonly #failures = new WeakMap<GateRequest, TidegateError>();
  #gate: Gate | undefined;

  /** Throws E_CONFIG. */
  constructor(options: FetchCacheOptions, platform: Platform) {
    this.#platform = platform;
    this.#settings = settingsOf(options);
    const { wait, tasks } = platform;
    const failed = (error: TidegateError) => this.#fault(thrownBy(error));
    this.#host = { wait, tasks, timeoutMs: this.#settings.timeoutMs, failed };
    const policy = policyOf(this.#settings);
    this.#route = {
      tenant: DEFAULT_TENANT,
      originName: ORIGIN_NAME,
      policy,
      responseFields: { remove: new Set<string>(), set: NO_FIELDS },
      cacheUri: (uri) => uriOf(uri) ?? uri,
      retired: () => false,
      showTags: options.showTags === true,
    };
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
    const call: HandlerCall = { ...serving, uri: asked.uri, isAnswered: false };
    const gateRequest = { ...asked, route: { ...this.#route, origin: handlerOrigin(call, this.#host) } };
    const found = await this.gate.answerAtOnce(gateRequest);
    const answer = found.kind === 'unanswered' ? await this.#exchange(gateRequest, found, call) : found;
    return responseOf(answer, request.method, this.#platform.wait);
  }

  /** Undefined: the request is none for a cache. */
  explain(request: Request): Promise<Explanation> | undefined {
    const asked = askedOf(request, this.#reading);
    return asked && this.gate.explain({ ...asked, route: { ...this.#route, origin: NO_ORIGIN } });
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
