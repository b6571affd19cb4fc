// The content of a request for the origin: bytes as the client sends them, within the limits of length and rate; sends 100
// (Continue) only when a reader begins. Unless the route wants it as it comes, it is read ahead.
//
// Unread content must still be taken off the connection, or nobody would see the next request; and this must work
// without a reader that waits for ever. So this is not the stream's own iterator.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';
import { TidegateError } from '../../../errors.ts';
import type { RequestBody } from '../../../ports.ts';
import type { FrontContext } from '../front-contract.ts';
import { MinRate } from '../min-rate.ts';
import { type RequestRefusal, refused } from '../refusals.ts';
import { ReadAhead, type UploadRoom } from './read-ahead.ts';

interface UploadOptions {
  /** Whether the last byte has arrived. */
  readonly isComplete: () => boolean;
  /** Called before the first byte is asked for, when the client waits for it. */
  readonly sendContinue: (() => void) | undefined;
  /** True: the origin gets the content as it comes. */
  readonly streams: boolean;
  /** Called with the bytes that a reader takes. */
  readonly took?: (bytes: number) => void;
  /** Called when the content is longer, or slower, than allowed. */
  readonly refuse: (refusal: RequestRefusal) => void;
}

/** A message of node:http, or a stream of node:http2. */
type ContentSource = Readable & { setTimeout(ms: number): unknown };

type UploadDeps = Pick<FrontContext, 'limits' | 'stallMs' | 'uploads'>;

const DONE: IteratorReturnResult<undefined> = { done: true, value: undefined };

/** One request's content, for one reader. */
export class Upload implements AsyncIterable<Uint8Array> {
  readonly #content: ContentSource;
  readonly #options: UploadOptions;
  readonly #deps: UploadDeps;
  readonly #ahead: ReadAhead | undefined;
  /** Undefined: there is no least rate, and a limit of each pause instead. */
  readonly #rate: MinRate | undefined;
  #bytes = 0;
  #waiter: PromiseWithResolvers<IteratorResult<Uint8Array, undefined>> | undefined;
  #failure: TidegateError | undefined;
  #asked = false;

  constructor(content: ContentSource, options: UploadOptions, deps: UploadDeps) {
    this.#content = content;
    this.#options = options;
    this.#deps = deps;
    this.#ahead = options.streams ? undefined : new ReadAhead(this, deps.uploads);
    this.#rate = this.#rateOf(deps.uploads);
    // 'error' has a listener from the start: the client may leave at any time.
    content.on('error', () => this.#broken());
    // node:http2 reports a reset stream in this way, and then reports an end that is not real.
    content.on('aborted', () => this.#broken());
  }

  /** For the origin. */
  get body(): RequestBody {
    return this.#ahead ?? this;
  }

  /** Reads ahead; undefined: the content goes on as it comes. Rejects when it breaks off. */
  readAhead(): Promise<void> | undefined {
    return this.#ahead?.fill();
  }

  /** Whether the last byte has arrived. */
  get complete(): boolean {
    return this.#options.isComplete();
  }

  /** Bytes of content so far; undefined if it is over, or dropped. */
  get arriving(): number | undefined {
    if (this.complete || this.#failure !== undefined) return undefined;
    return this.#bytes + this.#content.readableLength;
  }

  /** Whether the client still waits for 100 and may never send its content. */
  get unasked(): boolean {
    return this.#options.sendContinue !== undefined && !this.#asked;
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, undefined> {
    return {
      next: () => this.#next(),
      return: () => {
        this.#stop('expected a reader of the content, got none any more');
        return Promise.resolve(DONE);
      },
    };
  }

  /** Ends the reading, if any, and drops the rest of the content. */
  discard(): void {
    this.#ahead?.drop();
    this.#stop('expected an exchange under way, got its end');
  }

  #rateOf({ rates, counts }: UploadRoom): MinRate | undefined {
    if (rates === undefined) return undefined;
    return new MinRate(rates, (got) => {
      counts.slow++;
      this.#stop(`expected content of at least ${rates.bound.bytesPerSecond} bytes a second, got ${got}`);
      this.#options.refuse(refused('content-too-slow', got));
    });
  }

  #broken(): void {
    this.#stop('expected the rest of the content, got the end of the connection');
  }

  #next(): Promise<IteratorResult<Uint8Array, undefined>> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#begin();
    const waiter = Promise.withResolvers<IteratorResult<Uint8Array, undefined>>();
    this.#waiter = waiter;
    this.#offer();
    return waiter.promise;
  }

  #begin(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#options.sendContinue?.();
    this.#content.on('readable', this.#offer);
    this.#content.on('end', this.#offer);
  }

  readonly #offer = (): void => {
    const waiter = this.#waiter;
    if (waiter === undefined) return;
    const chunk = this.#content.read() as Buffer | null;
    // read() may have reported the end, or an error, meanwhile.
    if (this.#waiter === undefined) return;
    if (chunk === null && !(this.#content.readableEnded && this.complete)) {
      if (this.#rate === undefined) this.#content.setTimeout(this.#deps.stallMs);
      else this.#rate.wait();
      return;
    }
    this.#waiter = undefined;
    if (this.#rate === undefined) this.#content.setTimeout(0);
    else this.#rate.came(chunk?.length ?? 0);
    if (chunk === null) {
      this.#rate?.stop();
      return waiter.resolve(DONE);
    }
    this.#bytes += chunk.length;
    this.#options.took?.(chunk.length);
    const { maxRequestBodyBytes } = this.#deps.limits;
    if (this.#bytes <= maxRequestBodyBytes) return waiter.resolve({ done: false, value: chunk });
    this.#waiter = waiter;
    this.#stop(`expected content of at most ${maxRequestBodyBytes} bytes, got more`);
    this.#options.refuse(refused('content-too-large', 'more than the limit'));
  };

  #stop(message: string): void {
    if (this.#failure !== undefined) return;
    this.#failure = new TidegateError('E_ABANDONED', message);
    this.#rate?.stop();
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#content.off('readable', this.#offer);
    this.#content.off('end', this.#offer);
    if (!this.#content.destroyed) this.#content.resume();
    waiter?.reject(this.#failure);
  }
}

/** Whether the request announces content (RFC 9112 §6). */
export function hasContent({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

/** How long a client may go on sending after its answer. */
export const LINGER_MS = 1_000;

/** Ends the answer, which closes the connection, once the content has arrived, or after `maxMs`. */
export function endAfterContent(message: IncomingMessage, response: ServerResponse, maxMs: number): void {
  let over = false;
  const end = () => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    response.end();
  };
  const timer = setTimeout(end, maxMs);
  message.on('end', end);
  message.on('error', end);
  response.on('close', end);
  message.resume();
}
