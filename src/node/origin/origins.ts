// The origin pools of a configuration, by name. A reload keeps a pool with unchanged settings, its connections and the
// state of its breaker; it replaces a changed pool, and closes the old one later, once its last forward is over.

import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Cancel, Origin } from '../../ports.ts';
import type { ResolvedConfig } from '../config/config.ts';
import { orTlsError } from '../front/connection/certificates.ts';
import { NodeOrigin } from './origin.ts';
import type { OriginDeps, OriginOptions } from './origin-wire.ts';

type OriginSettings = ResolvedConfig['origins'][string];

interface Pool {
  readonly settings: OriginSettings;
  readonly origin: NodeOrigin;
}

/** How long a replaced pool still takes requests. */
const RETIRED_MS = 60_000;

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

  #create(name: string, settings: OriginSettings): Pool {
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
