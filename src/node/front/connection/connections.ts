// The client connections of a front: what is under way on each, what is answered to a request that could not be parsed,
// and how they end.
//
// Answers leave a connection in the order of their requests. An error of the parser may come while
// earlier requests are still being answered; its 400 waits for them, or it would be taken for one of theirs.

import type { Socket } from 'node:net';
import type { Exchange } from '../http1/responder.ts';
import { type Refusal, rawRefusal, refusalOfParserError } from '../refusals.ts';
import { LINGER_MS } from './graceful-close.ts';

interface ConnectionState {
  /** Exchanges that did not end at once, in the order of their requests. */
  readonly open: Set<Exchange>;
  /** A refusal to be sent once they are over. */
  farewell: string | undefined;
  /** True: an answer is waited for outside an exchange. */
  asking: boolean;
  /** True: nothing that still arrives is looked at. */
  ended: boolean;
  /** What HTTP is spoken on: the connection itself, or TLS within it. */
  socket: Socket;
  /** Ends, in order, a connection that has no exchanges of node:http. */
  goAway: (() => void) | undefined;
}

/** The client has said that there would be no further request; what it asked for before is still answered. */
const SENT_AFTER_CLOSE = 'HPE_CLOSED_CONNECTION';

export class Connections {
  readonly #states = new Map<Socket, ConnectionState>();
  /** Lent connections, and TLS within a connection, stand for the client's own, and share its state. */
  readonly #inner = new WeakMap<Socket, ConnectionState>();
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

  /** HTTP is spoken on the socket within the connection. */
  wrap(connection: Socket, socket: Socket): void {
    const state = this.#states.get(connection);
    if (state === undefined) return;
    state.socket = socket;
    this.#inner.set(socket, state);
  }

  /** The connection is none of node:http's. */
  endBy(connection: Socket, goAway: () => void): void {
    const state = this.#states.get(connection);
    if (state !== undefined) state.goAway = goAway;
    if (this.#closing) goAway();
  }

  /** What happens on the lent connection happens on the client's. */
  lend(connection: Socket, lent: Socket): void {
    const state = this.#stateOf(connection);
    if (state !== undefined) this.#inner.set(lent, state);
  }

  get size(): number {
    return this.#states.size;
  }

  #stateOf(connection: Socket): ConnectionState | undefined {
    return this.#states.get(connection) ?? this.#inner.get(connection);
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

  /** What still arrives on the connection is not looked at: its last answer is under way. */
  ending(connection: Socket): void {
    const state = this.#stateOf(connection);
    if (state !== undefined) state.ended = true;
  }

  /** Answers what Node's parser could not read, or what came too late. */
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
      // It is the content of that request which is malformed or late.
      state.ended = true;
      last.refuse(refusal);
      return;
    }
    this.#bid(connection, state, rawRefusal(refusal, this.#cacheName));
  }

  /** Answers on a connection that node:http has let go of, and ends it. */
  refuse(refusal: Refusal, connection: Socket): void {
    this.#refused(refusal, connection);
    const state = this.#stateOf(connection);
    if (state !== undefined) this.#bid(connection, state, rawRefusal(refusal, this.#cacheName));
  }

  /** The last bytes of a connection, sent in their turn. */
  #bid(connection: Socket, state: ConnectionState, farewell: string): void {
    state.farewell = farewell;
    // node:http has let go of it (CONNECT), and with it of its errors.
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
   * Closes those on which nothing is under way, now and from now on; what is written but not yet sent still goes out,
   * which node:http's closeIdleConnections() would cut off.
   */
  closeIdle(): void {
    this.#closing = true;
    for (const { open, asking, socket, goAway } of this.#states.values()) {
      if (goAway !== undefined) goAway();
      else if (open.size === 0 && !asking) socket.destroySoon();
    }
  }

  /** An answer is, or is no longer, waited for outside an exchange. */
  asking(connection: Socket, under: boolean): void {
    const state = this.#stateOf(connection);
    if (state !== undefined) state.asking = under;
  }

  destroyAll(): void {
    for (const connection of this.#states.keys()) connection.destroy();
  }
}
