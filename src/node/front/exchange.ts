// What an exchange with a client is made of, and how it ended. Types only.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate, GateRequest } from '../../engine/contract.ts';
import type { Outcome } from '../../semantics/outcome.ts';
import type { Upload } from './http1/upload.ts';

/** How an exchange ended. */
export interface ExchangeEnd {
  readonly request: GateRequest;
  readonly peer: string;
  /** Undefined: the client left before it was answered. */
  readonly status: number | undefined;
  /** Undefined: not answered, or refused by the front. */
  readonly outcome: Outcome | undefined;
  readonly bodyBytes: number;
  /** False: the client left, or the body broke off. */
  readonly complete: boolean;
  readonly durationMs: number;
}

/** What exchanges share. */
export interface ExchangeDeps {
  readonly gate: Gate;
  readonly cacheName: string;
  /** True: the front is closing, so answers end their connection. */
  readonly closing: () => boolean;
  /** A pause longer than this, of a client that is to send or to read, ends the connection. */
  readonly stallMs: number;
  readonly monotonic: () => number;
  /** Told of each exchange once it is over. */
  readonly ended: ((end: ExchangeEnd) => void) | undefined;
  /** Told of what must not happen: something threw. */
  readonly fault: (error: unknown) => void;
}

export interface Visit {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: GateRequest;
  readonly peer: string;
  readonly upload: Upload | undefined;
}
