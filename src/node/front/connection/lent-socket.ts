// A connection lent to node:http for one request at a time. It looks like any other connection to node:http, which
// reads the bytes given here; bytes that it writes go to the client.

import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import type { GateRequest, Unanswered } from '../../../engine/contract.ts';
import type { Peer } from './arrival.ts';

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
   * What is known of the request. Undefined: nothing; or node:http has read another head than the one that was admitted,
   * or a reload has replaced the rules meanwhile. Then the request has to be admitted again.
   */
  handOver(message: IncomingMessage): HandedOver | undefined;
}

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
