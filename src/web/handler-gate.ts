// The engine behind an API of Request and Response: one client's Request in, its Response out, its origin a handler.
//
// A client may go away before it is answered, and a handler that threw is to be heard of by whoever called, not answered
// for: unless something stored may be served, what it threw is thrown on.

import { newEpoch } from '../cache/platform.ts';
import type { Engine } from '../engine/context.ts';
import type { GateRequest, Route, Unanswered } from '../engine/contract.ts';
import { createEngine, type GateOptions } from '../engine/gate.ts';
import { bodyOf, decodeHead } from '../entry/stored-response.ts';
import { TidegateError } from '../errors.ts';
import type { Answer, BodySource, Origin } from '../ports.ts';
import { type Fields, fieldValue, filterFields, type ResponseHead } from '../semantics/fields.ts';
import { type HandlerCall, type HandlerHost, handlerOrigin } from './handler-origin.ts';
import type { Platform, Wait } from './platform.ts';
import { headersOf, type UnroutedRequest } from './request.ts';

export interface HandlerGateParts {
  readonly platform: Platform;
  /** Told of what nobody waits for; may throw or reject, of which nobody is told. */
  readonly onFault: ((error: unknown) => unknown) | undefined;
  /** Called once, at the first request: Workers give no randomness and no time before it. */
  readonly options: () => Omit<GateOptions, 'clock' | 'tasks' | 'random' | 'report' | 'fault' | 'exception'>;
}

/** One request, and who answers it where the gate does not. */
export interface Serving extends Pick<HandlerCall, 'request' | 'handle' | 'waitUntil'> {
  readonly asked: UnroutedRequest;
  readonly route: Omit<Route, 'origin'>;
  /** Longest wait for the handler's response. */
  readonly timeoutMs: number;
  /** Longest wait for more of its body. Default: `timeoutMs`. */
  readonly bodyTimeoutMs?: number;
  /** Stands before the handler. Default: nothing does. */
  readonly before?: (origin: Origin) => Origin;
  /** What a failure of the handler becomes. Default `throw`: it is thrown on. `answer`: 502, 503 or 504. */
  readonly onFailure?: 'throw' | 'answer';
}

export class HandlerGate {
  readonly #parts: HandlerGateParts;
  readonly #failures = new WeakMap<GateRequest, TidegateError>();
  #engine: Engine | undefined;

  constructor(parts: HandlerGateParts) {
    this.#parts = parts;
  }

  get engine(): Engine {
    this.#engine ??= this.#makeEngine();
    return this.#engine;
  }

  /** Rejects with what the handler threw, unless failures are answered, and with the client's own reason when it goes away first. */
  async serve(serving: Serving): Promise<Response> {
    const { onFailure = 'throw' } = serving;
    const { platform } = this.#parts;
    platform.catchUp();
    serving.request.signal.throwIfAborted();
    const call: HandlerCall = { ...serving, uri: serving.asked.uri, isAnswered: false };
    const gateRequest = this.#requestOf(serving, call);
    const found = await this.engine.answerAtOnce(gateRequest);
    const answer = found.kind === 'unanswered' ? await this.#exchange(gateRequest, found, call) : found;
    const failure = this.#failures.get(gateRequest);
    // Only of the log it is known that the handler has nothing to do with it.
    if (failure !== undefined && failure.code !== 'E_LOG' && onFailure === 'throw') throw thrownBy(failure);
    return responseOf(answer, serving.request.method, platform.wait);
  }

  /** The request as the engine takes it, for a fill that no client waits for. */
  unattended(serving: Serving): GateRequest {
    this.#parts.platform.catchUp();
    return this.#requestOf(serving, { ...serving, uri: serving.asked.uri, isAnswered: true });
  }

  fault(error: unknown): void {
    new Promise((heard) => heard(this.#parts.onFault?.(error))).catch(() => undefined);
  }

  #requestOf(
    { asked, route, timeoutMs, bodyTimeoutMs = timeoutMs, before = same }: Serving,
    call: HandlerCall,
  ): GateRequest {
    const failed = (error: TidegateError) => this.fault(thrownBy(error));
    const host: HandlerHost = { ...this.#parts.platform, timeoutMs, bodyTimeoutMs, failed };
    return { ...asked, route: { ...route, origin: before(handlerOrigin(call, host)) } };
  }

  #makeEngine(): Engine {
    const { clock, tasks, random } = this.#parts.platform;
    return createEngine({
      ...this.#parts.options(),
      ...{ clock, tasks, random, epoch: newEpoch },
      report: ({ request, error }) => {
        if (error !== undefined) this.#failures.set(request, error);
      },
      fault: (error) => this.fault(error),
      exception: (error) => this.fault(error),
    });
  }

  async #exchange(request: GateRequest, unanswered: Unanswered, call: HandlerCall): Promise<Answer> {
    const { signal } = call.request;
    let answer: Answer | undefined;
    await this.#parts.platform.wait((ready) => {
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
      const cancel = this.engine.handle(request, { interim: () => undefined, respond }, unanswered);
    });
    if (answer === undefined) throw signal.reason;
    return answer;
  }
}

const same = (origin: Origin) => origin;

/** What the handler threw; the error itself where it threw nothing. */
function thrownBy(error: TidegateError): unknown {
  return 'cause' in error ? error.cause : error;
}

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
  return response(head, isEmpty ? null : lengthKept(streamOf(answer.body, wait), head.fields));
}

function wholeResponse({ status, fields }: ResponseHead, body: Uint8Array | undefined, method: string): Response {
  if (method === 'HEAD' || NULL_BODY.has(status)) return response({ status, fields }, null);
  const rest = filterFields(fields, (name) => name !== 'content-length');
  return response({ status, fields: [...rest, 'content-length', String(body?.length ?? 0)] }, body ?? null);
}

function response({ status, fields }: ResponseHead, body: Uint8Array | ReadableStream | null): Response {
  return new Response(body as ReadableStream | null, { status, headers: headersOf(fields) });
}

/** Workers send a Content-Length with a stream of their own kind alone. */
function lengthKept(stream: ReadableStream, fields: Fields): ReadableStream {
  const { FixedLengthStream: Fixed } = globalThis as { readonly FixedLengthStream?: FixedLengthStreamClass };
  const length = fieldValue(fields, 'content-length');
  return Fixed === undefined || length === undefined ? stream : stream.pipeThrough(new Fixed(Number(length)));
}

type FixedLengthStreamClass = new (
  bytes: number,
) => { readonly readable: ReadableStream; readonly writable: WritableStream };

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
