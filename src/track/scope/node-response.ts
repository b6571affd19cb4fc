// The fields of a ServerResponse, set in the moment in which they would go out; and a response that is kept back until then.
//
// The answer to a write is kept back until no cache serves anything from before it. An answer is also kept back where a
// process of its own has to know first what was read. If a body reads after its head, the response becomes outdated:
// the process has to know that before a cache can have the whole body, and where it cannot be told the body is broken
// off.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import type { Finished, FinishOptions } from '../contract.ts';
import { finishOptionsOf, type RequestScope } from './scope.ts';

type Fields = Finished['fields'];

interface NodeExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Route of the response, once it goes out. */
  readonly route: () => string;
  readonly settle: () => Promise<Fields>;
}

export function answerWithin(scope: RequestScope, exchange: NodeExchange): void {
  const { request, response, settle } = exchange;
  const writeHead = response.writeHead.bind(response) as Call;
  let extra: Fields = [];
  response.writeHead = ((...given: unknown[]) => {
    const head = headOf(response, given);
    if (!response.headersSent) {
      const status = typeof head[0] === 'number' ? head[0] : response.statusCode;
      const { fields } = scope.finish(optionsOf(exchange, status));
      for (const [name, value] of [...fields, ...extra]) response.setHeader(name, value);
    }
    return writeHead(...head);
  }) as ServerResponse['writeHead'];
  response.once('close', () => scope.end());
  goOnWhenTold(scope, response);
  const isSafe = isSafeMethod(request.method ?? 'GET');
  if (isSafe && scope.registry?.isRemote !== true) return;
  const registered = () => scope.registered(optionsOf(exchange, response.statusCode));
  const settled = async () => {
    extra = await settledFields(scope, settle);
    await registered();
  };
  new HeldResponse(response).hold(() => (!isSafe && scope.writes !== 'none' ? settled() : registered()));
}

/** The answer to a write waits; resolves with the fields it gets when that took too long. */
export async function settledFields(scope: RequestScope, settle: () => Promise<Fields>): Promise<Fields> {
  if (scope.writes === 'none') return [];
  const fields = await settle();
  if (fields.length === 0) scope.writes = 'settled';
  return fields;
}

function optionsOf({ request, response, route }: NodeExchange, status: number): FinishOptions {
  const field = (name: string) => {
    const stated = response.getHeader(name);
    return Array.isArray(stated) ? stated.join(', ') : stated === undefined ? undefined : String(stated);
  };
  return finishOptionsOf({ method: request.method ?? 'GET', status, route: route(), field });
}

function goOnWhenTold(scope: RequestScope, response: ServerResponse): void {
  const kept: (() => unknown)[] = [];
  const goOn = (isTold: boolean) => {
    if (!isTold) return breakOff(response);
    // Calls made meanwhile queue behind it.
    for (let call = kept[0]; call !== undefined; call = kept[0]) {
      call();
      kept.shift();
    }
    if (!response.writableEnded) response.emit('drain');
  };
  for (const name of ['write', 'end'] as const) {
    const call = response[name].bind(response) as Call;
    response[name] = ((...given: unknown[]) => {
      if (kept.length === 0) {
        const told = scope.reads.told();
        if (told === undefined) return call(...given);
        told.then(goOn).catch(() => breakOff(response));
      }
      kept.push(() => call(...given));
      return name === 'write' ? false : response;
    }) as never;
  }
}

/** A body that just ends, without a length or by HTTP/2, looks whole; one that is reset does not. */
function breakOff(response: ServerResponse): void {
  const { stream } = response as { stream?: { close?(code: number): void } };
  if (stream?.close !== undefined) return stream.close(constants.NGHTTP2_CANCEL);
  try {
    response.socket?.resetAndDestroy();
    response.destroy();
  } catch {
    // Connections other than TCP, such as TLS, have no reset.
    response.destroy();
  }
}

type Call = (...given: unknown[]) => unknown;

const KEPT = ['writeHead', 'write', 'end', 'flushHeaders'] as const;
/** Methods that fail once the head is out. */
const OF_HEAD = ['setHeader', 'setHeaders', 'appendHeader', 'removeHeader'] as const;

/** Fields given to writeHead are set before it, so that those of ours are not put under them. */
function headOf(response: ServerResponse, given: readonly unknown[]): readonly unknown[] {
  const fields = given.at(-1);
  if (typeof fields !== 'object' || fields === null) return given;
  if (Array.isArray(fields)) {
    const flat = fields.flat() as string[];
    const seen = new Set<string>();
    for (let at = 0; at + 1 < flat.length; at += 2) {
      const name = flat[at] as string;
      if (seen.has(name.toLowerCase())) response.appendHeader(name, flat[at + 1] as string);
      else response.setHeader(name, flat[at + 1] as string);
      seen.add(name.toLowerCase());
    }
  } else {
    for (const [name, value] of Object.entries(fields)) {
      if (value !== undefined) response.setHeader(name, value as string);
    }
  }
  return given.slice(0, -1);
}

class HeldResponse {
  readonly #response: ServerResponse;
  readonly #methods: ReadonlyMap<string, unknown>;
  readonly #calls: (readonly [name: string, given: readonly unknown[]])[] = [];
  #isBegun = false;
  #isReleased = false;
  /** Set once the head is final. */
  #status: { readonly code: number; readonly message: string } | undefined;

  constructor(response: ServerResponse) {
    this.#response = response;
    this.#methods = new Map([...KEPT, ...OF_HEAD].map((name) => [name, Reflect.get(response, name) as unknown]));
  }

  /** Calls `wait` before the first byte; it returns undefined when there is nothing to wait for. */
  hold(wait: () => Promise<unknown> | undefined): void {
    for (const name of KEPT) {
      Reflect.set(this.#response, name, (...given: unknown[]) => {
        if (this.#isReleased) return this.#call(name, given);
        // A head alone says nothing yet: the handler may do more before it goes on.
        if (this.#isBegun || name === 'writeHead') return this.#keep(name, given);
        this.#isBegun = true;
        const waiting = wait();
        if (waiting !== undefined) {
          const goOn = () => this.#release();
          waiting.then(goOn, goOn);
          return this.#keep(name, given);
        }
        this.#release();
        return this.#call(name, given);
      });
    }
  }

  #keep(name: string, given: readonly unknown[]): unknown {
    const response = this.#response;
    if (name === 'writeHead') this.#keepHead(given);
    else this.#calls.push([name, given]);
    this.#pretend(name);
    return name === 'write' ? false : response;
  }

  #release(): void {
    const response = this.#response;
    this.#isReleased = true;
    for (const name of ['headersSent', 'writableEnded', 'finished']) Reflect.deleteProperty(response, name);
    if (this.#status !== undefined) {
      response.statusCode = this.#status.code;
      response.statusMessage = this.#status.message;
    }
    try {
      for (const [name, given] of this.#calls) this.#call(name, given);
    } catch (error) {
      // The caller is gone, so only the client can be told.
      response.destroy(error instanceof Error ? error : undefined);
    }
    if (this.#calls.some(([name]) => name === 'write') && !response.writableEnded) response.emit('drain');
  }

  /** Calls the original method: wrappers added since stay in place. */
  #call(name: string, given: readonly unknown[]): unknown {
    return (this.#methods.get(name) as Call).apply(this.#response, given as unknown[]);
  }

  #keepHead(given: readonly unknown[]): void {
    if (this.#status !== undefined) {
      // Compression asks for the head again, without any arguments of its own.
      if (given.length === 1) return;
      throw sent('write');
    }
    const [code, message] = given;
    if (typeof code === 'number') this.#response.statusCode = code;
    if (typeof message === 'string') this.#response.statusMessage = message;
    this.#calls.push(['writeHead', headOf(this.#response, given)]);
  }

  /** Makes the response look as if the call had been done. */
  #pretend(name: string): void {
    const response = this.#response;
    if (this.#status === undefined) {
      this.#status = { code: response.statusCode, message: response.statusMessage };
      Object.defineProperty(response, 'headersSent', { configurable: true, get: () => true });
      for (const of of OF_HEAD) {
        Reflect.set(response, of, (...given: unknown[]) => {
          if (!this.#isReleased) throw sent(of === 'removeHeader' ? 'remove' : 'set');
          return this.#call(of, given);
        });
      }
    }
    if (name !== 'end') return;
    for (const property of ['writableEnded', 'finished']) {
      Object.defineProperty(response, property, { configurable: true, get: () => true });
    }
  }
}

function sent(verb: string): Error {
  const error = new Error(`Cannot ${verb} headers after they are sent to the client`);
  return Object.assign(error, { code: 'ERR_HTTP_HEADERS_SENT' });
}
