// The race over a real server of PostgreSQL and its logical replication, in real time: statements and commits go step by step,
// and what the feed tells is held back until its step.
//
// How long the server takes is its own affair. So a step ends when no statement is under way any more;
// and while the feed's word is held back, its lag grows, as it would.

import { AsyncLocalStorage } from 'node:async_hooks';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import pg from 'pg';
import { createGate } from '../../src/engine/gate.ts';
import { trackedSources } from '../../src/engine/tracked-sources.ts';
import { createCache } from '../../src/index.ts';
import type { FeedListener, FeedStatus, Forward, OriginListener, OriginRequest } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { cacheTarget, createTracker, gateTarget, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, type PostgresServer, startServer, systemClock, systemTasks } from '../feed/postgres-kit.ts';
import { Client, routeTo } from '../kit/clients.ts';
import { Forwarded } from '../kit/scripted-origin.ts';
import { fillOf } from './track-fills.ts';
import { READ, READ_NOTE, steppedClient } from './track-postgres-client.ts';
import type { RacedWorld } from './track-race.ts';
import { type Stops, settle } from './track-steps.ts';
import { HeldTarget, isOfWorld } from './track-target.ts';
import type { Answered } from './track-world.ts';

export const PG_ITEMS = pgTable('items', { id: integer().primaryKey(), version: integer() });

/** Holds back what a feed tells. */
export class Telling {
  #held: Promise<void> | undefined;
  #release: () => void = () => undefined;
  #heldAt = 0;

  hold(): void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held = promise;
    this.#release = resolve;
    this.#heldAt = systemClock.monotonic();
  }

  release(): void {
    this.#held = undefined;
    this.#release();
  }

  over(database: TrackedDatabase): TrackedDatabase {
    return {
      open: async (platform) => {
        const opened = await database.open(platform);
        const { feed } = opened;
        return {
          ...opened,
          feed: {
            start: (from, listener) => feed.start(from, this.#listener(listener)),
            acknowledge: (position) => feed.acknowledge(position),
            status: () => this.#status(feed.status()),
            stop: () => feed.stop(),
          },
        };
      },
    };
  }

  #listener(listener: FeedListener): FeedListener {
    return {
      changed: async (set) => {
        await this.#held;
        await listener.changed(set);
      },
      gap: async (reason, position) => {
        await this.#held;
        await listener.gap(reason, position);
      },
      // The next one comes within a heartbeat.
      reached: (position) => {
        if (this.#held === undefined) listener.reached(position);
      },
    };
  }

  #status(status: FeedStatus): FeedStatus {
    if (this.#held === undefined) return status;
    return { ...status, lagMs: Math.max(status.lagMs, systemClock.monotonic() - this.#heldAt) };
  }
}

export class PostgresWorld implements RacedWorld {
  readonly isTracked = true;
  readonly faults: unknown[] = [];
  readonly telling = new Telling();
  readonly tracker: Tracker;
  readonly targets: readonly HeldTarget[];
  /** Somebody else's. */
  readonly outside: pg.Client;
  /** The application's. */
  readonly pool: pg.Pool;
  readonly #server: PostgresServer;
  readonly #gate;
  readonly #cache = createCache({ memory: { maxEntries: 100_000 } });
  readonly #route;
  readonly #stepped = new Map<string, Stops>();
  readonly #steps = new AsyncLocalStorage<Stops>();
  #underWay = 0;
  #lastId = 0;

  private constructor(server: PostgresServer, outside: pg.Client) {
    this.#server = server;
    this.outside = outside;
    const Client = steppedClient(this.#steps, (work) => this.during(work));
    this.pool = new pg.Pool({ connectionString: server.url, max: 4, Client });
    // One that is ending may hear that the server is, too, when the pool listens to it no more.
    this.pool.on('connect', (client) => client.on('error', () => undefined));
    const memory = createMemoryStore({ maxBytes: 16 * 1024 * 1024 });
    const platform = { clock: systemClock, tasks: systemTasks, random: Math.random };
    this.#gate = createGate({
      ...platform,
      buckets: 2 ** 12,
      sources: trackedSources(),
      stores: [memory],
      memoryStats: () => memory.stats(),
    });
    this.#route = routeTo({ forward: (request, listener) => this.#forward(request, listener) });
    const fetch: typeof globalThis.fetch = async (_, init) =>
      Response.json(await this.#gate.reportSource(JSON.parse(String(init?.body))));
    this.targets = [
      new HeldTarget(cacheTarget(this.#cache)),
      new HeldTarget(gateTarget({ admin: 'http://gate.example', fetch })),
    ];
    const names = { slot: 'race', publication: 'race' };
    const database = postgresDatabase({ connection: server.url, ...names, install: true, heartbeat: 5 });
    this.tracker = createTracker({
      source: 'shop',
      database: this.telling.over(database),
      targets: this.targets,
      lease: 60_000,
      maxLag: 60_000,
      settle: 20_000,
      onFault: (error) => {
        if (!isOfWorld(error)) this.faults.push(error);
      },
    });
  }

  static async open(): Promise<PostgresWorld> {
    const server = await startServer();
    const outside = await connected(server.url);
    await outside.query(`CREATE TABLE items (id int PRIMARY KEY, version int NOT NULL);
      CREATE TABLE notes (id int PRIMARY KEY, version int NOT NULL)`);
    const world = new PostgresWorld(server, outside);
    await world.tracker.start();
    return world;
  }

  async close(): Promise<void> {
    this.telling.release();
    await this.tracker.stop();
    await this.pool.end();
    await this.outside.end();
    await this.#cache.close();
    await this.#server.stop();
  }

  async freshRow(): Promise<number> {
    const id = ++this.#lastId;
    await this.outside.query(`INSERT INTO items VALUES (${id}, 1); INSERT INTO notes VALUES (${id}, 1)`);
    return id;
  }

  async prime(): Promise<void> {
    throw new Error('expected a fill that is not validated');
  }

  async writeAgain(id: number): Promise<void> {
    await this.outside.query(
      `UPDATE items SET version = 3 WHERE id = ${id}; UPDATE notes SET version = 3 WHERE id = ${id}`,
    );
    await this.tracker.settled();
  }

  tick(): void {}

  /** No statement is under way. */
  async settle(): Promise<void> {
    do await settle();
    while (this.#underWay > 0);
    for (let turn = 0; turn < 3; turn++) await settle();
  }

  /** For a statement that is waited for by a step. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#underWay++;
    try {
      return await work();
    } finally {
      this.#underWay--;
    }
  }

  ask(kind: string, id: number, stops?: Stops): Answered {
    return fillOf(kind).of === 'gate' ? this.#askGate(kind, id, stops) : this.#askCache(kind, id, stops);
  }

  /** By Drizzle, in a transaction, within a request. */
  write(id: number, stops: Stops, rollsBack: boolean): Promise<Response> {
    const handler = async (): Promise<Response> => {
      const db = drizzle(this.tracker.wrap(this.pool));
      const transaction = db.transaction(async (tx) => {
        await tx.update(PG_ITEMS).set({ version: 2 }).where(eq(PG_ITEMS.id, id));
        await stops.stop();
        if (rollsBack) throw new Error('never mind');
      });
      await transaction.catch((error: unknown) => {
        if (!rollsBack) throw error;
      });
      return new Response('');
    };
    return this.tracker.fetch(handler)(new Request('http://shop.example/', { method: 'PUT' }));
  }

  #askGate(kind: string, id: number, stops: Stops | undefined): Answered {
    const path = `/${encodeURIComponent(kind)}/${id}`;
    if (stops !== undefined) this.#stepped.set(path, stops);
    const client = Client.ask(this.#gate, this.#route, { path });
    return {
      versions: () => (client.state === 'done' && client.status === 200 ? JSON.parse(client.text) : undefined),
      isHit: () => /;\s*hit/.test(client.cacheStatus),
    };
  }

  #askCache(kind: string, id: number, stops: Stops | undefined): Answered {
    let versions: readonly number[] | undefined;
    let isHit = true;
    const fill = () => {
      isHit = false;
      return this.#read(kind, id, stops);
    };
    this.tracker.cached<readonly number[]>(this.#cache, `${kind}:${id}`, { fill, ttl: '1h' }).then(
      (value) => {
        versions = value;
      },
      (error: unknown) => this.faults.push(error),
    );
    return { versions: () => versions, isHit: () => isHit && versions !== undefined };
  }

  #forward(request: OriginRequest, listener: OriginListener): Forward {
    const forwarded = new Forwarded(request, listener);
    const stops = this.#stepped.get(request.target);
    this.#stepped.delete(request.target);
    this.#serve(forwarded, stops).catch((error: unknown) => this.faults.push(error));
    return forwarded;
  }

  async #serve(forwarded: Forwarded, stops: Stops | undefined): Promise<void> {
    const [, kind = '', id = ''] = decodeURIComponent(forwarded.request.target).split('/');
    const handler = async (): Promise<Response> =>
      Response.json(await this.#read(kind, Number(id), stops), { headers: { 'cache-control': 'max-age=3600' } });
    const response = await this.tracker.fetch(handler)(new Request('http://shop.example/'));
    forwarded.head(response.status, [...response.headers].flat()).data(await response.text());
    await stops?.stop();
    forwarded.end();
  }

  async #read(kind: string, id: number, stops: Stops | undefined): Promise<readonly number[]> {
    await stops?.stop();
    const raw = await this.during(() => this.pool.connect());
    try {
      const client = this.tracker.wrap(raw);
      const versions: number[] = [];
      for (const sql of fillOf(kind).tables.map((table) => (table === 'items' ? READ : READ_NOTE))) {
        const read = () => client.query(sql, [id]);
        versions.push(Number((await (stops === undefined ? read() : this.#steps.run(stops, read))).rows[0]?.version));
      }
      await stops?.stop();
      return versions;
    } finally {
      raw.release();
    }
  }
}
