// An origin whose every answer the test gives by hand, step by step: so an invalidation can be put between any two of
// them.

import type { ErrorCode } from '../../src/errors.ts';
import { TidegateError } from '../../src/errors.ts';
import type { Stamp } from '../../src/ledger/ledger.ts';
import type { Forward, Origin, OriginListener, OriginRequest } from '../../src/ports.ts';
import { type Fields, fieldValue } from '../../src/semantics/fields.ts';

/** One request as the origin sees it. */
export class Forwarded implements Forward {
  readonly request: OriginRequest;
  readonly #listener: OriginListener;
  paused = false;
  aborted = false;

  constructor(request: OriginRequest, listener: OriginListener) {
    this.request = request;
    this.#listener = listener;
  }

  field(name: string): string | undefined {
    return fieldValue(this.request.fields, name);
  }

  interim(status: number, fields: Fields = []): this {
    this.#listener.interim({ status, fields });
    return this;
  }

  head(status: number, fields: Fields = [], delimited = true): this {
    this.#listener.head({ status, fields }, delimited);
    return this;
  }

  /** The head of an answer whose origin states at which place in the log it was read. */
  headOf(readAt: Stamp, status: number, fields: Fields = []): this {
    this.#listener.head({ status, fields }, true, readAt);
    return this;
  }

  data(text: string): this {
    this.#listener.data(Buffer.from(text));
    return this;
  }

  end(trailers: Fields = []): this {
    this.#listener.end(trailers);
    return this;
  }

  fail(code: ErrorCode, isUnsent?: boolean): this {
    this.#listener.failed(new TidegateError(code, 'expected an answer, got a scripted failure'), isUnsent);
    return this;
  }

  /** A whole answer. */
  answer(status: number, fields: Fields = [], body = ''): this {
    return this.head(status, fields).data(body).end();
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  abort(): void {
    this.aborted = true;
  }
}

export class ScriptedOrigin implements Origin {
  readonly forwarded: Forwarded[] = [];
  /** True: the test calls `beforeSending` of its requests. */
  tellsSending = false;

  forward(request: OriginRequest, listener: OriginListener): Forward {
    const forwarded = new Forwarded(request, listener);
    this.forwarded.push(forwarded);
    return forwarded;
  }

  get count(): number {
    return this.forwarded.length;
  }

  /** The latest request. */
  get last(): Forwarded {
    const last = this.forwarded.at(-1);
    if (last === undefined) throw new Error('expected a forwarded request, got none');
    return last;
  }
}
