// Prepares a connection for HTTP, as configured: takes the PROXY header off, and sets up TLS with the certificate for the
// requested name and the agreed version of HTTP (ALPN, RFC 7301).
//
// Node:tls does not say which connection a secured one came from. The addresses and ports of both ends do, since no two open
// connections share all four.

import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import { unmapped } from '../../../entry/clients.ts';
import type { Certificates } from './certificates.ts';
import { type Endpoints, takeProxyHeader } from './proxy-protocol.ts';

/** Who sends the requests of a connection: as the socket says, or as a proxy before us has stated. */
export interface Peer {
  /** In the form of IPv4 where it is one (`unmapped`). */
  readonly address: string;
  /** Its address, if that is a client's whatever stands before the gate: it is a public one, or a PROXY header has stated it. */
  readonly client?: string | undefined;
  /** How the connection reached us. */
  readonly scheme: 'http' | 'https';
  /** Address and port of our end, for a request that names no host. */
  readonly localAuthority: () => string;
}

/** `stated` overrides the socket's own word. */
export function peerOf(socket: Socket, scheme: Peer['scheme'], stated?: Endpoints): Peer {
  const address = unmapped(stated?.remoteAddress ?? socket.remoteAddress ?? '');
  return {
    address,
    client: stated === undefined && LOCAL.test(address) ? undefined : address,
    scheme,
    localAuthority: () => {
      const { localAddress = '', localPort } = stated ?? socket;
      const address = unmapped(localAddress);
      return `${address.includes(':') ? `[${address}]` : address}:${localPort}`;
    },
  };
}

/** No address at all, and those of loopback, links and private networks, carriers' among them (RFC 6890): a balancer may have them. */
const LOCAL =
  /^(?:$|10\.|127\.|192\.168\.|169\.254\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd]|fe[89ab]|::1$)/i;

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

/** A connection on its way to HTTP. */
interface PendingConnection {
  /** As it was accepted. */
  readonly connection: Socket;
  /** Carries HTTP: the connection itself, or TLS within it. */
  socket: Socket;
  peer: Peer;
}

/** From then on it speaks that version of HTTP, or is lost. */
interface ArrivalEvents<Client> {
  readonly http1: (client: Client) => void;
  readonly http2: (client: Client) => void;
  readonly lost: (report: LostArrival) => void;
}

/** Identifiers of RFC 7301 §6; without HTTP/1.0 here, a client that offers only that version would be refused. */
const HTTP1 = ['http/1.1', 'http/1.0'];

export class Arrivals<Client extends PendingConnection> {
  readonly #options: ArrivalOptions;
  readonly #timeoutMs: number;
  readonly #events: ArrivalEvents<Client>;
  readonly #tls: Server | undefined;
  /** Connections that are not secured yet. */
  readonly #securing = new Map<string, { readonly client: Client; readonly stated: Endpoints | undefined }>();
  /** Reasons of failed handshakes, until their connections close; when several fail at once, the order is a guess. */
  readonly #failures: string[] = [];

  /** `timeoutMs`: for each step. */
  constructor(options: ArrivalOptions, timeoutMs: number, events: ArrivalEvents<Client>) {
    this.#options = options;
    this.#timeoutMs = timeoutMs;
    this.#events = events;
    this.#tls = options.tls && this.#tlsServer(options.tls);
  }

  /** `client`: unread so far, and its peer as the socket says. */
  accept(client: Client): void {
    if (!this.#options.proxyProtocol) return this.#begun(client, undefined);
    const peer = client.peer.address;
    takeProxyHeader(client.connection, this.#timeoutMs, {
      ready: (stated) => this.#begun(client, stated),
      refused: (got) => this.#events.lost({ reason: 'proxy-header', got, peer }),
    });
  }

  #begun(client: Client, stated: Endpoints | undefined): void {
    const { connection } = client;
    if (this.#tls !== undefined) return this.#secure(this.#tls, client, stated);
    client.peer = peerOf(connection, 'http', stated);
    this.#events.http1(client);
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

  #secure(server: Server, client: Client, stated: Endpoints | undefined): void {
    const { connection } = client;
    const name = nameOf(connection);
    const peer = client.peer.address;
    connection.on('error', () => connection.destroy());
    connection.on('close', () => {
      if (this.#securing.get(name)?.client !== client) return;
      this.#securing.delete(name);
      this.#events.lost({ reason: 'tls', got: this.#failures.shift() ?? 'the end of the connection', peer });
    });
    this.#securing.set(name, { client, stated });
    server.emit('connection', connection);
  }

  #secured(socket: TLSSocket): void {
    const name = nameOf(socket);
    const begun = this.#securing.get(name);
    // It has ended meanwhile.
    if (begun === undefined) return void socket.destroy();
    this.#securing.delete(name);
    const { client, stated } = begun;
    client.socket = socket;
    client.peer = peerOf(socket, 'https', stated);
    if (socket.alpnProtocol !== 'h2') return this.#events.http1(client);
    // A client that ends its half cannot widen flow control any more: held data would wait for ever.
    socket.allowHalfOpen = false;
    this.#events.http2(client);
  }
}

function nameOf({ remoteAddress, remotePort, localAddress, localPort }: Socket): string {
  return `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
