// The client connections of a front: the exchanges under way on each, the answer to an unparsable request, and how
// connections end.
//
// Answers leave a connection in the order of their requests. An error of the parser may come while earlier requests
// are still being answered; its 400 waits for them, or the client would match it with an earlier request.
//
// A connection is lent to node:http for one request at a time.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { GateRequest, Unanswered } from '../../../engine/contract.ts';
import type { Exchange } from '../exchange.ts';
import { LINGER_MS } from '../http1/upload.ts';
import { type Refusal, rawRefusal, refusalOfParserError } from '../refusals.ts';
import type { Peer } from './arrival.ts';

interface ConnectionState {
  /** Exchanges that did not end at once, in the order of their requests. */
  readonly open: Set<Exchange>;
  /** A refusal to send once the open exchanges are over. */
  farewell: string | undefined;
  /** Whether an answer is awaited outside an exchange. */
  asking: boolean;
  /** Whether further input is ignored. */
  ended: boolean;
  /** The socket that carries HTTP: the connection itself, or TLS within it. */
  socket: Socket;
  /** Ends, in order, a connection that has no exchanges of node:http. */
  goAway: (() => void) | undefined;
}

/** The client has announced its last request; earlier ones are still answered. */
const SENT_AFTER_CLOSE = 'HPE_CLOSED_CONNECTION';

export class Connections {
  readonly #states = new Map<Socket, ConnectionState>();
  readonly #cacheName: string;
  #closing = false;
  readonly #refused: (refusal: Refusal, connection: Socket) => void;

  constructor(cacheName: string, whenRefused: (refusal: Refusal, connection: Socket) => void) {
    this.#cacheName = cacheName;
    this.#refused = whenRefused;
  }

  add(connection: Socket): void {
    const state = { open: new Set<Exchange>(), farewell: undefined, asking: false, ended: false };
    this.#states.set(connection, { ...state, socket: connection, goAway: undefined });
    connection.on('close', () => this.#states.delete(connection));
  }

  /** The socket within the connection carries HTTP. */
  wrap(connection: Socket, socket: Socket): void {
    const state = this.#states.get(connection);
    if (state !== undefined) state.socket = socket;
  }

  /** Registers a connection that node:http does not handle. */
  endBy(connection: Socket, goAway: () => void): void {
    const state = this.#states.get(connection);
    if (state !== undefined) state.goAway = goAway;
    if (this.#closing) goAway();
  }

  get size(): number {
    return this.#states.size;
  }

  /** The state of the client's connection; a lent socket shares the state of its lender. */
  #stateOf(socket: Socket): ConnectionState | undefined {
    return this.#states.get(socket instanceof LentSocket ? socket.connection : socket);
  }

  isBusy(connection: Socket): boolean {
    return (this.#stateOf(connection)?.open.size ?? 0) > 0;
  }

  opened(connection: Socket, exchange: Exchange): void {
    this.#stateOf(connection)?.open.add(exchange);
  }

  /** The exchange is over. */
  settled(connection: Socket, exchange: Exchange): void {
    const state = this.#stateOf(connection);
    if (state === undefined) return;
    state.open.delete(exchange);
    if (state.open.size > 0) return;
    if (state.farewell !== undefined) this.#end(connection, state, state.farewell);
    else if (this.#closing) connection.destroySoon();
  }

  /** Ignores further input on the connection: its last answer is under way. */
  ending(connection: Socket): void {
    const state = this.#stateOf(connection);
    if (state !== undefined) state.ended = true;
  }

  /** Answers a request that Node's parser could not read, or that came too late. */
  clientError(error: Error & { readonly code?: string }, connection: Socket): void {
    const state = this.#stateOf(connection);
    if (state?.ended || state?.farewell !== undefined || error.code === SENT_AFTER_CLOSE) return;
    const refusal = refusalOfParserError(error);
    if (refusal === undefined || state === undefined || !connection.writable) {
      connection.destroy();
      return;
    }
    this.#refused(refusal, connection);
    const last = [...state.open].at(-1);
    if (last?.receiving) {
      // The content of that request is malformed or late.
      state.ended = true;
      last.refuse(refusal);
      return;
    }
    this.#bid(connection, state, rawRefusal(refusal, this.#cacheName));
  }

  /** Answers on a connection that node:http has released, and ends it. */
  refuse(refusal: Refusal, connection: Socket): void {
    this.#refused(refusal, connection);
    const state = this.#stateOf(connection);
    if (state !== undefined) this.#bid(connection, state, rawRefusal(refusal, this.#cacheName));
  }

  /** The last bytes of a connection, sent after all earlier answers. */
  #bid(connection: Socket, state: ConnectionState, farewell: string): void {
    state.farewell = farewell;
    // node:http has released the connection (CONNECT), and no longer handles its errors.
    connection.on('error', () => connection.destroy());
    if (state.open.size === 0) this.#end(connection, state, farewell);
  }

  #end(connection: Socket, state: ConnectionState, bytes: string): void {
    state.ended = true;
    connection.end(bytes, 'latin1');
    const timer = setTimeout(() => connection.destroy(), LINGER_MS);
    connection.on('close', () => clearTimeout(timer));
    connection.resume();
  }

  /**
   * Closes idle connections, now and from now on; bytes written but not yet sent still go out, while node:http's
   * closeIdleConnections() would cut them off.
   */
  closeIdle(): void {
    this.#closing = true;
    for (const { open, asking, socket, goAway } of this.#states.values()) {
      if (goAway !== undefined) goAway();
      else if (open.size === 0 && !asking) socket.destroySoon();
    }
  }

  /** Notes whether an answer is awaited outside an exchange. */
  asking(connection: Socket, under: boolean): void {
    const state = this.#stateOf(connection);
    if (state !== undefined) state.asking = under;
  }

  destroyAll(): void {
    for (const connection of this.#states.keys()) connection.destroy();
  }
}

/** A request that is admitted, and what was looked up for it. */
export interface HandedOver {
  readonly request: GateRequest;
  readonly unanswered: Unanswered;
}

/** Who reads the connection while it is not lent. */
export interface Lender {
  readonly peer: Peer;
  /** More bytes may be given, after `give` has returned false. */
  wanted(): void;
  /** Call this when the answer to a lent request is over. */
  resume(): void;
  /**
   * The request as the front has admitted it. Undefined: the front has not admitted it, or node:http has read another head,
   * or a reload has replaced the rules meanwhile. Then the request has to be admitted again.
   */
  handOver(message: IncomingMessage): HandedOver | undefined;
}

/**
 * It looks like any other connection to node:http, which reads the bytes given here; bytes that it writes go to the client.
 */
export class LentSocket extends Duplex {
  readonly #socket: Socket;
  readonly connection: Socket;
  readonly lender: Lender;

  /** `connection`: the TCP connection of the socket, a different one where TLS is spoken. */
  constructor(socket: Socket, connection: Socket, lender: Lender) {
    // The encoding of heads: node:http states none when it sends a head before its content.
    super({ allowHalfOpen: true, defaultEncoding: 'latin1' });
    this.#socket = socket;
    this.connection = connection;
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

  /** Passes on bytes from the client; returns false when that is enough for now. */
  give(bytes: Buffer): boolean {
    return this.push(bytes);
  }

  /** The client sends no more. */
  giveEnd(): void {
    this.push(null);
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
    this.connection.resetAndDestroy();
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
