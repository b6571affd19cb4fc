// One sending of a request, as undici sees it: it reports to the forward until that is over; and the connections that carry it.
//
// A request that is given up leaves its connection to others, even a dead one; so this checks whether any bytes have
// arrived on the connection meanwhile.

import type { Dispatcher } from 'undici';
import type { TidegateError } from '../../errors.ts';
import type { RawFields } from './origin-wire.ts';

export interface PoolOptions {
  /** For messages and metrics. */
  readonly name: string;
  /** Scheme, host and port, e.g. `http://127.0.0.1:3000`; no path. */
  readonly url: string;
  /** Most connections kept; further requests queue. Retries may open as many again, each for one request. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** HTTP/2 with an https origin that offers it. Default true. */
  readonly http2?: boolean;
  /** Certificates of the authorities trusted, in PEM; undefined means Node's own. */
  readonly ca?: string | undefined;
}

export interface Pools {
  /** `fresh`: use a connection that has carried no request before. */
  dispatch(options: Dispatcher.DispatchOptions, pooled: PooledRequest, fresh: boolean): void;
  openConnections(): number;
  close(): Promise<void>;
  destroy(reason: Error): Promise<void>;
}

/** The connection under a client of a pool; its counts begin anew with each socket. */
export interface Connection {
  /** The error that ended the socket, which undici hides when the response could be complete. */
  error: Error | undefined;
  /** Bytes received on it. */
  receivedBytes(): number;
  /** Ends it and everything under way on it. */
  end(): void;
}

/** A handler that is told its connection when a client takes its request. */
export interface PooledRequest extends Dispatcher.DispatchHandler {
  connection: Connection | undefined;
  /** No connection could be made while it was waiting for one. */
  refused(error: TidegateError): void;
}

/** The owner of the request. */
export interface Sender {
  readonly isOver: boolean;
  readonly isPaused: boolean;
  interim(status: number, raw: RawFields): void;
  head(status: number, raw: RawFields): void;
  data(chunk: Uint8Array): void;
  end(trailers: RawFields, connection: Connection | undefined): void;
  lost(attempt: Attempt, error: unknown): void;
}

/** One sending of the request. */
export class Attempt implements PooledRequest {
  readonly fresh: boolean;
  readonly #forward: Sender;
  connection: Connection | undefined;
  controller: Dispatcher.DispatchController | undefined;
  /** At least part of the request may have been written. */
  started = false;
  /** A byte of an answer has arrived. */
  answered = false;
  #receivedAtStart: number | undefined;

  constructor(forward: Sender, fresh: boolean) {
    this.#forward = forward;
    this.fresh = fresh;
  }

  /** Gives the request up; a queued one is dropped when its turn comes. */
  drop(): void {
    this.controller?.abort(DROPPED);
  }

  /**
   * Gives the request up, and ends the connection too if it has been silent since: HTTP/2 would keep using a dead one.
   */
  dropSilent(): void {
    this.drop();
    if (this.started && this.connection?.receivedBytes() === this.#receivedAtStart) this.connection?.end();
  }

  /** No connection could be made while the request was waiting for one. */
  refused(error: TidegateError): void {
    if (!this.#forward.isOver) this.#forward.lost(this, error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: undici then drops the unsent request and keeps the connection.
    if (this.#forward.isOver) throw DROPPED;
    this.started = true;
    this.#receivedAtStart = this.connection?.receivedBytes();
    this.controller = controller;
    if (this.#forward.isPaused) controller.pause();
  }

  onResponseStarted(): void {
    this.answered = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#forward.isOver) return;
    const raw = controller.rawHeaders as RawFields;
    if (status < 200) this.#forward.interim(status, raw);
    else this.#forward.head(status, raw);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Uint8Array): void {
    // An empty chunk comes after each resume; a listener that pauses at every chunk would never get past them.
    if (chunk.length > 0 && !this.#forward.isOver) this.#forward.data(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (!this.#forward.isOver) this.#forward.end(controller.rawTrailers as RawFields, this.connection);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (!this.#forward.isOver) this.#forward.lost(this, error);
  }
}

const DROPPED = new Error('the forward is over');
