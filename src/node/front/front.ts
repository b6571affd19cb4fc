// The front: the listener that clients connect to. It checks, routes and hands requests to the gate, and answers
// refused requests itself.
//
// Node:http does most of the protocol; its defaults that are too lenient or too quick are turned off here: missing
// Host, `100 (Continue)`, Upgrade of anything, idle connections cut at close.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { platformClock, platformTasks } from '../../cache/platform.ts';
import { guarded } from '../../engine/guarded.ts';
import { UNBOUNDED } from '../../memory/budget.ts';
import { listening } from '../listening.ts';
import { type Admitted, admit, counted } from './admission.ts';
import type { ExchangeParts } from './client-exchange.ts';
import { type ArrivalOptions, Arrivals } from './connection/arrival.ts';
import { ClientConnection, type Lender } from './connection/connections.ts';
import { IdleConnections } from './connection/idle-connections.ts';
import type { LentSocket } from './connection/lent-socket.ts';
import { type CloseTunnel, openTunnel, wantsTunnel } from './connection/tunnel.ts';
import { TunnelRoom } from './connection/tunnel-room.ts';
import type { FrontContext, FrontDeps, ListenAt } from './front-contract.ts';
import { H2Connection } from './h2/h2-connection.ts';
import { Http1Channel } from './http1/http1-channel.ts';
import { PlainConnection } from './http1/plain-connection.ts';
import { uploadRoom } from './http1/read-ahead.ts';
import { endAfterContent, hasContent, LINGER_MS, Upload } from './http1/upload.ts';
import { answerRoom } from './min-rate.ts';
import { ALLOWED_METHODS, type RequestRefusal, refusalAnswer, refused } from './refusals.ts';

const PLAIN: ArrivalOptions = { proxyProtocol: false, tls: undefined };

/** Most time for a whole request, content included; `stallMs` bounds pauses. */
const REQUEST_TIMEOUT_MS = 3_600_000;
/** The client is told a slightly shorter time, or its next request might cross our end of the connection. */
const KEEP_ALIVE_BUFFER_MS = 1_000;

export class Front {
  readonly #deps: FrontDeps;
  readonly #server;
  readonly #clients = new Set<ClientConnection>();
  readonly #arrivals: Arrivals<ClientConnection>;
  readonly #context: FrontContext;
  readonly #tunnels = new Set<CloseTunnel>();
  readonly #tunnelRoom: TunnelRoom;
  readonly #idle: IdleConnections;
  #toNode: (connection: Socket) => void = () => {};
  #closing: Promise<void> | undefined;

  constructor(deps: FrontDeps) {
    const { hooks, arrival = PLAIN, stallMs = 60_000, cacheName = 'tidegate' } = deps;
    this.#deps = deps;
    const headTimeoutMs = Math.max(1, deps.limits.headTimeoutMs);
    const keepAliveMs = Math.max(1, deps.limits.keepAliveMs);
    const limits = { ...deps.limits, headTimeoutMs, keepAliveMs };
    const { budget = UNBOUNDED } = deps;
    this.#tunnelRoom = deps.tunnels ?? new TunnelRoom(limits);
    const idleMs = keepAliveMs + KEEP_ALIVE_BUFFER_MS;
    this.#context = {
      ...{ site: deps.site, gate: deps.gate, trust: deps.trust, limits, cacheName, idleMs },
      keepAliveLines: `connection: keep-alive\r\nkeep-alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`,
      status: { isClosing: false },
      stallMs,
      monotonic: deps.monotonic ?? platformClock.monotonic,
      ...{ ended: hooks?.ended, lease: deps.lease },
      fault: hooks?.fault ?? (() => {}),
      budget,
      uploads: deps.uploads ?? uploadRoom(limits, budget),
      answers: deps.answers ?? answerRoom(limits),
      tell: (refusal, { address }) => {
        hooks?.refused?.({ reason: refusal.reason, got: refusal.got, peer: address });
        return refusal;
      },
    };
    this.#idle = new IdleConnections(arrival.tls !== undefined, {
      ...{ budget, keptBytes: budget.maxBytes / 4, counts: this.#context.answers.counts, tasks: platformTasks },
    });
    this.#server = createServer({
      // The front's own limits are lower and answer more precisely; the parser holds up to this in memory.
      maxHeaderSize: limits.maxHeadBytes + limits.maxTargetBytes,
      headersTimeout: headTimeoutMs,
      requestTimeout: Math.max(REQUEST_TIMEOUT_MS, headTimeoutMs),
      keepAliveTimeout: keepAliveMs,
      connectionsCheckingInterval: 1_000,
      insecureHTTPParser: false,
      requireHostHeader: false,
      optimizeEmptyRequests: true,
      shouldUpgradeCallback: (message) => wantsTunnel(message) && !lenderOf(message.socket).client.isBusy,
    });
    this.#arrivals = new Arrivals(arrival, headTimeoutMs, {
      http1: (client) => this.#safely(client.socket, () => new PlainConnection(client, this.#context, this.#toNode)),
      http2: (client) => this.#safely(client.socket, () => new H2Connection(client, this.#context)),
      lost: (report) => hooks?.lost?.(report),
    });
    this.#attach();
  }

  /** Resolves once connections are accepted. Rejects with E_PORT. */
  async listen({ host, port, reusePort = false }: ListenAt): Promise<AddressInfo> {
    const at = await listening(this.#server, { host, port, reusePort });
    // A connection could not be accepted, such as for want of file descriptors.
    this.#server.on('error', this.#context.fault);
    return at;
  }

  /** Client connections open now. */
  connections(): number {
    return this.#clients.size;
  }

  /** Accepts no more; running exchanges finish, tunnels end; after `graceMs` the rest is cut off. */
  close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    this.#context.status.isClosing = true;
    NetServer.prototype.close.call(this.#server);
    const closed = once(this.#server, 'close');
    for (const client of this.#clients) client.closeIdle();
    for (const closeTunnel of this.#tunnels) closeTunnel();
    const timer = setTimeout(() => {
      for (const { connection } of this.#clients) connection.destroy();
    }, graceMs);
    await closed;
    this.#idle.close();
    clearTimeout(timer);
    // This no longer affects connections: it stops node:http's own timers.
    this.#server.close();
  }

  #attach(): void {
    const server = this.#server;
    // No limit: node:http would silently drop fields beyond one, a second Host among them. See request-heads.ts.
    server.maxHeadersCount = 0;
    const onRequest = (message: IncomingMessage, response: ServerResponse) => {
      const lender = lenderOf(message.socket);
      const carryOut = () => this.#safely(message.socket, () => this.#request(message, response));
      lender.client.inTurn({ lender, message, response, carryOut, position: lentOf(message.socket).position });
    };
    // node:http's own listener gets the connections given to it; see plain-connection.ts.
    const [toNode] = server.listeners('connection') as [(connection: Socket) => void];
    server.off('connection', toNode);
    this.#toNode = (connection) => toNode.call(server, connection);
    server.on('connection', (socket: Socket) => this.#safely(socket, () => this.#connected(socket)));
    server.on('request', onRequest);
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('upgrade', (message, duplex, head) => {
      this.#safely(duplex, (socket) => this.#upgrade(message, socket, head));
    });
    server.on('connect', (_message, duplex) => {
      this.#safely(duplex, (socket) => lenderOf(socket).client.refuse(refused('method-connect', 'CONNECT'), socket));
    });
    server.on('clientError', (error, duplex) => {
      this.#safely(duplex, (socket) => lenderOf(socket).client.clientError(error, socket));
    });
  }

  /** A defect costs its client the connection, and affects nobody else. */
  #safely(duplex: Duplex, step: (socket: Socket) => void): void {
    guarded(step, (error) => {
      this.#context.fault(error);
      duplex.destroy();
    })(duplex as Socket);
  }

  #connected(connection: Socket): void {
    const client = new ClientConnection(connection, this.#context);
    this.#clients.add(client);
    connection.on('close', () => this.#clients.delete(client));
    const { maxConnections } = this.#deps.limits;
    if (this.#clients.size <= maxConnections) {
      this.#idle.opened(client);
      return this.#arrivals.accept(client);
    }
    const refusal = refused('connections', `more than ${maxConnections}`);
    const { tls, proxyProtocol } = this.#deps.arrival ?? PLAIN;
    if (tls === undefined && !proxyProtocol) return client.refuse(refusal, connection);
    // Where another protocol comes before HTTP, nobody would understand an answer.
    this.#context.tell(refusal, client.peer);
    connection.destroy();
  }

  #request(message: IncomingMessage, response: ServerResponse): void {
    const handed = lenderOf(message.socket).handOver(message);
    if (handed !== undefined) return this.#channel(message, response, handed).start(handed.unanswered);
    const admission = this.#admit(message);
    if (admission.kind === 'admitted') this.#admitted(message, response, admission);
    else if (admission.kind === 'refused') this.#refuse(message, response, admission);
    else {
      const { isClosing } = this.#context.status;
      if (isClosing) lenderOf(message.socket).client.ending();
      const close = isClosing ? ['connection', 'close'] : [];
      response.writeHead(200, ['allow', ALLOWED_METHODS, 'content-length', '0', ...close]).end();
    }
  }

  #admit(message: IncomingMessage) {
    const { method = '', url = '', httpVersion, rawHeaders } = message;
    const head = { method, target: url, httpVersion, rawHeaders };
    return counted(admit(head, lenderOf(message.socket).client.peer, this.#context));
  }

  #admitted(message: IncomingMessage, response: ServerResponse, { request, site, head }: Admitted): void {
    if (head.framing === 'none') return this.#channel(message, response, { request }).start();
    const refuse = (refusal: RequestRefusal) => {
      channel.exchange.refuse(this.#context.tell(refusal, lenderOf(message.socket).client.peer));
    };
    const sendContinue = () => {
      if (!response.headersSent) response.writeContinue();
    };
    const options = {
      isComplete: () => message.complete,
      sendContinue: head.expectsContinue ? sendContinue : undefined,
      streams: site.request.streamRequests,
      refuse,
    };
    const upload = new Upload(message, options, this.#context);
    const channel = this.#channel(message, response, { request: { ...request, body: upload.body }, upload });
    message.on('timeout', () => refuse(refused('content-stalled', 'a pause')));
    channel.start();
  }

  #channel(
    message: IncomingMessage,
    response: ServerResponse,
    { request, upload }: Omit<ExchangeParts, 'peer'>,
  ): Http1Channel {
    const { client } = lenderOf(message.socket);
    const ends = { client, message, response, request, upload, peer: client.peer.address };
    return new Http1Channel(ends, this.#context);
  }

  #refuse(message: IncomingMessage, response: ServerResponse, refusal: RequestRefusal): void {
    const { client } = lenderOf(message.socket);
    this.#context.tell(refusal, client.peer);
    // Not `message.complete`: node:http asks before it has seen the end, even of a request without content.
    const sending = hasContent(message);
    const { cacheName, status: state } = this.#context;
    const { status, fields, body, closes } = refusalAnswer(refusal, cacheName, sending || state.isClosing);
    if (closes) client.ending();
    response.writeHead(status, fields);
    if (!sending) return void response.end(body);
    response.write(body);
    // A client that waits for 100 sends nothing more once it sees another answer.
    endAfterContent(message, response, message.headers.expect === undefined ? LINGER_MS : 0);
  }

  #upgrade(message: IncomingMessage, socket: Socket, head: Buffer): void {
    socket.setTimeout(0);
    const { client } = lenderOf(socket);
    const admission = this.#admit(message);
    const protocols = message.headers.upgrade ?? '';
    if (admission.kind !== 'admitted') {
      return client.refuse(admission.kind === 'refused' ? admission : refused('upgrade-off', protocols), socket);
    }
    const { request, site } = admission;
    if (!site.request.upgrade || !wantsTunnel(message)) {
      this.#deps.hooks?.upgradeOff?.(request.route.originName, site.name);
      return client.refuse(refused('upgrade-off', protocols), socket);
    }
    const leave = this.#deps.sheds?.() ? 'an overload' : this.#tunnelRoom.enter(request.client);
    if (typeof leave === 'string') return client.refuse(refused('tunnels', leave), socket);
    const close = openTunnel(
      {
        request,
        protocols,
        client: socket,
        head,
        room: this.#tunnelRoom,
        origin: this.#deps.originOf(request.route.originName),
        timeoutMs: this.#deps.upgradeTimeoutMs ?? 10_000,
        stallMs: this.#context.stallMs,
      },
      (refusal) => client.refuse(refusal, socket),
    );
    this.#tunnels.add(close);
    // A tunnel has a time limit of its own.
    client.isAsking = true;
    socket.on('close', () => {
      leave();
      this.#tunnels.delete(close);
    });
  }
}

/** node:http gets no connections but lent ones. */
function lentOf(socket: Socket): LentSocket {
  return socket as unknown as LentSocket;
}

function lenderOf(socket: Socket): Lender {
  return lentOf(socket).lender;
}
