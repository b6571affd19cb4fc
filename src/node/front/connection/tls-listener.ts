// TLS on connections that are already accepted, perhaps without their PROXY header: the handshake, the certificate for
// the requested name, and the agreed version of HTTP (ALPN, RFC 7301).
//
// Node:tls does not say which connection a secured one came from. The addresses and ports of both ends do, since no
// two open connections share all four.

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { Certificates } from './certificates.ts';
import { unmapped } from './peer.ts';

/** Identifiers of RFC 7301 §6; without HTTP/1.0 here, a client that offers only that version would be refused. */
const HTTP1 = ['http/1.1', 'http/1.0'];

interface TlsListenerOptions {
  readonly certificates: Certificates;
  readonly http2: boolean;
  readonly minVersion: 'TLSv1.2' | 'TLSv1.3';
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
