// The way to one client over HTTP/2: a stream of node:http2, and answers as that sends them. A repeated name is a list of values
// there; and it ends an answer that can have no content by itself, after which nothing may be written.
//
// Answers that break off need care. node:http2 ends the body in order before it resets the stream, and the client
// would take the part for the whole. It does not do so while trailers are awaited, so every streamed body awaits
// trailers, and a stream is reset with its body visibly unfinished (RFC 9113 §8.1).

import type { OutgoingHttpHeaders } from 'node:http';
import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';
import type { GateRequest, WholeAnswer } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import { bodyOf, type StoredResponse } from '../../../entry/stored-response.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { type ExchangeParts, statusOf } from '../client-exchange.ts';
import { bytesTaken, type ClientConnection } from '../connection/connections.ts';
import type { Channel, FrontContext } from '../front-contract.ts';
import { asBuffer, fieldsOf, fieldsToSend, hasNoContent, isSendable, trailerPairs } from '../http1/answer-bytes.ts';
import { SLICE_BYTES } from '../http1/pour.ts';
import { AnswerReader, type AnswerRoom } from '../min-rate.ts';
import { type RequestRefusal, refusalAnswer } from '../refusals.ts';
import { OF_CONNECTION } from './h2-head.ts';

const { NGHTTP2_CANCEL, NGHTTP2_INTERNAL_ERROR, NGHTTP2_NO_ERROR } = constants;

/**
 * One stream's answer. A write to it is over when all of it was taken; so that of what is under way, as much was taken as the
 * whole connection took meanwhile, at most. `given`: bytes that were written to it.
 */
export function readerOf(
  stream: ServerHttp2Stream,
  { client, answers }: { readonly client: ClientConnection; readonly answers: AnswerRoom },
  given: () => number,
): AnswerReader {
  const before = bytesTaken(client.connection);
  let [passed, last] = [0, before];
  const taken = () => {
    const now = bytesTaken(client.connection);
    // All is handed to the session: what its connection takes is, or may be, of this stream.
    if (stream.writableLength === 0) passed += now - last;
    last = now;
    return given() - Math.max(0, stream.writableLength - (now - before)) + passed;
  };
  const reader = new AnswerReader(answers, taken, () => stream.close(NGHTTP2_CANCEL));
  stream.once('close', () => reader.stop());
  return reader;
}

interface ChannelParts extends ExchangeParts {
  readonly client: ClientConnection;
  readonly stream: ServerHttp2Stream;
}

export class H2Channel implements Channel {
  readonly takesTrailers = true;
  readonly #parts: ChannelParts;
  readonly #deps: FrontContext;
  readonly #given: () => number;
  readonly #trailers: OutgoingHttpHeaders = {};
  #isEmpty = false;
  #reader: AnswerReader | undefined;

  /** `given`: bytes of a streamed answer so far. */
  constructor(parts: ChannelParts, deps: FrontContext, given: () => number) {
    this.#parts = parts;
    this.#deps = deps;
    this.#given = given;
  }

  get isGone(): boolean {
    const { stream } = this.#parts;
    return stream.closed || stream.destroyed;
  }

  interim(status: number, fields: string[]): void {
    this.#parts.stream.additionalHeaders(toHeaders(status, fields));
  }

  whole(answer: WholeAnswer): number {
    const { stream, request } = this.#parts;
    return this.#finished(
      sendWhole(stream, answer, { ...this.#deps, client: this.#parts.client, method: request.method }),
    );
  }

  refusal(refusal: RequestRefusal): { readonly status: number; readonly bodyBytes: number } {
    const { status, bodyBytes } = sendRefusal(this.#parts.stream, refusal, this.#deps.cacheName);
    return { status, bodyBytes: this.#finished(bodyBytes) };
  }

  head(status: number, fields: string[], isEmpty: boolean): Writable {
    const { stream } = this.#parts;
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

  get reader(): AnswerReader {
    const { stream, client } = this.#parts;
    this.#reader ??= readerOf(stream, { client, answers: this.#deps.answers }, this.#given);
    return this.#reader;
  }

  end(trailers: Fields): void {
    const { stream } = this.#parts;
    if (this.#isEmpty) return void this.#finished(0);
    for (const [name, value] of trailerPairs(trailers)) put(this.#trailers, name, value);
    stream.end();
    const { writableLength: bytes } = stream;
    if (bytes === 0) return;
    const { reader: taker } = this;
    taker.wait();
    if (bytes > SMALL_BYTES) stream.once('close', this.#deps.budget.hold({ bytes }, { taker }));
  }

  isUnsendable(error: unknown, status: number): boolean {
    return error instanceof UnsendableField || !isStatus(status);
  }

  mayReplace(): boolean {
    const { stream } = this.#parts;
    return !stream.headersSent && !stream.closed;
  }

  cut(): void {
    this.destroy();
  }

  destroy(): void {
    this.#parts.stream.close(NGHTTP2_INTERNAL_ERROR);
  }

  /** Everything is handed over; the client may read it, but should send no more. */
  #finished(bodyBytes: number): number {
    const { stream, upload } = this.#parts;
    if (upload?.complete === false) stream.once('finish', () => this.#stopSending());
    return bodyBytes;
  }

  /** RFC 9113 §8.1: once the answer is complete, the server may ask the client to stop sending content. */
  #stopSending(): void {
    const { stream, upload } = this.#parts;
    if (upload?.complete === false) stream.close(NGHTTP2_NO_ERROR);
  }
}

/** Answers a request that is not let through. */
export function sendRefusal(
  stream: ServerHttp2Stream,
  refusal: RequestRefusal,
  cacheName: string,
): { readonly status: number; readonly bodyBytes: number } {
  const { status, fields, body } = refusalAnswer(refusal, cacheName, false);
  stream.respond(toHeaders(status, fields));
  // node:http2 ends the stream itself after a HEAD response.
  if (stream.writableEnded) return { status, bodyBytes: 0 };
  stream.end(body, 'latin1');
  return { status, bodyBytes: body.length };
}

/** Throws for a status or value that cannot be sent, before it sends anything. Returns the bytes of content. */
export function sendWhole(
  stream: ServerHttp2Stream,
  answer: WholeAnswer,
  given: Pick<GateRequest, 'method'> & Pick<FrontContext, 'budget' | 'answers'> & Pick<ChannelParts, 'client'>,
): number {
  const { method, budget } = given;
  const status = statusOf(answer);
  const content = answer.kind === 'stored' ? bodyOf(answer.entry) : answer.body;
  const silent = method === 'HEAD' || hasNoContent(status) || content === undefined || content.length === 0;
  const headers = answer.kind === 'stored' ? storedHeaders(answer) : toHeaders(status, fieldsToSend(answer, method));
  stream.respond(headers, silent ? END : undefined);
  if (silent || stream.writableEnded) return 0;
  const poured = pour(stream, asBuffer(content));
  if (content.length <= SMALL_BYTES) return content.length;
  const taker = readerOf(stream, given, poured);
  taker.wait();
  const key = answer.kind === 'stored' ? answer.entry.key : undefined;
  stream.once('close', budget.hold(content, { key, taker }));
  return content.length;
}

/** An answer up to this size does not count, and is found by the connection's look where the client does not read it. */
export const SMALL_BYTES = 16_384;

/**
 * The result tells how many are written. Waiting bytes of a stream count against its connection, which refuses further streams
 * above a limit.
 */
function pour(stream: ServerHttp2Stream, bytes: Buffer): () => number {
  if (bytes.length <= SLICE_BYTES) {
    stream.end(bytes);
    return () => bytes.length;
  }
  let at = 0;
  const more = () => {
    for (let room = true; room && at < bytes.length; at += SLICE_BYTES) {
      room = stream.write(bytes.subarray(at, at + SLICE_BYTES));
    }
    if (at >= bytes.length) stream.end();
  };
  stream.on('drain', more);
  more();
  return () => Math.min(at, bytes.length);
}

/** Whether node:http2 sends it as the status of a final answer. */
export function isStatus(status: number): boolean {
  return status >= 200 && status <= 599;
}

const END = Object.freeze({ endStream: true });

/** Does for a stored response what fieldsToSend() does for HTTP/1.1, with heads of entries kept. */
function storedHeaders({ entry, added }: Extract<WholeAnswer, { kind: 'stored' }>): OutgoingHttpHeaders {
  const headers = { ...headOf(entry) };
  for (let at = 0; at < added.length; at += 2) put(headers, added[at] as string, added[at + 1] as string);
  if (entry.status !== 204) headers['content-length'] = entry.bytes.length - entry.headBytes;
  return headers;
}

/** Heads of entries in repeated use; forgotten with their entries, and all at once when there are many. */
let heads = new WeakMap<StoredResponse, OutgoingHttpHeaders>();
let headsKept = 0;
const MAX_HEADS = 4_096;

function headOf(entry: StoredResponse): OutgoingHttpHeaders {
  const kept = heads.get(entry);
  if (kept !== undefined) return kept;
  const head: OutgoingHttpHeaders = { ':status': entry.status };
  const fields = fieldsOf(entry);
  for (let at = 0; at < fields.length; at += 2) put(head, fields[at] as string, fields[at + 1] as string);
  if (headsKept === MAX_HEADS) {
    heads = new WeakMap();
    headsKept = 0;
  }
  headsKept++;
  heads.set(entry, head);
  return head;
}

/** Throws for a field that would break the message. */
function toHeaders(status: number, fields: Fields): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = { ':status': status };
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    const value = fields[at + 1] as string;
    if (!isSendable(name, value)) throw new UnsendableField(name);
    put(headers, name, value);
  }
  return headers;
}

/** A field that no message can have. */
class UnsendableField extends Error {
  constructor(name: string) {
    super(`expected a field name and value of RFC 9110 §5, got another in ${JSON.stringify(name)}`);
    this.name = 'UnsendableField';
  }
}

/** Adds a field. */
function put(headers: OutgoingHttpHeaders, name: string, value: string): void {
  if (NEVER.has(name)) return;
  // An object with a prototype is built faster, but also has inherited names.
  const earlier = Object.hasOwn(headers, name) ? headers[name] : undefined;
  if (earlier === undefined) headers[name] = value;
  // A new list: another answer may share the present one.
  else headers[name] = [...(Array.isArray(earlier) ? earlier : [String(earlier)]), value];
}

/** Fields at which node:http2 throws, and the one name that an object cannot hold. */
const NEVER: ReadonlySet<string> = new Set([...OF_CONNECTION, '__proto__', 'http2-settings', 'te']);
