// An origin on Node: pooled connections of HTTP/1.1 or HTTP/2, time limits, retries of safe requests, and a circuit breaker.
// One request's way is in origin-forward.ts, the connections in origin-pool.ts, the errors in origin-wire.ts.
//
// Running forwards may still retry, so the pools close after the last one is over.

import { TidegateError } from '../../errors.ts';
import type { Forward, Origin, OriginListener, OriginRequest, Tasks } from '../../ports.ts';
import { type ForwardHost, type Permit, type Reach, RunningForward } from './origin-forward.ts';
import type { OriginDeps, PoolOptions, Pools } from './origin-wire.ts';

/** When the circuit opens and for how long. */
export interface BreakerPolicy {
  /** This many failures in a row open the circuit; 0: it never opens. */
  readonly failures: number;
  readonly openMs: number;
}

export type BreakerState =
  | { readonly kind: 'closed'; readonly failures: number }
  /** `untilMs` is monotonic time. */
  | { readonly kind: 'open'; readonly untilMs: number }
  /** One probe is on its way. */
  | { readonly kind: 'half-open' };

interface Settlement {
  readonly permit: Permit;
  readonly reach: Reach;
  readonly nowMs: number;
}

interface Admission {
  readonly state: BreakerState;
  /** Undefined when refused because the circuit is open. */
  readonly permit: Permit | undefined;
}

export interface OriginOptions extends PoolOptions {
  /** Time without progress until the response head: queueing, connecting and sending the request count. */
  readonly headTimeoutMs: number;
  /** Time without bytes of the response; a paused forward does not count. */
  readonly bodyTimeoutMs: number;
  /**
   * How often a retryable request is sent again, on a fresh connection, when its connection is lost before any answer.
   */
  readonly retries: number;
  readonly breaker: BreakerPolicy;
}

export interface OriginStats {
  readonly openConnections: number;
  /** Forwards begun and not over; queued ones count. */
  readonly inFlight: number;
  readonly breaker: BreakerState['kind'];
}

export interface NodeOrigin extends Origin {
  /** Takes no more forwards, finishes the running ones, closes the connections. */
  close(): Promise<void>;
  /** Ends the running forwards with E_ORIGIN_RESET. */
  destroy(): Promise<void>;
  stats(): OriginStats;
}

export function createOrigin(options: OriginOptions, deps: OriginDeps): NodeOrigin {
  return new PooledOrigin(options, deps);
}

class PooledOrigin implements NodeOrigin, ForwardHost {
  readonly options: OriginOptions;
  readonly deps: OriginDeps;
  readonly pools: LazyPools;
  /** For TLS: the name to request and verify, whatever Host says; undefined for an address. */
  readonly serverName: string | undefined;
  #breaker: BreakerState = CLOSED;
  #inFlight = 0;
  #closed = false;
  #destroyed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: OriginOptions, deps: OriginDeps) {
    this.options = options;
    this.deps = deps;
    this.pools = new LazyPools(options, deps.tasks);
    const { hostname } = new URL(options.url);
    this.serverName = /^[\d.]+$|^\[/.test(hostname) ? undefined : hostname;
  }

  forward(request: OriginRequest, listener: OriginListener): Forward {
    this.#inFlight++;
    const forward = new RunningForward(this, request, listener);
    forward.start();
    return forward;
  }

  admit(): Permit | TidegateError {
    const { name } = this.options;
    if (this.#closed) {
      return new TidegateError('E_ORIGIN_CONNECT', `origin ${name}: expected open connections, got a closed pool`);
    }
    const { state, permit } = admit(this.#breaker, this.deps.clock.monotonic());
    this.#breaker = state;
    if (permit !== undefined) return permit;
    return new TidegateError(
      'E_ORIGIN_OPEN',
      `origin ${name}: expected an origin that can be reached, got an open circuit breaker after repeated failures`,
    );
  }

  settle(permit: Permit, reach: Reach): void {
    const nowMs = this.deps.clock.monotonic();
    this.#breaker = settle(this.#breaker, { permit, reach, nowMs }, this.options.breaker);
  }

  over(): void {
    this.#inFlight--;
    if (this.#inFlight === 0) this.#idle?.resolve();
  }

  async close(): Promise<void> {
    this.#closed = true;
    if (this.#inFlight > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
    if (!this.#destroyed) await this.pools.close();
  }

  async destroy(): Promise<void> {
    this.#closed = true;
    this.#destroyed = true;
    await this.pools.destroy(
      new TidegateError('E_ORIGIN_RESET', `origin ${this.options.name}: the pool was destroyed`),
    );
  }

  stats(): OriginStats {
    return {
      openConnections: this.pools.openConnections(),
      inFlight: this.#inFlight,
      breaker: this.#breaker.kind,
    };
  }
}

/** Loads the connection code, so that the first request to an origin need not. */
export const loadPools = (): Promise<typeof import('./origin-pool.ts')> => import('./origin-pool.ts');

/**
 * Undici loads 100 modules; a gate that starts with its answers on disk need not wait for them. The first request to an origin
 * loads it, or `loadPools` does; requests wait for it in their order.
 */
class LazyPools implements Pools {
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
      (cause: unknown) => {
        const message = `origin ${this.#options.name}: expected the HTTP client to load, got ${String(cause)}`;
        pooled.refused(new TidegateError('E_ORIGIN_CONNECT', message, { cause }));
      },
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
}

/*
 * The circuit breaker as pure functions: a state, and what admits a request or settles it. Requests admitted while the circuit was
 * closed may settle after it has opened. Their results are outdated by then, so only the probe decides about an open circuit;
 * hence each admission carries a permit.
 */

export const CLOSED: BreakerState = Object.freeze({ kind: 'closed', failures: 0 });
const HALF_OPEN: BreakerState = Object.freeze({ kind: 'half-open' });

/** Asks to send a request at monotonic time `nowMs`. */
export function admit(state: BreakerState, nowMs: number): Admission {
  switch (state.kind) {
    case 'closed':
      return { state, permit: 'usual' };
    case 'open':
      return nowMs < state.untilMs ? { state, permit: undefined } : { state: HALF_OPEN, permit: 'probe' };
    case 'half-open':
      return { state, permit: undefined };
  }
}

/** The state after an admitted request has ended; each permit is settled exactly once. */
export function settle(state: BreakerState, settlement: Settlement, policy: BreakerPolicy): BreakerState {
  const { permit, reach, nowMs } = settlement;
  if (permit === 'probe') {
    if (reach === 'reached') return CLOSED;
    // An inconclusive probe leaves the question open: the next request asks again.
    return { kind: 'open', untilMs: reach === 'unknown' ? nowMs : nowMs + policy.openMs };
  }
  if (state.kind !== 'closed' || reach === 'unknown') return state;
  if (reach === 'reached') return CLOSED;
  const failures = state.failures + 1;
  if (policy.failures > 0 && failures >= policy.failures) return { kind: 'open', untilMs: nowMs + policy.openMs };
  return { kind: 'closed', failures };
}
