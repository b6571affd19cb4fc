// The way to one client over HTTP/1: an answer of node:http, whose end may have to wait for the end of the request's content.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';
import type { Unanswered, WholeAnswer } from '../../../engine/contract.ts';
import { guarded } from '../../../engine/guarded.ts';
import { bodyOf } from '../../../entry/stored-response.ts';
import type { Fields } from '../../../semantics/fields.ts';
import { ClientExchange, type ExchangeParts, statusOf } from '../client-exchange.ts';
import type { ClientConnection } from '../connection/connections.ts';
import type { Channel, FrontContext } from '../front-contract.ts';
import type { AnswerReader } from '../min-rate.ts';
import { type RequestRefusal, refusalAnswer } from '../refusals.ts';
import { fieldsToSend, hasNoContent, trailerPairs } from './answer-bytes.ts';
import { endAfterContent, LINGER_MS } from './upload.ts';

/** Codes that node:http throws for a name or value that would break the message. */
const UNSENDABLE: ReadonlySet<unknown> = new Set([
  'ERR_INVALID_CHAR',
  'ERR_INVALID_HTTP_TOKEN',
  'ERR_HTTP_INVALID_HEADER_VALUE',
]);

interface ChannelParts extends ExchangeParts {
  readonly client: ClientConnection;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
}

export class Http1Channel implements Channel {
  readonly exchange: ClientExchange;
  readonly #parts: ChannelParts;
  readonly #deps: FrontContext;

  constructor(parts: ChannelParts, deps: FrontContext) {
    this.#parts = parts;
    this.#deps = deps;
    this.exchange = new ClientExchange(parts, this, deps);
  }

  get isGone(): boolean {
    return this.#parts.response.destroyed;
  }

  get takesTrailers(): boolean {
    return this.#parts.message.httpVersion === '1.1';
  }

  /** Hands the request to the gate. */
  start(unanswered?: Unanswered): void {
    const { exchange } = this;
    const { client, response, upload } = this.#parts;
    client.opened(exchange, upload);
    exchange.start(unanswered);
    if (!exchange.isOver) response.on('close', exchange.gone);
  }

  /** Node 24 can write 102 and 103 only, and 103 only with a Link; other interim responses are dropped there. */
  interim(status: number, fields: string[]): void {
    const { message, response } = this.#parts;
    // HTTP/1.0 knows no interim responses (RFC 9110 §15.2).
    if (message.httpVersion === '1.0') return;
    if (typeof response.writeInformation === 'function') response.writeInformation(status, fields);
    else if (status === 102) (response as ServerResponse).writeProcessing();
  }

  whole(answer: WholeAnswer): number {
    const status = statusOf(answer);
    this.#writeHead(status, fieldsToSend(answer, this.#parts.request.method));
    if (hasNoContent(status)) return this.#finish();
    if (answer.kind === 'whole') return this.#finish(answer.body);
    return this.#finish(bodyOf(answer.entry), answer.entry.key);
  }

  refusal(refusal: RequestRefusal): { readonly status: number; readonly bodyBytes: number } {
    const { status, fields, body, closes } = refusalAnswer(refusal, this.#deps.cacheName, this.#mustClose());
    if (closes) this.#parts.client.ending();
    this.#parts.response.writeHead(status, fields);
    return { status, bodyBytes: this.#finish(Buffer.from(body, 'latin1')) };
  }

  head(status: number, fields: string[]): Writable {
    this.#writeHead(status, fields);
    return this.#parts.response;
  }

  flush(): void {
    this.#parts.response.flushHeaders();
  }

  get reader(): AnswerReader {
    return this.#parts.client.reader;
  }

  end(trailers: Fields): void {
    const { response } = this.#parts;
    if (response.chunkedEncoding) response.addTrailers(trailerPairs(trailers));
    this.#finish();
  }

  isUnsendable(error: unknown): boolean {
    return error instanceof Error && 'code' in error && UNSENDABLE.has(error.code);
  }

  mayReplace(status: number): boolean {
    const { response } = this.#parts;
    if (response.headersSent || response.destroyed) return false;
    // writeHead() has noted the status it could not send, and node:http sends no body after 204 and 304.
    response.statusMessage = '';
    return !hasNoContent(status);
  }

  cut(): void {
    const { message } = this.#parts;
    // Without chunks, an orderly end of the connection would look like the end of the body.
    const cut = guarded(
      (socket: Socket) => void (message.httpVersion === '1.0' ? socket.resetAndDestroy() : socket.destroy()),
      (error) => {
        this.#deps.fault(error);
        this.destroy();
      },
    );
    this.#parts.client.ending();
    // Bytes already written still go out.
    setImmediate(cut, message.socket);
  }

  destroy(): void {
    this.#parts.message.socket.destroy();
  }

  #writeHead(status: number, fields: string[]): void {
    // A final answer of 101 or less would leave the client waiting for another.
    if (status < 200) throw new RangeError(`status ${status} as a final answer`);
    if (this.#mustClose()) {
      fields.push('connection', 'close');
      this.#parts.client.ending();
    }
    this.#parts.response.writeHead(status, fields);
  }

  #mustClose(): boolean {
    return this.#deps.status.isClosing || this.exchange.receiving;
  }

  /** Returns the bytes of content. `key`: under which they may be stored. */
  #finish(body?: Uint8Array, key?: string): number {
    const { message, response, request, upload } = this.#parts;
    const lastBytes = request.method === 'HEAD' || body?.length === 0 ? undefined : body;
    if (upload === undefined || !this.exchange.receiving) {
      response.end(lastBytes);
      this.#guardFlush(lastBytes, key);
    } else {
      if (lastBytes === undefined) response.flushHeaders();
      else response.write(lastBytes);
      upload.discard();
      // A client that waits for 100 sends nothing more once it sees another answer.
      endAfterContent(message, response, upload.unasked ? 0 : LINGER_MS);
    }
    return lastBytes?.length ?? 0;
  }

  /** A client that does not read loses its connection; see front.ts for one that is idle between requests. */
  #guardFlush(body?: Uint8Array, key?: string): void {
    const { response } = this.#parts;
    if (response.writableLength === 0) return;
    const { reader } = this;
    if (body !== undefined) response.once('close', this.#deps.budget.hold(body, { key, taker: reader }));
    reader.wait();
    response.on('finish', () => reader.took());
  }
}
