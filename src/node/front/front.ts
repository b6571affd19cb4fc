// The front: the listener that clients connect to. It checks, routes and hands requests to the gate, and answers those
// that are not let through.
//
// The one complication: node:http does most of the protocol, and where it is too lenient or too quick the defaults are
// turned off here: missing Host, `100 (Continue)`, Upgrade of anything, idle connections cut at close.

import { createServer, type IncomingMessage, type ServerOptions, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Gate } from '../../engine/contract.ts';
import { TidegateError } from '../../errors.ts';
import { nodeClock } from '../node-ports.ts';
import type { FrontLimits, Router } from '../site.ts';
import { type Admitted, admit, withBody } from './admission.ts';
import { Connections } from './connections.ts';
import type { ExchangeDeps, ExchangeEnd } from './exchange.ts';
import { endAfterContent, LINGER_MS } from './linger.ts';
import { peerOf, unmapped } from './peer.ts';
import { giveBack, KEEP_ALIVE_BUFFER_MS, watchConnection } from './plain-connection.ts';
import { ALLOWED_METHODS, type Refusal, type RefusalReason, refusalAnswer, refused } from './refusals.ts';
import { Exchange } from './responder.ts';
import { type CloseTunnel, openTunnel, wantsTunnel } from './tunnel.ts';
import { hasContent, Upload } from './upload.ts';

/** A request that the front refused. */
export interface RefusalReport {
  readonly reason: RefusalReason;
  /** From the client. */
  readonly got: string;
  readonly peer: string;
}

/** Whom the front tells; all are called as it happens and must not throw. */
export interface FrontHooks {
  readonly ended?: (end: ExchangeEnd) => void;
  readonly refused?: (report: RefusalReport) => void;
  /** A defect: something threw that must not. The client got a 500 or saw its answer break off. */
  readonly fault?: (error: unknown) => void;
}

export interface FrontDeps {
  /** Asked for each request, so that a new configuration holds for new requests only. */
  readonly site: () => { readonly router: Router };
  readonly gate: Gate;
  readonly limits: FrontLimits;
  /** True: what the peer of this address says of host, scheme and client is believed. */
  readonly trust: (address: string) => boolean;
  /** Base URL of an origin, for tunnels. */
  readonly originUrlOf: (originName: string) => string;
  /** Name of this gate in Cache-Status and Via; two gates in a row need two names. Default `tidegate`. */
  readonly cacheName?: string;
  readonly hooks?: FrontHooks;
  /** A pause longer than this, of a client that is to send content or to read, ends its connection. Default 60,000. */
  readonly stallMs?: number;
  /** Time an origin has to answer an Upgrade. Default 10,000. */
  readonly upgradeTimeoutMs?: number;
  readonly monotonic?: () => number;
}

export interface Front {
  /** Resolves once connections are accepted. Rejects with E_PORT. */
  listen(at: { readonly host: string; readonly port: number }): Promise<AddressInfo>;
  /** Client connections open now. */
  connections(): number;
  /** Accepts no more; running exchanges finish, tunnels end; what is left after `graceMs` is cut off. */
  close(options: { readonly graceMs: number }): Promise<void>;
}

export function createFront(deps: FrontDeps): Front {
  return new NodeFront(deps);
}

/** Most a whole request may take, content and all; pauses are bounded by `stallMs`. */
const REQUEST_TIMEOUT_MS = 3_600_000;

function serverOptions(limits: FrontLimits): ServerOptions {
  return {
    // The front's own limits are lower and answer more precisely; this is what the parser holds in memory.
    maxHeaderSize: limits.maxHeadBytes + limits.maxTargetBytes,
    headersTimeout: Math.max(1, limits.headTimeoutMs),
    requestTimeout: Math.max(REQUEST_TIMEOUT_MS, limits.headTimeoutMs),
    keepAliveTimeout: Math.max(1, limits.keepAliveMs),
    connectionsCheckingInterval: 1_000,
    insecureHTTPParser: false,
    requireHostHeader: false,
    optimizeEmptyRequests: true,
  };
}

class NodeFront implements Front {
  readonly #deps: FrontDeps;
  readonly #server;
  readonly #connections: Connections;
  readonly #cacheName: string;
  readonly #admission;
  readonly #exchanges: ExchangeDeps;
  readonly #tunnels = new Set<CloseTunnel>();
  #closing: Promise<void> | undefined;

  constructor(deps: FrontDeps) {
    const { limits, trust, hooks, stallMs = 60_000 } = deps;
    this.#deps = deps;
    this.#cacheName = deps.cacheName ?? 'tidegate';
    this.#connections = new Connections(this.#cacheName, (refusal, socket) => this.#tell(refusal, socket));
    this.#admission = { router: () => deps.site().router, limits, trust, cacheName: this.#cacheName };
    this.#exchanges = {
      gate: deps.gate,
      cacheName: this.#cacheName,
      closing: () => this.#closing !== undefined,
      // responder.ts tells its own socket timeout from that of an idle connection by its length.
      stallMs: stallMs === Math.max(1, limits.keepAliveMs) + KEEP_ALIVE_BUFFER_MS ? stallMs + 1 : stallMs,
      monotonic: deps.monotonic ?? nodeClock.monotonic,
      ended: hooks?.ended,
      fault: hooks?.fault ?? (() => {}),
    };
    this.#server = createServer({
      ...serverOptions(limits),
      shouldUpgradeCallback: (message) => wantsTunnel(message) && !this.#connections.isBusy(message.socket),
    });
    // No limit: fields beyond one would be dropped without a word, a second Host among them. See hygiene.ts.
    this.#server.maxHeadersCount = 0;
    this.#attach();
  }

  listen({ host, port }: { readonly host: string; readonly port: number }): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      const failed = (error: Error) => {
        const message = `expected a free port ${port} on ${host}, got ${error.message}`;
        reject(new TidegateError('E_PORT', message, { cause: error }));
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port }, () => {
        this.#server.off('error', failed);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  connections(): number {
    return this.#connections.size;
  }

  close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#closing ??= this.#close(graceMs);
    return this.#closing;
  }

  async #close(graceMs: number): Promise<void> {
    // `closing()` must be true before an answer is written; #closing is set once this has returned, in the same step.
    const { promise, resolve } = Promise.withResolvers<void>();
    NetServer.prototype.close.call(this.#server, () => resolve());
    this.#connections.closeIdle();
    for (const closeTunnel of this.#tunnels) closeTunnel();
    const timer = setTimeout(() => this.#connections.destroyAll(), graceMs);
    await promise;
    clearTimeout(timer);
    // Now without effect on connections: it stops node:http's own timers.
    this.#server.close();
  }

  #attach(): void {
    const server = this.#server;
    const onRequest = (message: IncomingMessage, response: ServerResponse) => this.#request(message, response);
    // node:http's own listener is called for what is given to it; see plain-connection.ts.
    const [toNode] = server.listeners('connection') as [(connection: Socket) => void];
    server.off('connection', toNode);
    server.on('connection', (socket: Socket) => this.#connected(socket, (given) => toNode.call(server, given)));
    server.on('request', onRequest);
    server.on('checkContinue', onRequest);
    server.on('checkExpectation', onRequest);
    server.on('upgrade', (message, socket, head) => this.#upgrade(message, socket as Socket, head));
    server.on('connect', (_message, socket) => {
      this.#connections.refuse(refused('method-connect', 'CONNECT'), socket as Socket);
    });
    server.on('clientError', (error, socket) => this.#connections.clientError(error, socket as Socket));
  }

  #connected(socket: Socket, toNode: (connection: Socket) => void): void {
    this.#connections.add(socket);
    const { maxConnections } = this.#deps.limits;
    if (this.#connections.size > maxConnections) {
      this.#connections.refuse(refused('connections', `more than ${maxConnections}`), socket);
      return;
    }
    watchConnection(socket, peerOf(socket), {
      ...this.#exchanges,
      admission: this.#admission,
      headTimeoutMs: Math.max(1, this.#deps.limits.headTimeoutMs),
      keepAliveMs: Math.max(1, this.#deps.limits.keepAliveMs) + KEEP_ALIVE_BUFFER_MS,
      give: (connection) => {
        if (connection !== socket) this.#connections.lend(socket, connection);
        toNode(connection);
      },
    });
  }

  #request(message: IncomingMessage, response: ServerResponse): void {
    response.on('close', () => giveBack(message.socket));
    try {
      const admission = this.#admit(message);
      if (admission.kind === 'admitted') this.#exchange(message, response, admission);
      else if (admission.kind === 'refused') this.#refuse(message, response, admission);
      else this.#answerOptions(response);
    } catch (error) {
      // A defect costs its client the connection, and nobody else anything.
      this.#exchanges.fault(error);
      message.socket.destroy();
    }
  }

  #admit(message: IncomingMessage) {
    const { method = '', url = '', httpVersion, rawHeaders, socket } = message;
    return admit({ method, target: url, httpVersion, rawHeaders }, peerOf(socket), this.#admission);
  }

  #exchange(message: IncomingMessage, response: ServerResponse, { request, head }: Admitted): void {
    const peer = unmapped(message.socket.remoteAddress ?? '');
    if (head.framing === 'none') {
      const visit = { message, response, request: withBody(request, undefined), peer, upload: undefined };
      this.#start(message.socket, new Exchange(visit, this.#exchanges));
      return;
    }
    const upload = new Upload(message, {
      maxBytes: this.#deps.limits.maxRequestBodyBytes,
      stallMs: this.#exchanges.stallMs,
      sendContinue: head.expectsContinue ? () => sendContinue(response) : undefined,
      onExcess: () => exchange.refuse(this.#told(refused('content-too-large', 'more than the limit'), message.socket)),
    });
    const visit = { message, response, request: withBody(request, upload), peer, upload };
    const exchange = new Exchange(visit, this.#exchanges);
    message.on('timeout', () => exchange.refuse(this.#told(refused('content-stalled', 'a pause'), message.socket)));
    this.#start(message.socket, exchange);
  }

  #start(socket: Socket, exchange: Exchange): void {
    const over = exchange.start(() => this.#connections.settled(socket, exchange));
    if (!over) this.#connections.opened(socket, exchange);
  }

  #refuse(message: IncomingMessage, response: ServerResponse, refusal: Refusal): void {
    this.#tell(refusal, message.socket);
    // Not `message.complete`: node:http asks before it has seen the end, even of a request without content.
    const sending = hasContent(message);
    const { status, fields, body } = refusalAnswer(refusal, this.#cacheName, sending || this.#closing !== undefined);
    response.writeHead(status, fields);
    if (!sending) {
      response.end(body);
      return;
    }
    response.write(body);
    this.#connections.ending(message.socket);
    // A client that waits for 100 sends nothing more once it sees another answer.
    endAfterContent(message, response, { maxMs: message.headers.expect === undefined ? LINGER_MS : 0 });
  }

  #answerOptions(response: ServerResponse): void {
    const fields = ['allow', ALLOWED_METHODS, 'content-length', '0'];
    if (this.#closing !== undefined) fields.push('connection', 'close');
    response.writeHead(200, fields);
    response.end();
  }

  #upgrade(message: IncomingMessage, client: Socket, head: Buffer): void {
    client.setTimeout(0);
    const admission = this.#admit(message);
    if (admission.kind !== 'admitted' || !admission.site.request.upgrade || !wantsTunnel(message)) {
      const refusal = admission.kind === 'refused' ? admission : refused('upgrade-off', message.headers.upgrade ?? '');
      this.#connections.refuse(refusal, client);
      return;
    }
    const { request } = admission;
    const close = openTunnel(
      {
        request,
        protocols: message.headers.upgrade ?? '',
        client,
        head,
        originUrl: this.#deps.originUrlOf(request.route.originName),
        timeoutMs: this.#deps.upgradeTimeoutMs ?? 10_000,
      },
      { failed: (refusal) => this.#connections.refuse(refusal, client) },
    );
    this.#tunnels.add(close);
    client.on('close', () => this.#tunnels.delete(close));
  }

  #told(refusal: Refusal, socket: Socket): Refusal {
    this.#tell(refusal, socket);
    return refusal;
  }

  #tell({ reason, got }: Refusal, socket: Socket): void {
    this.#deps.hooks?.refused?.({ reason, got, peer: unmapped(socket.remoteAddress ?? '') });
  }
}

function sendContinue(response: ServerResponse): void {
  if (!response.headersSent) response.writeContinue();
}
