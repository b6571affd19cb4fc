// The engine of the log: a Redis, and another that may take its place.

import { createClient } from 'redis';
import { Redis } from '../kit/redis.ts';

const DURABLE = ['--appendonly', 'yes', '--appendfsync', 'always'] as const;

export class Engines {
  readonly #all: readonly [Redis, Redis];
  #at = 0;

  private constructor(all: readonly [Redis, Redis]) {
    this.#all = all;
  }

  /** Undefined where there is no Redis. */
  static async start(): Promise<Engines | undefined> {
    const [one, other] = [await Redis.start(), await Redis.start()];
    return one === undefined || other === undefined ? undefined : new Engines([one, other]);
  }

  get port(): number {
    return this.#now.port;
  }

  get #now(): Redis {
    return this.#all[this.#at] as Redis;
  }

  get #other(): Redis {
    return this.#all[1 - this.#at] as Redis;
  }

  signal(name: 'SIGSTOP' | 'SIGCONT'): void {
    this.#now.signal(name);
  }

  /** What it had is lost, or not. */
  async restart({ keeps, downMs }: { readonly keeps: boolean; readonly downMs: number }): Promise<void> {
    if (keeps) await this.command(['CONFIG', 'SET', 'appendonly', 'yes']).catch(() => undefined);
    await this.#now.kill();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    await this.#now.begin(...(keeps ? DURABLE : []));
  }

  /** A replica takes the place of the primary, and lacks the last that this was told. */
  async promote(lostMs: number): Promise<void> {
    await this.command(['REPLICAOF', '127.0.0.1', String(this.port)], this.#other);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    await this.command(['REPLICAOF', 'NO', 'ONE'], this.#other);
    await new Promise((resolve) => setTimeout(resolve, lostMs));
    await this.#now.kill();
    this.#at = 1 - this.#at;
    await this.#other.begin();
  }

  async command(args: readonly string[], redis = this.#now): Promise<unknown> {
    const client = createClient({ url: redis.url, socket: { reconnectStrategy: false, connectTimeout: 1_000 } });
    client.on('error', () => {});
    await client.connect();
    try {
      return await client.sendCommand([...args]);
    } finally {
      client.destroy();
    }
  }

  async end(): Promise<void> {
    for (const redis of this.#all) {
      redis.signal('SIGCONT');
      await redis.end();
    }
  }
}
