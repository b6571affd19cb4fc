// The client connections of a front: the exchanges under way on each, the answer to an unparsable request, and how
// connections end.
//
// Answers leave a connection in the order of their requests. An error of the parser may come while earlier requests
// are still being answered; its 400 waits for them, or the client would match it with an earlier request.

import type { Socket } from 'node:net';
import type { Exchange } from '../exchange.ts';
import { LINGER_MS } from '../http1/upload.ts';
import { type Refusal, rawRefusal, refusalOfParserError } from '../refusals.ts';
import { LentSocket } from './lent-socket.ts';

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

  /** Of the client's connection: what happens on it while it is lent, happens on it. */
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
