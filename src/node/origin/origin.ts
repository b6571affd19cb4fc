// An origin on Node: pooled connections of HTTP/1.1 or HTTP/2, time limits, retries of safe requests, and a circuit breaker.
// One request's way is in origin-forward.ts, the connections in origin-pool.ts, the errors in origin-wire.ts.
//
// Running forwards may still retry, so the pools close after the last one is over.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { OriginHealth } from '../../admin/stats-contract.ts';
import { clientGroup } from '../../entry/clients.ts';
import { TidegateError } from '../../errors.ts';
import type { Cancel, Forward, Origin, OriginListener, OriginRequest } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { orTlsError } from '../front/connection/certificates.ts';
import { Breaker } from './breaker.ts';
import { type ForwardHost, type Permit, type Reach, RunningForward } from './origin-forward.ts';
import { OriginQueue, type Place, type QueueFigures } from './origin-queue.ts';
import { MAX_STREAMS, type OriginDeps, type OriginOptions, type Pools } from './origin-wire.ts';

/** Loads the connection code, so that the first request to an origin need not. */
export const loadPools = (): Promise<typeof import('./origin-pool.ts')> => import('./origin-pool.ts');

/** When a client may ask a busy origin again. */
const BUSY_MS = 5_000;

/** The place of a forward that is not sent. */
const NOWHERE: Place = { state: 'over' };

export class NodeOrigin implements Origin, ForwardHost {
  readonly tellsSending = true;
  readonly options: OriginOptions;
  readonly deps: OriginDeps;
  /** For TLS: the name to request and verify, whatever Host says; undefined for an address. */
  readonly serverName: string | undefined;
  readonly queue: OriginQueue;
  readonly breaker: Breaker;
  #pools: Pools | undefined;
  #loading: Promise<void> | undefined;
  /** Of the forwards that are not over. */
  readonly #places = new Map<Forward, Place>();
  #closed = false;
  #destroyed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: OriginOptions, deps: OriginDeps) {
    this.options = options;
    this.deps = deps;
    this.breaker = new Breaker(options.breaker);
    const { hostname, protocol } = new URL(options.url);
    // Until the first connection says what it is: the pool itself has one tried for all.
    const perConnection = protocol === 'https:' && options.http2 !== false ? MAX_STREAMS : 1;
    this.queue = new OriginQueue(options, { tasks: deps.tasks, perConnection, groupOf: clientGroup });
    this.serverName = /^[\d.]+$|^\[/.test(hostname) ? undefined : hostname;
  }

  forward(request: OriginRequest, listener: OriginListener): Forward {
    const forward = new RunningForward(this, request, listener);
    const refusal = this.#refusal();
    const place = refusal === undefined ? this.#enter(request, forward) : NOWHERE;
    this.#places.set(forward, place);
    if (refusal !== undefined) forward.fail(refusal);
    else if (place.state === 'held') forward.start();
    return forward;
  }

  #enter(request: OriginRequest, forward: RunningForward): Place {
    const { name, queue } = this.options;
    return this.queue.enter(request, {
      granted: () => forward.start(),
      refused: (why) => {
        if (why instanceof TidegateError) return forward.fail(why);
        const got = why === 'late' ? `none within ${queue.timeoutMs} ms` : `${queue.max} requests that wait for one`;
        const text = `origin ${name}: expected a free connection, got ${got}`;
        forward.fail(new TidegateError('E_ORIGIN_BUSY', text, { retryAfterMs: BUSY_MS }));
      },
    });
  }

  /** Why no request may be sent now. */
  #refusal(): TidegateError | undefined {
    const { name } = this.options;
    if (this.#closed) {
      return new TidegateError('E_ORIGIN_CONNECT', `origin ${name}: expected open connections, got a closed pool`);
    }
    return this.breaker.isOpen(this.deps.clock.monotonic()) ? this.#open() : undefined;
  }

  /** Those that waited in the queue are still sent when the pool closes. */
  admit(): Permit | TidegateError {
    return this.breaker.admit(this.deps.clock.monotonic()) ?? this.#open();
  }

  #open(): TidegateError {
    const message = `origin ${this.options.name}: expected an origin that can be reached, got an open circuit breaker after repeated failures`;
    const retryAfterMs = this.breaker.openForMs(this.deps.clock.monotonic());
    return new TidegateError('E_ORIGIN_OPEN', message, { retryAfterMs });
  }

  settle(permit: Permit, reach: Reach): void {
    this.breaker.settle(permit, reach, this.deps.clock.monotonic());
  }

  over(forward: Forward): void {
    this.queue.leave(this.#places.get(forward) ?? NOWHERE);
    this.#places.delete(forward);
    if (this.#places.size === 0) this.#idle?.resolve();
  }

  /**
   * Undici loads 100 modules; a gate that starts with its answers on disk need not wait for them. The first request to an origin
   * loads it, or `loadPools` does; requests wait for it in their order.
   */
  dispatch(...request: Parameters<Pools['dispatch']>): void {
    if (this.#pools !== undefined) return this.#pools.dispatch(...request);
    this.#loading ??= this.#load();
    this.#loading.then(
      () => this.#pools?.dispatch(...request),
      (cause: unknown) => {
        const message = `origin ${this.options.name}: expected the HTTP client to load, got ${String(cause)}`;
        request[1].refused(new TidegateError('E_ORIGIN_CONNECT', message, { cause }));
      },
    );
  }

  async #load(): Promise<void> {
    const { createPools } = await loadPools();
    this.#pools = createPools(this.options, {
      tasks: this.deps.tasks,
      carries: (perConnection) => this.queue.carries(perConnection),
      unreachable: (error) => this.queue.fail(error),
    });
  }

  /** Takes no more forwards, finishes the running ones, closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#places.size > 0) {
      this.#idle ??= Promise.withResolvers();
      await this.#idle.promise;
    }
    await this.#loaded();
    if (!this.#destroyed) await this.#pools?.close();
  }

  /** Ends the running forwards with E_ORIGIN_RESET. */
  async destroy(): Promise<void> {
    this.#closed = true;
    this.#destroyed = true;
    const error = new TidegateError('E_ORIGIN_RESET', `origin ${this.options.name}: the pool was destroyed`);
    this.queue.fail(error);
    await this.#loaded();
    await this.#pools?.destroy(error);
  }

  /** The dispatching caller is told when loading failed; then there is nothing to close. */
  async #loaded(): Promise<void> {
    await this.#loading?.catch(() => {});
  }
}

interface Pool {
  readonly settings: ResolvedConfig['origins'][string];
  readonly origin: NodeOrigin;
}

/** How long a replaced pool still takes requests. */
const RETIRED_MS = 60_000;

/**
 * The origins of a configuration, by name. A reload keeps one with unchanged settings, its connections and the state of its
 * breaker; it replaces a changed one, and closes the old one later, once its last forward is over.
 */
export class Origins {
  readonly #ports: OriginDeps;
  #pools = new Map<string, Pool>();
  readonly #retired = new Map<NodeOrigin, Cancel>();
  readonly #closing = new Map<NodeOrigin, Promise<void>>();

  constructor(ports: OriginDeps) {
    this.#ports = ports;
  }

  /** Brings the pools in line with the settings; returns them by name. */
  update(settings: ResolvedConfig['origins']): ReadonlyMap<string, Origin> {
    const pools = new Map<string, Pool>();
    for (const [name, wanted] of Object.entries(settings)) {
      const old = this.#pools.get(name);
      const same = old !== undefined && JSON.stringify(old.settings) === JSON.stringify(wanted);
      pools.set(name, same ? old : this.#create(name, wanted));
    }
    for (const [name, pool] of this.#pools) {
      if (pools.get(name) === pool) continue;
      // Earlier requests may still ask it again.
      const cancel = this.#ports.tasks.later(RETIRED_MS, () => this.#close(pool.origin));
      this.#retired.set(pool.origin, cancel);
    }
    this.#pools = pools;
    return new Map([...pools].map(([name, pool]) => [name, pool.origin]));
  }

  /** An origin that is configured. */
  optionsOf(name: string): OriginOptions {
    const pool = this.#pools.get(name);
    if (pool === undefined) throw new TypeError(`expected the name of an origin, got ${name}`);
    return pool.origin.options;
  }

  /** Of the origins that are configured, by name. */
  queues(): ReadonlyMap<string, QueueFigures> {
    return new Map([...this.#pools].map(([name, { origin }]) => [name, origin.queue.figures()]));
  }

  health(): readonly OriginHealth[] {
    return [...this.#pools].map(([name, { origin }]) => {
      const { waiting, queued, refused } = origin.queue.figures();
      const isOpen = origin.breaker.isOpen(this.#ports.clock.monotonic()) ? 1 : 0;
      return { origin: name, processes: 1, open: isOpen, waiting, queued, refused: refused.full + refused.late };
    });
  }

  /** Lets running forwards finish; ends those left after `graceMs`. */
  async close({ graceMs }: { readonly graceMs: number }): Promise<void> {
    for (const [origin, stay] of this.#retired) {
      stay();
      this.#close(origin);
    }
    for (const { origin } of this.#pools.values()) this.#close(origin);
    this.#pools.clear();
    const cancel = this.#ports.tasks.later(graceMs, () => {
      for (const origin of this.#closing.keys()) void origin.destroy();
    });
    await Promise.all(this.#closing.values());
    cancel();
  }

  #create(name: string, settings: Pool['settings']): Pool {
    const { circuitBreaker: breaker, tls, ...rest } = settings;
    const ca = readAuthorities(name, tls.ca);
    return { settings, origin: new NodeOrigin({ name, ...rest, breaker, ca }, this.#ports) };
  }

  #close(origin: NodeOrigin): void {
    this.#retired.delete(origin);
    const closed = origin.close().finally(() => this.#closing.delete(origin));
    this.#closing.set(origin, closed);
  }
}

/** Throws E_TLS. */
export function readAuthorities(name: string, file: string | undefined): string | undefined {
  if (file === undefined) return undefined;
  return orTlsError(
    () => {
      const pem = readFileSync(file, 'utf8');
      new X509Certificate(pem);
      return pem;
    },
    (got) => `origins.${name}.tls.ca: expected a file of certificates in PEM, got ${got} for ${file}`,
  );
}
