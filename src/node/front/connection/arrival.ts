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

interface Begun {
  readonly connection: Socket;
  readonly stated: Endpoints | undefined;
}

/** Identifiers of RFC 7301 §6; without HTTP/1.0 here, a client that offers only that version would be refused. */
const HTTP1 = ['http/1.1', 'http/1.0'];

export class Arrivals {
  readonly #options: ArrivalOptions;
  readonly #timeoutMs: number;
  readonly #events: ArrivalEvents;
  readonly #tls: Server | undefined;
  /** Connections that are not secured yet. */
  readonly #securing = new Map<string, Begun>();
  /** Reasons of failed handshakes, until their connections close; when several fail at once, the order is a guess. */
  readonly #failures: string[] = [];

  /** `timeoutMs`: for each step. */
  constructor(options: ArrivalOptions, timeoutMs: number, events: ArrivalEvents) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#tls = options.tls && this.#tlsServer(options.tls);
  }

  /** `connection`: unread so far. */
  accept(connection: Socket): void {
    if (!this.#options.proxyProtocol) return this.#begun({ connection, stated: undefined });
    const peer = unmapped(connection.remoteAddress ?? '');
    takeProxyHeader(connection, this.#timeoutMs, {
      ready: (stated) => this.#begun({ connection, stated }),
      refused: (got) => this.#events.lost({ reason: 'proxy-header', got, peer }),
    });
  }

  #begun(begun: Begun): void {
    const { connection, stated } = begun;
    if (this.#tls !== undefined) return this.#secure(this.#tls, begun);
    this.#events.http1(connection, peerOf(connection, 'http', stated), connection);
    // A PROXY header was taken off it.
    if (connection.isPaused()) connection.resume();
  }

  #tlsServer({ certificates, http2, minVersion }: TlsOptions): Server {
    const server = createServer({
      ...certificates.standard,
      SNICallback: (name, done) => done(null, certificates.contextFor(name)),
      ALPNProtocols: http2 ? ['h2', ...HTTP1] : HTTP1,
      minVersion,
      handshakeTimeout: this.#timeoutMs,
      // As in node:http: a client that has sent all its requests may close its half.
      allowHalfOpen: true,
    });
    server.on('secureConnection', (socket) => this.#secured(socket));
    server.on('tlsClientError', (error, socket) => {
      this.#failures.push(error.message);
      socket.destroy();
    });
    certificates.follow(() => server.setSecureContext(certificates.standard));
    return server;
  }

  #secure(server: Server, begun: Begun): void {
    const { connection } = begun;
    const name = nameOf(connection);
    const peer = unmapped(connection.remoteAddress ?? '');
    connection.on('error', () => connection.destroy());
    connection.on('close', () => {
      if (this.#securing.get(name) !== begun) return;
      this.#securing.delete(name);
      this.#events.lost({ reason: 'tls', got: this.#failures.shift() ?? 'the end of the connection', peer });
    });
    this.#securing.set(name, begun);
    server.emit('connection', connection);
  }

  #secured(socket: TLSSocket): void {
    const name = nameOf(socket);
    const begun = this.#securing.get(name);
    // It has ended meanwhile.
    if (begun === undefined) {
      socket.destroy();
      return;
    }
    this.#securing.delete(name);
    const peer = peerOf(socket, 'https', begun.stated);
    if (socket.alpnProtocol !== 'h2') {
      this.#events.http1(socket, peer, begun.connection);
      return;
    }
    // A client that ends its half cannot widen flow control any more: held data would wait for ever.
    socket.allowHalfOpen = false;
    this.#events.http2(socket, peer, begun.connection);
  }
}

function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
