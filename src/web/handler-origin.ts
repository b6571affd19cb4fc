// A handler as the engine's origin: called with a Request for each forward, its Response told to the listener bit by bit,
// with the tags that the handler gives it.
//
// The listener hears nothing inside forward(), nothing after abort(), and exactly
// one of end and failed; while it has asked for a pause, nothing is read from the handler's body.

import { expected, TidegateError } from '../errors.ts';
import type { Cancel, Forward, Origin, OriginListener, OriginRequest, Tasks } from '../ports.ts';
import { type Fields, fieldValue, filterFields, hopByHopNames, NO_FIELDS } from '../semantics/fields.ts';
import { MAX_TAG_LENGTH } from '../semantics/invalidation.ts';
import { isUnasked } from '../semantics/validation.ts';
import type { Wait } from './platform.ts';
import { fieldsOf, headersOf } from './request.ts';

/** A client's request: every forward on its behalf, in the background too, is made of this. */
export interface HandlerCall {
  readonly request: Request;
  /** As it is in the key. */
  readonly uri: string;
  /** Calls the handler; `addTags` is for its context. */
  readonly handle: (request: Request, addTags: AddTags) => Response | Promise<Response>;
  /** Keeps the platform from ending before the promise has settled. */
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined;
  /** True once its answer has begun: it hears of nothing that the handler throws from here on. */
  isAnswered: boolean;
}

export interface HandlerHost {
  readonly wait: Wait;
  readonly tasks: Tasks;
  /** Longest wait for the response. */
  readonly timeoutMs: number;
  /** Longest wait for more of its body. Default: `timeoutMs`. */
  readonly bodyTimeoutMs?: number;
  /** Told of what a handler throws after its client was answered. Never throws. */
  readonly failed: (error: TidegateError) => void;
}

export type AddTags = (tags: readonly string[]) => void;

export function handlerOrigin(call: HandlerCall, host: HandlerHost): Origin {
  return {
    forward: (request, listener) => {
      const running = new RunningHandler({ call, host }, request, listener);
      const over = running.run();
      call.waitUntil?.(over);
      return running;
    },
  };
}

class RunningHandler implements Forward {
  readonly #call: HandlerCall;
  readonly #host: HandlerHost;
  readonly #request: OriginRequest;
  readonly #listener: OriginListener;
  readonly #aborter = new AbortController();
  readonly #tags: string[] = [];
  #reader: ReadableStreamDefaultReader<unknown> | undefined;
  #isAnswered = false;
  /** Of events nobody knows when the next comes. */
  #isEventStream = false;
  #isOver = false;
  #isPaused = false;
  #goOn: (() => void) | undefined;

  constructor(
    { call, host }: { readonly call: HandlerCall; readonly host: HandlerHost },
    request: OriginRequest,
    listener: OriginListener,
  ) {
    this.#call = call;
    this.#host = host;
    this.#request = request;
    this.#listener = listener;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#goOn?.();
  }

  abort(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#aborter.abort(new TidegateError('E_ABANDONED', 'expected a client that waits, got none any more'));
    this.#dropBody();
    this.#goOn?.();
  }

  /** Never rejects. */
  async run(): Promise<void> {
    try {
      // The listener may be told only after forward() has returned.
      await undefined;
      if (this.#isOver) return;
      const handled = this.#call.handle(this.#forwarded(), (tags) => this.#addTags(tags));
      const given: unknown = await this.#inTime('a response', handled, this.#host.timeoutMs);
      this.#isAnswered = true;
      await this.#tell(checkedResponse(given));
    } catch (error) {
      this.#fail(error);
    }
  }

  /** The client's own Request but for what the engine has changed: its signal is not that of the one client. */
  #forwarded(): Request {
    const { method, fields } = this.#request;
    const { request: original, uri } = this.#call;
    const init = { method, headers: headersOf(fields), signal: this.#aborter.signal };
    if (original.url === uri) return new Request(original, init);
    if (original.body === null) return new Request(uri, init);
    return new Request(uri, { ...init, body: original.body, duplex: 'half' } as RequestInit);
  }

  #addTags(tags: readonly string[]): void {
    if (!this.#isAnswered) {
      this.#tags.push(...tags.map(checkedTag));
      return;
    }
    throw new TidegateError('E_TAG', `expected tags before the response is returned, got ${tags.join(', ')} after it`);
  }

  async #tell(response: Response): Promise<void> {
    const { body, status } = response;
    if (body !== null) this.#reader = body.getReader();
    if (this.#isOver) return this.#dropBody();
    if (status < 200 || status > 599) throw fault(`a status from 200 to 599, got ${status}`);
    if (isUnasked(this.#request.fields, status))
      throw fault(`an answer to its request, got a ${status} that it did not ask for`);
    const fields = responseFields(response, this.#tags);
    this.#isEventStream = fieldValue(fields, 'content-type')?.startsWith('text/event-stream') === true;
    this.#listener.head({ status, fields }, true);
    const declared = /^\d{1,15}$/.exec(fieldValue(fields, 'content-length') ?? '')?.[0];
    if (this.#request.method === 'HEAD') this.#dropBody();
    else await this.#tellBody(declared === undefined || status === 304 ? undefined : Number(declared));
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.end(NO_FIELDS);
  }

  async #tellBody(declared: number | undefined): Promise<void> {
    let bytes = 0;
    for (let chunk = await this.#next(); chunk !== undefined; chunk = await this.#next()) {
      bytes += chunk.length;
      if (declared !== undefined && bytes > declared) break;
      this.#listener.data(chunk);
    }
    // What is cut short must not be stored as if it were whole, whatever the handler takes for its end.
    if (!this.#isOver && declared !== undefined && bytes !== declared)
      throw fault(`${declared} bytes, as its Content-Length says, got ${bytes} or more`);
  }

  /** The next bytes of the body, once they are wanted; undefined: there are none, or nobody wants them. */
  async #next(): Promise<Uint8Array | undefined> {
    while (this.#isPaused && !this.#isOver) {
      await this.#host.wait((goOn) => {
        this.#goOn = goOn;
      });
    }
    if (this.#isOver || this.#reader === undefined) return undefined;
    const read = this.#reader.read();
    const { timeoutMs, bodyTimeoutMs = timeoutMs } = this.#host;
    const { done, value } = await (this.#isEventStream ? read : this.#inTime('more of its body', read, bodyTimeoutMs));
    if (this.#isOver || done) return undefined;
    if (value instanceof Uint8Array) return value;
    throw fault(`a body of bytes, got a chunk that is ${typeof value}`);
  }

  /** Fails when the result takes too long; what comes of it then is not heard. */
  async #inTime<T>(what: string, result: T | Promise<T>, timeoutMs: number): Promise<T> {
    // Frameworks give thenables that are no promises.
    const isThenable = typeof result === 'object' && result !== null && 'then' in result;
    if (!isThenable || typeof result.then !== 'function' || timeoutMs === Number.POSITIVE_INFINITY) return result;
    const cancel: Cancel = this.#host.tasks.later(timeoutMs, () => {
      this.#fail(fault(`${what} within ${timeoutMs} ms, got none`));
      this.#aborter.abort(new TidegateError('E_HANDLER', `expected ${what} in time, got none`));
    });
    return Promise.resolve(result).finally(cancel);
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#dropBody();
    const isOurs = error instanceof TidegateError && error.code === 'E_HANDLER';
    // The handler's own error is the cause, whatever it is, and is what the caller gets.
    const what = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const failure = isOurs ? error : fault(`a response, got ${what}`, { cause: error });
    const isForNobody = this.#call.isAnswered;
    this.#listener.failed(failure);
    if (isForNobody) this.#host.failed(failure);
  }

  /** The handler hears of it as its body's stream is cancelled; what it throws then concerns nobody. */
  #dropBody(): void {
    this.#reader?.cancel().catch(() => undefined);
    this.#reader = undefined;
  }
}

/** Told by what it has: frameworks give responses of classes of their own. Throws E_HANDLER. */
function checkedResponse(given: unknown): Response {
  const { status, headers, body, bodyUsed } = (typeof given === 'object' ? (given ?? {}) : {}) as Partial<Response>;
  const isResponse = typeof status === 'number' && typeof headers?.has === 'function' && body !== undefined;
  if (!isResponse) throw fault(`a Response, got ${kindOf(given)}`);
  if (body !== null && typeof body.getReader !== 'function')
    throw fault(`a body that is a web stream, got ${kindOf(body)}`);
  if (body === null || (bodyUsed !== true && !body.locked)) return given as Response;
  throw fault(
    'a response whose body nobody has read, got one that was read or returned before: make a new one for each call, or return a clone()',
  );
}

function kindOf(given: unknown): string {
  return typeof given === 'object' && given !== null
    ? `an object of ${given.constructor?.name ?? 'no class'}`
    : String(given === null ? null : typeof given);
}

/** End-to-end fields of a response that can be passed on, and the tags that its handler gave it. */
export function responseFields(response: Response, tags: readonly string[]): Fields {
  const fields = fieldsOf(response.headers);
  const connection = response.headers.get('connection');
  const listed = connection === null ? [] : hopByHopNames(['connection', connection]);
  const left = new Set([...staleNames(response), ...listed]);
  const told = left.size === 0 ? fields : filterFields(fields, (name) => !left.has(name));
  return tags.length === 0 ? told : [...told, 'cache-tag', tags.join(', ')];
}

function fault(text: string, options?: { readonly cause: unknown }): TidegateError {
  return new TidegateError('E_HANDLER', `expected of the handler ${text}`, options);
}

/** The response with these tags beside its own, for a handler to return. Throws E_TAG. */
export function cacheTag(response: Response, ...tags: readonly string[]): Response {
  if (tags.length === 0) return response;
  const headers = new Headers(response.headers);
  headers.append('cache-tag', tags.map(checkedTag).join(', '));
  for (const name of staleNames(response)) headers.delete(name);
  // Made anew: the fields of one that comes from `fetch` or is a redirect cannot be changed.
  return new Response(response.body, { status: response.status, statusText: response.statusText, headers });
}

/** Of a response that `fetch` has decoded: fields that still say that it is coded. */
function staleNames(response: Response): readonly string[] {
  const coding = response.headers.get('content-encoding');
  return response.url !== '' && coding !== null && DECODED.test(coding) ? ['content-encoding', 'content-length'] : [];
}

/** Codings that the platform's `fetch` decodes; it hands on a body of any other as it is. */
const DECODED =
  navigator.userAgent === 'Cloudflare-Workers'
    ? /^(?:gzip|br)$/i
    : /^(?:(?:x-)?gzip|deflate|br|zstd)(?: *, *(?:(?:x-)?gzip|deflate|br|zstd))*$/i;

/** The tag as it stands in Cache-Tag: what a field cannot carry would be another tag, or two. Throws E_TAG. */
function checkedTag(tag: string): string {
  const fits = typeof tag === 'string' && tag !== '' && tag.length <= MAX_TAG_LENGTH;
  if (fits && /^[\x20-\x7e\x80-\xff]+$/.test(tag) && !tag.includes(',') && tag.trim() === tag) return tag;
  const what = `a tag of 1 to ${MAX_TAG_LENGTH} characters of Latin-1, without commas, control characters or outer spaces`;
  expected('E_TAG', what, tag);
}
