// Sends a body from a BodySource to a client, no faster than the client reads.

import { guarded } from '../../../engine/guarded.ts';
import type { BodySource } from '../../../ports.ts';
import { trailerPairs } from './answer-bytes.ts';

/** Where the bytes go: an answer of node:http, or a stream of HTTP/2 that looks like one. */
export interface BodySink {
  write(chunk: Uint8Array): boolean;
  once(event: 'drain', listener: () => void): unknown;
  flushHeaders(): void;
  addTrailers(trailers: readonly [string, string][]): void;
  /** Whether trailers can be sent. */
  readonly chunkedEncoding: boolean;
  readonly socket: { setTimeout(ms: number): unknown } | null;
}

interface PumpOptions {
  /** Bytes the head promised; undefined when it promised none. */
  readonly declared: number | undefined;
  /** Whether to drop the bytes because the answer has no content; a fill behind them still completes. */
  readonly discard: boolean;
  readonly stallMs: number;
  /** Called when the source throws. */
  readonly fault: (error: unknown) => void;
}

interface PumpListener {
  /** All bytes are handed over; the caller now ends the answer. */
  finished(bytes: number): void;
  /** The rest will not come, or the length differs from the promise. */
  failed(bytes: number): void;
}

export class BodyPump {
  readonly #body: BodySource;
  readonly #response: BodySink;
  readonly #options: PumpOptions;
  #listener: PumpListener | undefined;
  #over = false;
  bytes = 0;

  constructor(body: BodySource, response: BodySink, options: PumpOptions) {
    this.#body = body;
    this.#response = response;
    this.#options = options;
  }

  start(listener: PumpListener): void {
    this.#listener = listener;
    this.#pump();
    // No bytes yet: the client may still see the head.
    if (!this.#over && this.bytes === 0 && !this.#options.discard) this.#response.flushHeaders();
  }

  /** The client is gone. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    guarded(() => this.#body.cancel(), this.#options.fault)();
  }

  readonly #pump = (): void => {
    try {
      this.#run();
    } catch (error) {
      this.#options.fault(error);
      this.cancel();
      this.#fail();
    }
  };

  #run(): void {
    while (!this.#over) {
      const read = this.#body.read();
      if (read === 'pending') {
        this.#body.whenReadable(this.#pump);
        return;
      }
      if (read === 'end') {
        this.#end();
        return;
      }
      if (read === 'failed') {
        this.#fail();
        return;
      }
      if (!this.#pass(read)) return;
    }
  }

  /** Returns false when the pump must wait, or is over. */
  #pass(chunk: Uint8Array): boolean {
    const { declared, discard } = this.#options;
    if (discard) return true;
    if (declared !== undefined && this.bytes + chunk.length > declared) {
      // The client would read more bytes as the answer to another request (RFC 9112 §11.1).
      this.#body.cancel();
      this.#fail();
      return false;
    }
    this.bytes += chunk.length;
    if (this.#response.write(chunk)) return true;
    this.#response.socket?.setTimeout(this.#options.stallMs);
    this.#response.once('drain', this.#drained);
    return false;
  }

  readonly #drained = (): void => {
    this.#response.socket?.setTimeout(0);
    this.#pump();
  };

  #end(): void {
    const { declared, discard } = this.#options;
    if (declared !== undefined && this.bytes < declared) {
      this.#fail();
      return;
    }
    this.#over = true;
    if (!discard && this.#response.chunkedEncoding) {
      const trailers = trailerPairs(this.#body.trailers());
      if (trailers.length > 0) this.#response.addTrailers(trailers);
    }
    this.#listener?.finished(this.bytes);
  }

  #fail(): void {
    this.#over = true;
    this.#listener?.failed(this.bytes);
  }
}
