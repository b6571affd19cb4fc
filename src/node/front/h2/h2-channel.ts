// The way to one client over HTTP/2: a stream of node:http2.
//
// Answers that break off need care. node:http2 ends the body in order before it resets the stream, and the client
// would take the part for the whole. It does not do so while trailers are awaited, so every streamed body awaits
// trailers, and a stream is reset with its body visibly unfinished (RFC 9113 §8.1).

import type { OutgoingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';
import type { WholeAnswer } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import type { Fields } from '../../../semantics/fields.ts';
import type { Channel, FrontContext } from '../front-contract.ts';
import { trailerPairs } from '../http1/answer-bytes.ts';
import type { Upload } from '../http1/upload.ts';
import { type Refusal, refusalAnswer } from '../refusals.ts';
import { isStatus, put, sendWhole, toHeaders, UnsendableField } from './h2-answer.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/** An answer up to this size that the client does not read is found by the connection's look. */
export const SMALL_ANSWER_BYTES = 65_536;

/** A larger answer gets a timer of its own. Returns whether it got one. */
export function guardFlush(stream: ServerHttp2Stream, bodyBytes: number, stallMs: number): boolean {
  if (bodyBytes <= SMALL_ANSWER_BYTES) return false;
  stream.setTimeout(stallMs, () => stream.close(NGHTTP2_CANCEL));
  return true;
}

interface Ends {
  readonly stream: ServerHttp2Stream;
  readonly method: string;
  readonly upload: Upload | undefined;
}

export class H2Channel implements Channel {
  readonly takesTrailers = true;
  readonly #ends: Ends;
  readonly #deps: FrontContext;
  readonly #trailers: OutgoingHttpHeaders = {};
  #isEmpty = false;

  constructor(ends: Ends, deps: FrontContext) {
    this.#ends = ends;
    this.#deps = deps;
  }

  get isGone(): boolean {
    const { stream } = this.#ends;
    return stream.closed || stream.destroyed;
  }

  interim(status: number, fields: string[]): void {
    this.#ends.stream.additionalHeaders(toHeaders(status, fields));
  }

  whole(answer: WholeAnswer): number {
    const { stream, method } = this.#ends;
    return this.#finished(sendWhole(stream, answer, method));
  }

  refusal(refusal: Refusal): { readonly status: number; readonly bodyBytes: number } {
    const { status, bodyBytes } = sendRefusal(this.#ends.stream, refusal, this.#deps);
    return { status, bodyBytes: this.#finished(bodyBytes) };
  }

  head(status: number, fields: string[], isEmpty: boolean): Writable {
    const { stream } = this.#ends;
    this.#isEmpty = isEmpty;
    stream.respond(toHeaders(status, fields), isEmpty ? { endStream: true } : { waitForTrailers: true });
    const sendLast = () => {
      stream.sendTrailers(this.#trailers);
      this.#stopSending();
    };
    const broken = (error: unknown) => {
      this.#deps.fault(error);
      this.destroy();
    };
    stream.once('wantTrailers', guarded(sendLast, broken));
    return stream;
  }

  /** respond() has sent it. */
  flush(): void {}

  setTimeout(ms: number): void {
    this.#ends.stream.setTimeout(ms);
  }

  end(trailers: Fields): void {
    const { stream } = this.#ends;
    if (this.#isEmpty) {
      this.#finished(0);
      return;
    }
    for (const [name, value] of trailerPairs(trailers)) put(this.#trailers, name, value);
    stream.end();
    stream.setTimeout(this.#deps.stallMs);
  }

  isUnsendable(error: unknown, status: number): boolean {
    return error instanceof UnsendableField || !isStatus(status);
  }

  mayReplace(): boolean {
    const { stream } = this.#ends;
    return !stream.headersSent && !stream.closed;
  }

  cut(): void {
    this.destroy();
  }

  destroy(): void {
    this.#ends.stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  over(): void {}

  /** Everything is handed over; the client may read it, but should send no more. */
  #finished(bodyBytes: number): number {
    const { stream, upload } = this.#ends;
    guardFlush(stream, bodyBytes, this.#deps.stallMs);
    if (upload?.complete === false) stream.once('finish', () => this.#stopSending());
    return bodyBytes;
  }

  /** RFC 9113 §8.1: once the answer is complete, the server may ask the client to stop sending content. */
  #stopSending(): void {
    const { stream, upload } = this.#ends;
    if (upload?.complete === false) stream.close(NGHTTP2_NO_ERROR);
  }
}

/** Answers a request that is not let through. */
export function sendRefusal(
  stream: ServerHttp2Stream,
  refusal: Refusal,
  { cacheName, stallMs }: Pick<FrontContext, 'cacheName' | 'stallMs'>,
): { readonly status: number; readonly bodyBytes: number } {
  const { status, fields, body } = refusalAnswer(refusal, cacheName, false);
  stream.respond(toHeaders(status, fields));
  // node:http2 ends the stream itself after a HEAD response.
  if (stream.writableEnded) return { status, bodyBytes: 0 };
  stream.setTimeout(stallMs, () => stream.close(NGHTTP2_CANCEL));
  stream.end(body, 'latin1');
  return { status, bodyBytes: body.length };
}
