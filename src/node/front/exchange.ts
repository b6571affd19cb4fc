// The parts of an exchange with a client, and how it ended. Types only.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate, GateRequest, Unanswered } from '../../engine/contract.ts';
import type { Outcome } from '../../semantics/outcome.ts';
import type { Upload } from './http1/upload.ts';

/** How an exchange ended. */
export interface ExchangeEnd {
  readonly request: GateRequest;
  readonly peer: string;
  /** Undefined when the client left before it was answered. */
  readonly status: number | undefined;
  /** Undefined when there was no answer, or the front refused. */
  readonly outcome: Outcome | undefined;
  readonly bodyBytes: number;
  /** Whether the client got the whole answer. */
  readonly complete: boolean;
  readonly durationMs: number;
}

/** Dependencies that exchanges share. */
export interface ExchangeDeps {
  readonly gate: Gate;
  readonly cacheName: string;
  /** While the front closes, answers end their connection. */
  readonly status: { readonly isClosing: boolean };
  /** A longer pause of a client that should send or read ends the connection. */
  readonly stallMs: number;
  readonly monotonic: () => number;
  /** Called for each exchange once it is over. */
  readonly ended: ((end: ExchangeEnd) => void) | undefined;
  /** Called with an exception that must not happen. */
  readonly fault: (error: unknown) => void;
}

export interface Visit {
  readonly message: IncomingMessage;
  readonly response: ServerResponse;
  readonly request: GateRequest;
  /** Undefined: the request has not been looked up. */
  readonly unanswered?: Unanswered;
  readonly peer: string;
  readonly upload?: Upload;
}
