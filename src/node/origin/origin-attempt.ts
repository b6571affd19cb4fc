// One sending of a request, as undici sees it: what it reports goes to the forward, as long as that goes on.
//
// There a request given up leaves its connection to the others, be it dead; so whether
// anything has come on the connection meanwhile is looked at.

import type { Dispatcher } from 'undici';
import type { TidegateError } from '../../errors.ts';
import type { RawFields } from './origin-wire.ts';
import type { Connection, Passenger } from './pools.ts';

/** Whose request it is. */
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
export class Attempt implements Passenger {
  readonly fresh: boolean;
  readonly #forward: Sender;
  connection: Connection | undefined;
  controller: Dispatcher.DispatchController | undefined;
  /** The request may have been written, in part at least. */
  started = false;
  /** A byte of an answer has arrived. */
  answered = false;
  #heardAtStart: number | undefined;

  constructor(forward: Sender, fresh: boolean) {
    this.#forward = forward;
    this.fresh = fresh;
  }

  /** Gives the request up; a queued one is dropped when its turn comes. */
  drop(): void {
    this.controller?.abort(DROPPED);
  }

  /** The same, and the connection with it if nothing has come on it since: HTTP/2 would go on with a dead one. */
  dropSilent(): void {
    this.drop();
    if (this.started && this.connection?.heard() === this.#heardAtStart) this.connection?.end();
  }

  /** No connection could be made while the request was waiting for one. */
  refused(error: TidegateError): void {
    if (!this.#forward.isOver) this.#forward.lost(this, error);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    // Thrown, not aborted: undici then drops the unsent request and keeps the connection.
    if (this.#forward.isOver) throw DROPPED;
    this.started = true;
    this.#heardAtStart = this.connection?.heard();
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
    // Empty ones come after each resume; a listener that pauses at every chunk would never get past them.
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
