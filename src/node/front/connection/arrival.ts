// Prepares a connection for HTTP: takes the PROXY header off and sets up TLS, as configured.

import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { type Endpoints, notePeer, type Peer, unmapped } from './peer.ts';
import { takeProxyHeader } from './proxy-protocol.ts';
import { TlsListener } from './tls-listener.ts';

/** The layers below HTTP on each connection. */
export interface ArrivalOptions {
  /** Whether every connection begins with a PROXY header. */
  readonly proxyProtocol: boolean;
  readonly tls: TlsOptions | undefined;
}

export interface TlsOptions {
  readonly certificates: Certificates;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Whether HTTP/2 is offered. */
  readonly http2: boolean;
}

/** A connection that ended before any request. */
export interface LostArrival {
  readonly reason: 'proxy-header' | 'tls';
  readonly got: string;
  readonly peer: string;
}

/** `connection` is the accepted connection, `socket` carries HTTP; without TLS they are one. */
interface ArrivalEvents {
  readonly http1: (socket: Socket, peer: Peer, connection: Socket) => void;
  readonly http2: (socket: TLSSocket, peer: Peer, connection: Socket) => void;
  readonly lost: (report: LostArrival) => void;
}

export class Arrivals {
  readonly #options: ArrivalOptions;
  readonly #timeoutMs: number;
  readonly #events: ArrivalEvents;
  readonly #tls: TlsListener | undefined;
  readonly #stated = new WeakMap<Socket, Endpoints>();

  /** `timeoutMs`: for each step. */
  constructor(options: ArrivalOptions, timeoutMs: number, events: ArrivalEvents) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    const { tls } = options;
    if (tls === undefined) return;
    this.#tls = new TlsListener(
      { ...tls, handshakeTimeoutMs: timeoutMs },
      {
        secured: (socket, connection) => this.#secured(socket, connection),
        failed: (got, peer) => events.lost({ reason: 'tls', got, peer }),
      },
    );
  }

  /** `connection`: unread so far. */
  accept(connection: Socket): void {
    if (!this.#options.proxyProtocol) {
      this.#begun(connection);
      return;
    }
    const peer = unmapped(connection.remoteAddress ?? '');
    takeProxyHeader(connection, this.#timeoutMs, {
      ready: (stated) => {
        if (stated !== undefined) this.#stated.set(connection, stated);
        this.#begun(connection);
      },
      refused: (got) => this.#events.lost({ reason: 'proxy-header', got, peer }),
    });
  }

  #begun(connection: Socket): void {
    if (this.#tls !== undefined) {
      this.#tls.accept(connection);
      return;
    }
    this.#events.http1(connection, notePeer(connection, 'http', this.#stated.get(connection)), connection);
    // A PROXY header was taken off it.
    if (connection.isPaused()) connection.resume();
  }

  #secured(socket: TLSSocket, connection: Socket): void {
    const peer = notePeer(socket, 'https', this.#stated.get(connection));
    if (socket.alpnProtocol !== 'h2') {
      this.#events.http1(socket, peer, connection);
      return;
    }
    // A client that ends its half cannot widen flow control any more: held data would wait for ever.
    socket.allowHalfOpen = false;
    this.#events.http2(socket, peer, connection);
  }
}
