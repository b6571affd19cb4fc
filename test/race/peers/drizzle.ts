// Drizzle's own cache: its Upstash backend on a Redis in memory, under a database that is a function (sqlite-proxy), so
// that every read and write ends by hand. A way is a write that has resolved, or a call of `$cache.invalidate`.

import { loadPeer, type Peer, type PeerCache, raceScenarios } from './peer.ts';

interface Query extends Promise<readonly { readonly version: number }[]> {
  from(table: unknown): Query;
  set(values: object): Query;
}

interface Database {
  select(): Query;
  update(table: unknown): Query;
  transaction(work: (transaction: Database) => Promise<unknown>): Promise<unknown>;
  readonly $cache: { invalidate(what: object): Promise<void> };
}

interface Exports {
  readonly drizzle: (run: (sql: string) => Promise<{ rows: unknown[] }>, options: object) => Database;
}

interface Tables {
  readonly sqliteTable: (name: string, columns: object) => unknown;
  readonly integer: () => unknown;
}

interface Upstash {
  readonly UpstashCache: new (redis: unknown, options: object, isGlobal: boolean) => unknown;
}

const WAYS: { readonly [way: string]: (database: Database, table: unknown) => Promise<unknown> } = {
  update: (database, table) => database.update(table).set({ version: 2 }),
  'update in a transaction': (database, table) =>
    database.transaction((transaction) => transaction.update(table).set({ version: 2 })),
  invalidate: (database) => database.$cache.invalidate({ tables: 'items' }),
};

function race() {
  const { drizzle } = loadPeer<Exports>('drizzle-orm/sqlite-proxy');
  const { integer, sqliteTable } = loadPeer<Tables>('drizzle-orm/sqlite-core');
  const { UpstashCache } = loadPeer<Upstash>('drizzle-orm/cache/upstash');
  const items = sqliteTable('items', { version: integer() });
  const open = (way: string): PeerCache => {
    let load: () => Promise<string> = () => Promise.reject(new Error('expected a read before, got none'));
    const run = async (sql: string) => ({ rows: sql.startsWith('select') ? [[Number(await load())]] : [] });
    const database = drizzle(run, { cache: new UpstashCache(new FakeRedis(), { ex: 3600 }, true) });
    return {
      read: async (from) => {
        load = from;
        const [row] = await database.select().from(items);
        return String(row?.version);
      },
      invalidate: () => WAYS[way]!(database, items),
    };
  };
  return raceScenarios(
    'drizzle, upstashCache',
    Object.keys(WAYS).map((way) => ({ fill: 'miss' as const, way, open: () => open(way) })),
  );
}

type Hash = Map<string, unknown>;

/** As much of Redis as that backend asks for: hashes, sets, and its two scripts. */
class FakeRedis {
  readonly #hashes = new Map<string, Hash>();
  readonly #sets = new Map<string, Set<string>>();

  async hget(key: string, field: string): Promise<unknown> {
    return this.#hashes.get(key)?.get(field) ?? null;
  }

  pipeline() {
    const steps: (() => void)[] = [];
    const queue = (step: () => void) => void steps.push(step);
    return {
      hset: (key: string, fields: object) => queue(() => this.#hset(key, fields)),
      hexpire: () => {},
      sadd: (key: string, member: string) => queue(() => this.#sadd(key, member)),
      exec: async () => {
        for (const step of steps) step();
      },
    };
  }

  /** Of the two, only the one that invalidates makes a union. */
  createScript(script: string) {
    const invalidates = script.includes('SUNION');
    return {
      exec: async (keys: readonly string[], [tag = '']: readonly string[]) => {
        if (invalidates) return this.#deleteTables(keys.slice(1));
        const hash = this.#hashes.get(keys[0] as string)?.get(tag) as string | undefined;
        return hash === undefined ? null : this.hget(hash, tag);
      },
    };
  }

  #deleteTables(tables: readonly string[]): void {
    for (const table of tables) {
      for (const hash of this.#sets.get(table) ?? []) this.#hashes.delete(hash);
      this.#sets.delete(table);
    }
  }

  #hset(key: string, fields: object): void {
    const hash: Hash = this.#hashes.get(key) ?? new Map();
    for (const [field, value] of Object.entries(fields)) hash.set(field, value);
    this.#hashes.set(key, hash);
  }

  #sadd(key: string, member: string): void {
    const set = this.#sets.get(key) ?? new Set();
    this.#sets.set(key, set.add(member));
  }
}

export const drizzle: Peer = { name: 'drizzle', race: async () => race() };
