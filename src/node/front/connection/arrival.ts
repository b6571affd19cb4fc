// Prepares a connection for HTTP, as configured: takes the PROXY header off, and sets up TLS with the certificate for the
// requested name and the agreed version of HTTP (ALPN, RFC 7301).
//
// Node:tls does not say which connection a secured one came from. The addresses and ports of both ends do, since no two open
// connections share all four.

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { type Endpoints, takeProxyHeader } from './proxy-protocol.ts';

/** Who sends the requests of a connection: as the socket says, or as a proxy before us has stated. */
export interface Peer {
  /** In the form of IPv4 where it is one (`unmapped`). */
  readonly address: string;
  /** How the connection reached us. */
  readonly scheme: 'http' | 'https';
  /** Address and port of our end, for a request that names no host. */
  readonly localAuthority: () => string;
}

/** `stated` overrides the socket's own word. */
export function peerOf(socket: Socket, scheme: Peer['scheme'], stated?: Endpoints): Peer {
  return {
    address: unmapped(stated?.remoteAddress ?? socket.remoteAddress ?? ''),
    scheme,
    localAuthority: () => {
      const { localAddress = '', localPort } = stated ?? socket;
      const address = unmapped(localAddress);
      return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
    },
  };
}

/** An IPv4 address that a dual-stack socket reports in the form of IPv6 (RFC 4291 §2.5.5.2). */
function unmapped(address: string): string {
  return address.startsWith('::ffff:') ? address.slice(7) : address;
}

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
    this.#events.http1(connection, peerOf(connection, 'http', this.#stated.get(connection)), connection);
    // A PROXY header was taken off it.
    if (connection.isPaused()) connection.resume();
  }

  #secured(socket: TLSSocket, connection: Socket): void {
    const peer = peerOf(socket, 'https', this.#stated.get(connection));
    if (socket.alpnProtocol !== 'h2') {
      this.#events.http1(socket, peer, connection);
      return;
    }
    // A client that ends its half cannot widen flow control any more: held data would wait for ever.
    socket.allowHalfOpen = false;
    this.#events.http2(socket, peer, connection);
  }
}

/** Identifiers of RFC 7301 §6; without HTTP/1.0 here, a client that offers only that version would be refused. */
const HTTP1 = ['http/1.1', 'http/1.0'];

interface TlsListenerOptions extends TlsOptions {
  readonly handshakeTimeoutMs: number;
}

interface TlsListenerEvents {
  readonly secured: (socket: TLSSocket, connection: Socket) => void;
  /** The connection is over. */
  readonly failed: (got: string, peer: string) => void;
}

export class TlsListener {
  readonly #server: Server;
  readonly #events: TlsListenerEvents;
  /** Connections that are not secured yet. */
  readonly #connections = new Map<string, Socket>();
  /** Reasons of failed handshakes, until their connections close; when several fail at once, the order is a guess. */
  readonly #failures: string[] = [];

  constructor(options: TlsListenerOptions, events: TlsListenerEvents) {
    const { certificates, http2, minVersion, handshakeTimeoutMs } = options;
    this.#events = events;
    const server = createServer({
      ...certificates.standard,
      SNICallback: (name, done) => done(null, certificates.contextFor(name)),
      ALPNProtocols: http2 ? ['h2', ...HTTP1] : HTTP1,
      minVersion,
      handshakeTimeout: handshakeTimeoutMs,
      // As in node:http: a client that has sent all its requests may close its half.
      allowHalfOpen: true,
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#failures.push(error.message);
      socket.destroy();
    });
    certificates.follow(() => server.setSecureContext(certificates.standard));
    this.#server = server;
  }

  /** `connection`: unread, apart from a PROXY header. */
  accept(connection: Socket): void {
    const name = nameOf(connection);
    const peer = unmapped(connection.remoteAddress ?? '');
    connection.on('error', () => connection.destroy());
    connection.on('close', () => {
      if (this.#connections.get(name) !== connection) return;
      this.#connections.delete(name);
      this.#events.failed(this.#failures.shift() ?? 'the end of the connection', peer);
    });
    this.#connections.set(name, connection);
    this.#server.emit('connection', connection);
  }

  #secured(socket: TLSSocket): void {
    const name = nameOf(socket);
    const connection = this.#connections.get(name);
    // It has ended meanwhile.
    if (connection === undefined) socket.destroy();
    else {
      this.#connections.delete(name);
      this.#events.secured(socket, connection);
    }
  }
}

function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
