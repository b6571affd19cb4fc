// The connections to one origin, loaded when there is something to send.
//
// Undici loads 100 modules; a gate that starts with its answers on disk need not wait for them. The first request to
// an origin loads it, or `loadPools` does; requests wait for it in their order.

import { TidegateError } from '../../errors.ts';
import type { Tasks } from '../../ports.ts';
import type { PoolOptions, Pools } from './pools.ts';

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
