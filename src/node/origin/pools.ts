// The connections to one origin as a forward uses them, loaded when there is something to send.
//
// Undici loads 100 modules; a gate that starts with its answers on disk need not wait for them. The first request to
// an origin loads it, or `loadPools` does; requests wait for it in their order.

import type { Dispatcher } from 'undici';
import { TidegateError } from '../../errors.ts';
import type { Tasks } from '../../ports.ts';
import type { PooledRequest } from './origin-attempt.ts';

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

export interface Pools {
  /** `fresh`: use a connection that has carried no request before. */
  dispatch(options: Dispatcher.DispatchOptions, pooled: PooledRequest, fresh: boolean): void;
  openConnections(): number;
  close(): Promise<void>;
  destroy(reason: Error): Promise<void>;
}

/** Loads the connection code, so that the first request to an origin need not. */
export const loadPools = (): Promise<typeof import('./origin-pool.ts')> => import('./origin-pool.ts');

export class LazyPools implements Pools {
  readonly #options: PoolOptions;
  readonly #tasks: Tasks;
  #pools: Pools | undefined;
  #loading: Promise<void> | undefined;

  constructor(options: PoolOptions, tasks: Tasks) {
    this.#options = options;
    this.#tasks = tasks;
  }

  dispatch(...request: Parameters<Pools['dispatch']>): void {
    if (this.#pools !== undefined) {
      this.#pools.dispatch(...request);
      return;
    }
    this.#loading ??= this.#load();
    const [, pooled] = request;
    this.#loading.then(
      () => this.#pools?.dispatch(...request),
      (cause: unknown) => pooled.refused(this.#refusal(cause)),
    );
  }

  openConnections(): number {
    return this.#pools?.openConnections() ?? 0;
  }

  async close(): Promise<void> {
    await this.#settled();
    await this.#pools?.close();
  }

  async destroy(reason: Error): Promise<void> {
    await this.#settled();
    await this.#pools?.destroy(reason);
  }

  /** The dispatching caller is told when loading failed; then there is nothing to close. */
  async #settled(): Promise<void> {
    await this.#loading?.catch(() => {});
  }

  async #load(): Promise<void> {
    const { createPools } = await loadPools();
    this.#pools = createPools(this.#options, this.#tasks);
  }

  #refusal(cause: unknown): TidegateError {
    const message = `origin ${this.#options.name}: expected the HTTP client to load, got ${String(cause)}`;
    return new TidegateError('E_ORIGIN_CONNECT', message, { cause });
  }
}
