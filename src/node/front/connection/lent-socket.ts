// What node:http reads a client's connection through, and writes its answers to.

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { pour, SLICE_BYTES } from '../http1/pour.ts';
import type { Lender } from './connections.ts';

const NOTHING = new Uint8Array(0);

/**
 * It looks like any other connection to node:http, which reads the bytes pushed here; bytes that it writes go to the client.
 */
export class LentSocket extends Duplex {
  readonly #socket: Socket;
  readonly lender: Lender;
  /** Bytes that node:http was given, and where the last piece of them begins. */
  #givenBytes = 0;
  #pieceAt = 0;

  constructor(lender: Lender) {
    // The encoding of heads: node:http states none when it sends a head before its content.
    super({ allowHalfOpen: true, defaultEncoding: 'latin1' });
    this.#socket = lender.client.socket;
    this.lender = lender;
  }

  /** Of the request whose head node:http has just read: not after its end, nor far before its begin. */
  get position(): number {
    return this.lender.client.isBusy ? this.#givenBytes : this.#pieceAt;
  }

  /** Returns false when node:http takes no more for now. */
  give(bytes: Buffer): boolean {
    // node:http reads the first piece later; it has by now.
    const check = () => this.lender.client.hasRead(this.#givenBytes - this.readableLength);
    check();
    this.#pieceAt = this.#givenBytes;
    this.#givenBytes += bytes.length;
    const takesMore = this.push(bytes);
    check();
    return takesMore;
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

  // `pour` is done at once unless the client is slow: node:http counts bytes still being written in its own back-pressure, and
  // would wait for a 'drain' that never comes if the write ended a moment later.

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    pour(this.#socket, chunk, done);
  }

  override _writev(chunks: { readonly chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.#socket.cork();
    let at = 0;
    for (; at < chunks.length && chunks[at]!.chunk.length <= SLICE_BYTES; at++) this.#socket.write(chunks[at]!.chunk);
    this.#socket.uncork();
    const next = (): void => {
      const given = chunks[at++];
      if (given === undefined) pour(this.#socket, NOTHING, done);
      else pour(this.#socket, given.chunk, next);
    };
    next();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
