// The inputs and hooks of a front, all that its parts share, and the way to one client. Types only.

import type { Writable } from 'node:stream';
import type { Gate, GateRequest, WholeAnswer } from '../../engine/contract.ts';
import type { MemoryBudget } from '../../memory/budget.ts';
import type { Fields } from '../../semantics/fields.ts';
import type { Outcome } from '../../semantics/outcome.ts';
import type { Router } from '../../site/router.ts';
import type { Lease } from '../cluster/cluster.ts';
import type { ResolvedConfig } from '../config/config.ts';
import type { OriginOptions } from '../origin/origin-wire.ts';
import type { ArrivalOptions, LostArrival, Peer } from './connection/arrival.ts';
import type { TunnelRoom } from './connection/tunnel-room.ts';
import type { UploadRoom } from './http1/read-ahead.ts';
import type { AnswerReader, AnswerRoom } from './min-rate.ts';
import type { RefusalReason, RequestRefusal } from './refusals.ts';
import type { Trust } from './trusted-proxies.ts';

/** Each excess is answered with a status of its own; see config-types.ts. */
export type FrontLimits = Omit<ResolvedConfig['limits'], 'overload' | 'writes'>;

/** A request that the front refused. */
export interface RefusalReport {
  readonly reason: RefusalReason;
  /** From the client. */
  readonly got: string;
  readonly peer: string;
}

/** Hooks of the front; each is called as the event happens and must not throw. */
export interface FrontHooks {
  readonly ended?: (end: ExchangeEnd) => void;
  readonly refused?: (report: RefusalReport) => void;
  /** A connection ended before it came to HTTP. */
  readonly lost?: (report: LostArrival) => void;
  /** A route does not allow an Upgrade that a client asked for. */
  readonly upgradeOff?: (origin: string, route: string) => void;
  /** A defect: something threw that must not. The client got a 500 or saw its answer break off. */
  readonly fault?: (error: unknown) => void;
}

export interface FrontDeps {
  /** Asked for each request, so that a new configuration holds for new requests only. */
  readonly site: () => { readonly router: Router };
  readonly gate: Gate;
  readonly limits: FrontLimits;
  /** The layers below HTTP. Default: none. */
  readonly arrival?: ArrivalOptions;
  /** Asked for each request: whom to believe about client, host and scheme. */
  readonly trust: () => Trust;
  /** For tunnels: base URL of an origin, and certificates of the authorities trusted for it. */
  readonly originOf: (originName: string) => Pick<OriginOptions, 'url' | 'ca'>;
  /** Name of this gate in Cache-Status and Via; two gates in a row need two names. Default `tidegate`. */
  readonly cacheName?: string;
  readonly hooks?: FrontHooks;
  /** Bounds what is held in memory for clients. Default: nothing does. */
  readonly budget?: MemoryBudget;
  /** Where the content of requests is while it is read ahead. Default: in memory, within `budget`. */
  readonly uploads?: UploadRoom;
  /** How slowly answers may be taken. Default: as `limits` says. */
  readonly answers?: AnswerRoom;
  /** Default: one within `limits`. */
  readonly tunnels?: TunnelRoom;
  /** In a cluster: whether anything may be served from the cache now. */
  readonly lease?: Lease | undefined;
  /** Whether an overload refuses one more tunnel. Default: none does. */
  readonly sheds?: () => boolean;
  /** A longer pause of a client that should send content ends its request, where there is no least rate. Default 60,000. */
  readonly stallMs?: number;
  /** Time an origin has to answer an Upgrade. Default 10,000. */
  readonly upgradeTimeoutMs?: number;
  readonly monotonic?: () => number;
}

export interface ListenAt {
  readonly host: string;
  readonly port: number;
  /** Whether other processes listen on this port, so that the system shares out the connections. */
  readonly reusePort?: boolean;
}

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

/** All that the parts of a front share: its inputs with their defaults, and where it stands. */
export interface FrontContext
  extends Required<
    Pick<
      FrontDeps,
      'site' | 'gate' | 'limits' | 'trust' | 'cacheName' | 'stallMs' | 'monotonic' | 'budget' | 'uploads' | 'answers'
    >
  > {
  /** While the front closes, answers end their connection. */
  readonly status: { isClosing: boolean };
  /** How long a connection may be idle between requests. */
  readonly idleMs: number;
  /** The lines of an answer after which the connection goes on. */
  readonly keepAliveLines: string;
  readonly ended: FrontHooks['ended'];
  readonly lease: Lease | undefined;
  readonly fault: (error: unknown) => void;
  /** Reports a refusal of the front, and returns it. */
  readonly tell: (refusal: RequestRefusal, peer: Peer) => RequestRefusal;
}

/** The way to one client: an answer of node:http, or a stream of node:http2. */
export interface Channel {
  /** Whether nobody can be answered any more. */
  readonly isGone: boolean;
  /** Whether trailers can follow a body. */
  readonly takesTrailers: boolean;
  interim(status: number, fields: string[]): void;
  /** Sends the answer and ends; returns the bytes of content. Throws when it cannot be sent. */
  whole(answer: WholeAnswer): number;
  /** Sends it and ends; returns the bytes of content. */
  refusal(refusal: RequestRefusal): { readonly status: number; readonly bodyBytes: number };
  /** Sends the head; returns where its body goes. `isEmpty`: it has none. Throws when it cannot be sent. */
  head(status: number, fields: string[], isEmpty: boolean): Writable;
  /** Sends a head now that would wait for the first bytes of its body. */
  flush(): void;
  /** Who takes the answer, when it has to be waited for. */
  readonly reader: AnswerReader;
  /** All that follows a head is handed over; trailers are left out where they cannot be sent. */
  end(trailers: Fields): void;
  /** Whether an answer of this status failed because of what its origin has sent. */
  isUnsendable(error: unknown, status: number): boolean;
  /** Whether another answer can still take the place of one of this status, which failed. */
  mayReplace(status: number): boolean;
  /** Breaks the answer off, so that the client sees that it is incomplete. */
  cut(): void;
  /** Ends the connection, or the stream, at once. */
  destroy(): void;
}
