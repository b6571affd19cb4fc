// A client's connection: its requests in turn, the answer to an unparsable request, and how it ends.
//
// node:http reads on while an answer is under way. A request that it reads waits for its turn here: requests that may
// change something are carried out one after the other (RFC 9112 §9.3.2), and none after an answer that ends the
// connection (RFC 9112 §9.6). An error of the parser waits as well, or the client would match its 400 with an earlier request.
//
// A connection is lent to node:http for one request at a time.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { GateRequest, Unanswered } from '../../../engine/contract.ts';
import type { ClientExchange } from '../client-exchange.ts';
import type { FrontContext } from '../front-contract.ts';
import { LINGER_MS } from '../http1/upload.ts';
import { type RequestRefusal, rawRefusal, refusalOfParserError } from '../refusals.ts';
import { type Peer, peerOf } from './arrival.ts';

/** The client has announced its last request; earlier ones are still answered. */
const SENT_AFTER_CLOSE = 'HPE_CLOSED_CONNECTION';

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
  #goAway: (() => void) | undefined;

  constructor(connection: Socket, context: FrontContext) {
    this.connection = connection;
    this.socket = connection;
    this.peer = peerOf(connection, 'http');
    this.#context = context;
  }

  get isBusy(): boolean {
    return this.#current !== undefined;
  }

  /** Whether node:http has read a request whose turn has not come: it should read no more. */
  get isQueueing(): boolean {
    return this.#waiting.length > 0;
  }

  /** `goAway` ends, in order, a connection that has no exchanges of node:http. */
  endBy(goAway: () => void): void {
    this.#goAway = goAway;
    if (this.#context.status.isClosing) goAway();
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
  opened(exchange: ClientExchange): void {
    if (this.#current !== undefined) this.#current.exchange = exchange;
  }

  #over({ lender, message }: Turn): void {
    this.#current = undefined;
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
    if (this.#goAway !== undefined) this.#goAway();
    else if (!this.isBusy && !this.isAsking) this.socket.destroySoon();
  }
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
  /** Once the gate was asked. */
  exchange?: ClientExchange;
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

/**
 * It looks like any other connection to node:http, which reads the bytes pushed here; bytes that it writes go to the client.
 */
export class LentSocket extends Duplex {
  readonly #socket: Socket;
  readonly lender: Lender;

  constructor(lender: Lender) {
    // The encoding of heads: node:http states none when it sends a head before its content.
    super({ allowHalfOpen: true, defaultEncoding: 'latin1' });
    this.#socket = lender.client.socket;
    this.lender = lender;
  }

  get remoteAddress(): string | undefined {
    return this.#socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket.remotePort;
  }

  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  get timeout(): number | undefined {
    return this.#socket.timeout;
  }

  setTimeout(ms: number, callback?: () => void): this {
    this.#socket.setTimeout(ms);
    if (callback !== undefined) this.once('timeout', callback);
    return this;
  }

  setNoDelay(): this {
    return this;
  }

  setKeepAlive(): this {
    return this;
  }

  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }

  /** Only TCP has a reset: a TLS socket throws on this call. */
  resetAndDestroy(): this {
    this.lender.client.connection.resetAndDestroy();
    return this.destroy();
  }

  override _read(): void {
    this.lender.wanted();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#socket.write(chunk);
    this.#whenTaken(done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    for (const { chunk } of chunks) this.#socket.write(chunk);
    this.#socket.uncork();
    this.#whenTaken(done);
  }

  /**
   * Runs `done` at once unless the client is slow. node:http counts bytes still being written in its own
   * back-pressure, and would wait for a 'drain' that never comes if the write ended a moment later.
   */
  #whenTaken(done: () => void): void {
    if (this.#socket.writableNeedDrain) this.#socket.once('drain', done);
    else done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
