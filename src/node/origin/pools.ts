// Connections to one origin, as a forward uses them. undici makes them, in origin-pool.ts.

import type { Dispatcher } from 'undici';
import type { TidegateError } from '../../errors.ts';

export interface PoolOptions {
  readonly name: string;
  readonly url: string;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Whether to speak HTTP/2 with an https origin that offers it. */
  readonly http2?: boolean;
  /** Certificates of the trusted authorities, in PEM; undefined means Node's own. */
  readonly ca?: string | undefined;
}

/** The connection under a client of a pool; its counts begin anew with each socket. */
export interface Connection {
  /** The error that ended the socket, which undici hides when the response could be complete. */
  error: Error | undefined;
  /** Bytes received on it. */
  receivedBytes(): number;
  /** Ends it and everything under way on it. */
  end(): void;
}

/** A handler that is told its connection when a client takes its request. */
export interface PooledRequest extends Dispatcher.DispatchHandler {
  connection: Connection | undefined;
  /** No connection could be made while it was waiting for one. */
  refused(error: TidegateError): void;
}

export interface Pools {
  /** `fresh`: use a connection that has carried no request before. */
  dispatch(options: Dispatcher.DispatchOptions, pooled: PooledRequest, fresh: boolean): void;
  openConnections(): number;
  close(): Promise<void>;
  destroy(reason: Error): Promise<void>;
}
