// Connections to one origin: two undici pools that count their sockets and tell a request which connection carries it.
//
// The one complication: a retry must not meet another kept-alive connection that died unnoticed, so retries have a pool
// of their own, in which no connection carries a second request.

import { Socket } from 'node:net';
import { buildConnector, Client, type Dispatcher, Pool } from 'undici';
import { TidegateError } from '../../errors.ts';
import type { Tasks } from '../../ports.ts';
import { causeOf } from './origin-faults.ts';

interface PoolOptions {
  readonly name: string;
  readonly url: string;
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

/** The connection under a client of a pool; its numbers begin anew with each socket. */
export interface Connection {
  /** The error that ended the socket, which undici hides when the response could be complete. */
  error: Error | undefined;
}

/** A handler that is told its connection when a client takes its request. */
export interface Passenger extends Dispatcher.DispatchHandler {
  connection: Connection | undefined;
}

export interface Pools {
  /** `fresh`: on a connection that has carried no request before. */
  dispatch(options: Dispatcher.DispatchOptions, passenger: Passenger, fresh: boolean): void;
  openConnections(): number;
  close(): Promise<void>;
  destroy(reason: Error): Promise<void>;
}

/** A response head of more bytes is refused; undici counts names and values. */
const MAX_HEAD_BYTES = 64 * 1024;

type Connector = buildConnector.connector;

/** What both pools share. */
interface Line {
  readonly name: string;
  readonly open: Connector;
  readonly tasks: Tasks;
  readonly timeoutMs: number;
  sockets: number;
}

export function createPools(options: PoolOptions, tasks: Tasks): Pools {
  const { name, url, connections, connectTimeoutMs: timeoutMs } = options;
  const line: Line = { name, open: buildConnector({ timeout: 0, allowH2: false }), tasks, timeoutMs, sockets: 0 };
  const settings = {
    connections,
    allowH2: false,
    maxHeaderSize: MAX_HEAD_BYTES,
    // The time limits are kept by the forward itself, on the injected clock.
    headersTimeout: 0,
    bodyTimeout: 0,
    factory: (target: URL, inherited: object) => new TrackedClient(target, inherited as Client.Options, line),
  };
  const kept = new Pool(url, { ...settings, pipelining: 1 });
  const fresh = new Pool(url, { ...settings, pipelining: 0 });
  return {
    dispatch: (request, passenger, onFresh) => void (onFresh ? fresh : kept).dispatch(request, passenger),
    openConnections: () => line.sockets,
    async close() {
      await Promise.all([closed(kept), closed(fresh)]);
    },
    async destroy(reason) {
      await Promise.all([kept.destroy(reason), fresh.destroy(reason)]);
    },
  };
}

/** A connection that broke while it was being closed is closed. */
async function closed(pool: Pool): Promise<void> {
  try {
    await pool.close();
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'UND_ERR_DESTROYED') throw error;
  }
}

class TrackedClient extends Client {
  readonly #connection: Connection;

  constructor(url: URL, options: Client.Options, line: Line) {
    const connection: Connection = { error: undefined };
    super(url, { ...options, connect: connector(line, connection) });
    this.#connection = connection;
  }

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    (handler as Passenger).connection = this.#connection;
    return super.dispatch(options, handler);
  }
}

function connector(line: Line, connection: Connection): Connector {
  return (target, done) => {
    const refuse = (cause: unknown, got: string) => {
      const where = `${target.hostname}:${target.port || (target.protocol === 'https:' ? '443' : '80')}`;
      const message = `origin ${line.name}: expected a connection to ${where}, got ${got}`;
      done(new TidegateError('E_ORIGIN_CONNECT', message, { cause }), null);
    };
    const cancel = line.tasks.later(line.timeoutMs, () => {
      // The socket is returned, though the types do not say so. Destroyed without an error, it reports nothing more.
      if (opening instanceof Socket) opening.destroy();
      refuse(undefined, `none within ${line.timeoutMs} ms`);
    });
    const opening: unknown = line.open(target, (...[error, socket]: [null, Socket] | [Error, null]) => {
      cancel();
      if (error !== null) {
        refuse(error, causeOf(error));
        return;
      }
      line.sockets++;
      connection.error = undefined;
      // Before undici adds its own listener: what ends a response is known when undici reports the end.
      socket.once('error', (failure) => {
        connection.error = failure;
      });
      socket.once('close', () => line.sockets--);
      done(null, socket);
    });
  };
}
