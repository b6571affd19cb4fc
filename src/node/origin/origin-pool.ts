// Connections to one origin: two undici pools that count their sockets and tell each request its connection.
//
// A retry must not meet another kept-alive connection that died unnoticed, so retries have a pool of their own, in
// which each connection carries one request; it speaks HTTP/1.1, since one request needs no more.

import { subscribe } from 'node:diagnostics_channel';
import { type ClientHttp2Stream, constants } from 'node:http2';
import { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { TidegateError } from '../../errors.ts';
import type { Tasks } from '../../ports.ts';
import { AnswerWatch } from './answer-watch.ts';
import { Connection, causeOf, MAX_STREAMS, type OriginOptions, type PooledRequest, type Pools } from './origin-wire.ts';

/** A larger response head is refused; undici counts names and values. */
const MAX_HEAD_BYTES = 64 * 1024;

type Connector = buildConnector.connector;

/** State that both pools share. */
interface Line {
  readonly name: string;
  readonly timeoutMs: number;
  /**
   * Requests in the queue of a pool. Until an https origin is known to speak HTTP/2, undici connects once for all of
   * them; if that fails, it would connect for each in turn, however long each takes to fail.
   */
  readonly waiting: Set<PooledRequest>;
  readonly deps: PoolDeps;
  sockets: number;
}

export interface PoolDeps {
  readonly tasks: Tasks;
  /** No connection can be made, and there is none. */
  readonly unreachable: (error: TidegateError) => void;
  /** Told, of each connection, how many requests it carries at a time. */
  readonly carries: (perConnection: number) => void;
}

export function createPools(options: OriginOptions, deps: PoolDeps): Pools {
  const { name, url, connectTimeoutMs: timeoutMs, http2 = true } = options;
  const line: Line = { name, deps, timeoutMs, waiting: new Set(), sockets: 0 };
  const kept = new Pool(url, { ...poolSettings(options, line, http2), pipelining: 1 });
  const fresh = new Pool(url, { ...poolSettings(options, line, false), pipelining: 0 });
  return {
    dispatch(request, pooled, onFresh) {
      if (!onFresh) line.waiting.add(pooled);
      (onFresh ? fresh : kept).dispatch(request, pooled);
    },
    async close() {
      await Promise.all([closed(kept), closed(fresh)]);
    },
    async destroy(reason) {
      await Promise.all([kept.destroy(reason), fresh.destroy(reason)]);
    },
  };
}

function poolSettings({ connections, ca }: OriginOptions, line: Line, allowH2: boolean): Pool.Options {
  const open = buildConnector({ timeout: 0, allowH2, preferH2: true, ...(ca !== undefined && { ca }) });
  return {
    connections,
    allowH2,
    maxHeaderSize: MAX_HEAD_BYTES,
    h2Options: { maxConcurrentStreams: MAX_STREAMS },
    // The time limits are kept by the forward itself, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (target, inherited) => new TrackedClient(target, inherited as Client.Options, { line, open, allowH2 }),
  };
}

/** A connection that broke while it was being closed counts as closed. */
async function closed(pool: Pool): Promise<void> {
  try {
    await pool.close();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'UND_ERR_DESTROYED') throw error;
  }
}

interface ConnectorParts {
  readonly line: Line;
  readonly open: Connector;
  readonly allowH2: boolean;
}

class TrackedClient extends Client {
  readonly #line: Line;
  readonly #connection: Connection;

  constructor(url: URL, options: Client.Options, parts: ConnectorParts) {
    const connection = new Connection();
    super(url, { ...options, connect: connector(parts, connection) });
    this.#line = parts.line;
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    this.#line.waiting.delete(handler as PooledRequest);
    (handler as PooledRequest).connection = this.#connection;
    return super.dispatch(options, handler);
  }
}

function connector({ line, open, allowH2 }: ConnectorParts, connection: Connection): Connector {
  return (target, done) => {
    const refuse = (cause: unknown, got: string) => {
      const where = `${target.hostname}:${target.port || (target.protocol === 'https:' ? '443' : '80')}`;
      const message = `origin ${line.name}: expected a connection to ${where}, got ${got}`;
      const error = new TidegateError('E_ORIGIN_CONNECT', message, { cause });
      const isUnreachable = allowH2 && target.protocol === 'https:' && line.sockets === 0;
      const waiting = isUnreachable ? [...line.waiting] : [];
      done(error, null);
      for (const pooled of waiting) pooled.refused(error);
      if (isUnreachable) line.deps.unreachable(error);
    };
    const cancel = line.deps.tasks.later(line.timeoutMs, () => {
      // The types do not show that the socket is returned. Destroyed without an error, it reports nothing more.
      if (opening instanceof Socket) opening.destroy();
      refuse(undefined, `none within ${line.timeoutMs} ms`);
    });
    const opening: unknown = open(target, (...[error, socket]: [null, Socket] | [Error, null]) => {
      cancel();
      if (error !== null) return refuse(error, causeOf(error));
      line.sockets++;
      const isH2 = (socket as Partial<TLSSocket>).alpnProtocol === 'h2';
      if (allowH2) line.deps.carries(isH2 ? MAX_STREAMS : 1);
      connection.error = undefined;
      connection.socket = socket;
      connection.watch = isH2 ? undefined : new AnswerWatch(socket, line.name);
      guardStreams(socket);
      // Before undici adds its own listener: the reason for a response's end is then known when undici reports the
      // end.
      socket.once('error', (failure) => {
        connection.error = failure;
      });
      socket.once('close', () => line.sockets--);
      done(null, socket);
    });
  };
}

const GUARDED = Symbol('guarded origin connection');

const { NGHTTP2_CANCEL, NGHTTP2_NO_ERROR } = constants;

/**
 * Guards the streams of the connection, if it turns out to speak HTTP/2: a response that the origin resets before its end is an
 * error. Node:http2 takes a stream that was reset with NO_ERROR or CANCEL for a finished one, and a body cut like that would
 * be stored as a whole one. Only its channel for closing streams tells the two apart: it reports before the false end.
 */
function guardStreams(socket: Socket): void {
  (socket as { [GUARDED]?: boolean })[GUARDED] = true;
  if (listening) return;
  listening = true;
  subscribe('http2.client.stream.close', (message) => closing((message as { stream: ClientHttp2Stream }).stream));
}

let listening = false;

function closing(stream: ClientHttp2Stream): void {
  const { rstCode, session } = stream;
  if (rstCode !== NGHTTP2_NO_ERROR && rstCode !== NGHTTP2_CANCEL) return;
  // Without a session the connection is gone, which undici sees itself.
  if (session === undefined || session.destroyed) return;
  const { [GUARDED]: isGuarded } = session.socket as { [GUARDED]?: boolean };
  // END_STREAM has arrived, though unread bytes may precede it.
  const hasEnded = (stream as { _readableState?: { ended?: boolean } })._readableState?.ended === true;
  if (isGuarded !== true || hasEnded) return;
  const error = new Error('expected the end of the response, got a reset of its stream');
  stream.destroy(Object.assign(error, { code: 'ECONNRESET' }));
}
