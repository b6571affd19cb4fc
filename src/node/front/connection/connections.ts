// A client's connection: its requests in turn, the answer to an unparsable request, and how it ends.
//
// node:http reads on while an answer is under way. A request that it reads waits for its turn here: requests that may
// change something are carried out one after the other (RFC 9112 §9.3.2), and none after an answer that ends the
// connection (RFC 9112 §9.6). An error of the parser waits as well, or the client would match its 400 with an earlier request.
//
// A connection is lent to node:http for one request at a time; see lent-socket.ts.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { GateRequest, Unanswered } from '../../../engine/contract.ts';
import type { ClientExchange } from '../client-exchange.ts';
import type { FrontContext } from '../front-contract.ts';
import { LINGER_MS, type Upload } from '../http1/upload.ts';
import { AnswerReader } from '../min-rate.ts';
import { type RequestRefusal, rawRefusal, refusalOfParserError, refused } from '../refusals.ts';
import { type Peer, peerOf } from './arrival.ts';

/** The client has announced its last request; earlier ones are still answered. */
const SENT_AFTER_CLOSE = 'HPE_CLOSED_CONNECTION';

/** Most bytes of chunk extensions, beside those of the head; and of the lines of chunks, to each byte of content: a chunk of one has five beside it. */
const MAX_EXTENSION_BYTES = 16 * 1024;
const CHUNK_LINES_RATIO = 8;

/** `socket`, where a method takes it: what node:http, or nobody yet, reads the connection through. */
export class ClientConnection {
  /** As it was accepted. */
  readonly connection: Socket;
  /** Carries HTTP: the connection itself, or TLS within it. */
  socket: Socket;
  peer: Peer;
  /** Whether an answer is awaited outside an exchange. */
  isAsking = false;
  readonly #context: FrontContext;
  /** The request whose answer is not over. */
  #current: Turn | undefined;
  /** Requests behind it, in their order. */
  readonly #waiting: Turn[] = [];
  /** A refusal to send once all answers are over. */
  #farewell: string | undefined;
  /** Whether further input is ignored: the last answer is under way. */
  #ended = false;
  /** There is one once the client speaks HTTP/2; `goAway` ends it in order. */
  session: { readonly isIdle: boolean; goAway(): void } | undefined;
  /** Takes the answers, over HTTP/1. */
  readonly reader: AnswerReader;

  constructor(connection: Socket, context: FrontContext) {
    this.connection = connection;
    this.socket = connection;
    this.peer = peerOf(connection, 'http');
    this.#context = context;
    const end = () => void connection.destroy();
    this.reader = new AnswerReader(context.answers, () => bytesTaken(connection), end);
    connection.on('close', () => this.reader.stop());
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Whether node:http has read a request whose turn has not come: it should read no more. */
  get isQueueing(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether no request is under way. */
  get isIdle(): boolean {
    return this.session?.isIdle ?? (!this.isBusy && !this.isAsking);
  }

  /** Carries a request out when the answers to earlier ones are over, unless the connection ends with one of them. */
  inTurn(turn: Turn): void {
    if (this.#ended || this.#farewell !== undefined) return;
    if (this.#current === undefined) this.#begin(turn);
    else this.#waiting.push(turn);
  }

  #begin(turn: Turn): void {
    this.#current = turn;
    turn.response.on('close', () => this.#over(turn));
    turn.carryOut();
  }

  /** The gate is asked for the request whose turn it is. */
  opened(exchange: ClientExchange, upload: Upload | undefined): void {
    if (this.#current === undefined) return;
    this.#current.exchange = exchange;
    this.#current.upload = upload;
  }

  /** node:http has read the connection up to this position, and bounds extensions of each chunk, but not of all. */
  hasRead(position: number): void {
    const { exchange, upload, position: began } = this.#current ?? {};
    const content = upload?.arriving;
    if (exchange === undefined || content === undefined || began === undefined) return;
    const rest = position - began - content;
    const { maxHeadBytes, maxTargetBytes } = this.#context.limits;
    const bound = maxTargetBytes + maxHeadBytes + MAX_EXTENSION_BYTES + CHUNK_LINES_RATIO * content;
    if (rest <= bound) return;
    exchange.refuse(this.#context.tell(refused('chunk-extensions', `${rest} bytes beside ${content}`), this.peer));
  }

  #over({ lender, message, response }: Turn): void {
    this.#current = undefined;
    // node:http ends the connection, but may have read on.
    if (!response.shouldKeepAlive) this.ending();
    if (this.#ended || this.connection.closed) return;
    const next = this.#waiting.shift();
    if (next !== undefined) {
      this.#begin(next);
      if (!this.isQueueing) lender.wanted();
    } else if (this.#farewell !== undefined) this.#end(message.socket, this.#farewell);
    else if (this.#context.status.isClosing) message.socket.destroySoon();
    else lender.resume();
  }

  /** Ignores further input: the last answer is under way. */
  ending(): void {
    this.#ended = true;
    this.#waiting.length = 0;
  }

  /** Answers a request that Node's parser could not read, or that came too late. */
  clientError(error: Error & { readonly code?: string }, socket: Socket): void {
    if (this.#ended || this.#farewell !== undefined || error.code === SENT_AFTER_CLOSE) return;
    const refusal = refusalOfParserError(error);
    if (refusal === undefined || this.connection.closed || !socket.writable) return void socket.destroy();
    const last = this.#waiting.at(-1);
    // The content of that request is malformed or late: it is not begun, or not gone on with.
    if (last?.message.complete === false) this.#waiting.pop();
    if (last !== undefined || this.#current?.exchange?.receiving !== true) return this.refuse(refusal, socket);
    this.ending();
    this.#current.exchange.refuse(this.#context.tell(refusal, this.peer));
  }

  /** Answers on a socket that node:http has released, after all earlier answers, and ends it. */
  refuse(refusal: RequestRefusal, socket: Socket): void {
    this.#context.tell(refusal, this.peer);
    if (this.connection.closed) return;
    this.#farewell = rawRefusal(refusal, this.#context.cacheName);
    // node:http has released the connection (CONNECT), and no longer handles its errors.
    socket.on('error', () => socket.destroy());
    if (!this.isBusy) this.#end(socket, this.#farewell);
  }

  #end(socket: Socket, bytes: string): void {
    this.ending();
    socket.end(bytes, 'latin1');
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.on('close', () => clearTimeout(timer));
    socket.resume();
  }

  /**
   * The front closes: the connection ends if it is idle. Bytes written but not yet sent still go out, while node:http's
   * closeIdleConnections() would cut them off.
   */
  closeIdle(): void {
    if (this.session !== undefined) this.session.goAway();
    else if (this.isIdle) this.socket.destroySoon();
  }
}

/** How many bytes written to the connection the system has taken. Node's own time limits read these counters too. */
export function bytesTaken(connection: Socket): number {
  const { _handle: handle } = connection as { _handle?: { bytesWritten: number; writeQueueSize: number } | null };
  return handle ? handle.bytesWritten - handle.writeQueueSize : 0;
}

/** A request that is admitted, and what was looked up for it. */
export interface HandedOver {
  readonly request: GateRequest;
  readonly unanswered: Unanswered;
}

/** A request that node:http has read. */
export interface Turn {
  readonly lender: Lender;
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly carryOut: () => void;
  /** Before its first byte of content, or after it. */
  readonly position: number;
  /** Once the gate was asked. */
  exchange?: ClientExchange;
  upload?: Upload | undefined;
}

/** Who reads the connection while it is not lent. */
export interface Lender {
  readonly client: ClientConnection;
  /** More bytes may be pushed, after `push` has returned false. */
  wanted(): void;
  /** All answers of node:http are over. */
  resume(): void;
  /**
   * The request as the front has admitted it. Undefined: the front has not admitted it, or node:http has read another head,
   * or a reload has replaced the rules meanwhile. Then the request has to be admitted again.
   */
  handOver(message: IncomingMessage): HandedOver | undefined;
}
