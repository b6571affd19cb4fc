// Random work on one SQLite file: two database objects, each with its own connection and its own guard, share one cache, as
// two processes do. Statements and invalidations are held for random turns.
//
// The one complication: what a read may give. Writers take turns, so writes have an order; a value out of the cache is
// outdated when a later one was acknowledged before the read was asked for, or when it was never committed.

import { DatabaseSync } from 'node:sqlite';
import { eq } from 'drizzle-orm';
import { type Cache, createCache } from '../../../src/index.ts';
import { assembled, type SoundParts } from '../../../src/orm/drizzle/with-tidegate.ts';
import { Hits, pauseBy, type RandomDriver, type RandomHooks, randomOf } from './random-kit.ts';
import { type Db, DROPPED, LITE_TABLES, liteSchema, type PgSchema, type SoundDb } from './wrapped-kit.ts';

export interface RandomRun {
  readonly seed: number;
  readonly path: string;
  readonly driver: (path: string, hooks: RandomHooks) => RandomDriver;
  readonly parts?: SoundParts;
  /** Mutates the cache itself. */
  readonly cacheOf?: (cache: Cache) => Cache;
  readonly steps?: number;
  /** Of the writes that are done, how many have their answer lost. */
  readonly lossRate?: number;
}

export interface RandomResult {
  readonly hits: number;
  readonly reads: number;
  readonly writes: number;
  readonly rollbacks: number;
  /** Errors that were not made on purpose. */
  readonly failures: number;
  readonly violations: readonly string[];
}

const ROWS = 3;
const users = (liteSchema as unknown as PgSchema).users;

export async function randomRun(run: RandomRun): Promise<RandomResult> {
  const world = new RandomWorld(run);
  try {
    return await world.play(run.steps ?? 60);
  } finally {
    world.close();
  }
}

class RandomWorld {
  readonly #random: () => number;
  readonly #drivers: RandomDriver[];
  readonly #dbs: SoundDb[];
  readonly #hits = new Hits();
  /** Of each row the values committed, in their order; those above the mark are not acknowledged yet. */
  readonly #committed: string[][] = [];
  readonly #acknowledged: number[] = [];
  readonly #violations: string[] = [];
  #writer: Promise<void> = Promise.resolve();
  #values = 0;
  readonly #counts = { hits: 0, reads: 0, writes: 0, rollbacks: 0, failures: 0 };

  constructor(run: RandomRun) {
    this.#random = randomOf(run.seed);
    this.#makeTables(run.path);
    const hooks = { pause: () => this.#pause(), loses: () => this.#random() < (run.lossRate ?? 0.1) };
    this.#drivers = [run.driver(run.path, hooks), run.driver(run.path, hooks)];
    const cache = (run.cacheOf ?? ((given) => given))(createCache({ name: `random-${run.seed}` }));
    const slow = this.#hits.slowed(cache, hooks.pause);
    this.#dbs = this.#drivers.map(({ db }) =>
      assembled(db as Db, { cache: slow, database: 'random', strategy: 'all', doubt: 0 }, run.parts ?? {}),
    );
  }

  #makeTables(path: string): void {
    const database = new DatabaseSync(path);
    database.exec('pragma journal_mode = wal; pragma synchronous = off');
    for (const text of [...DROPPED, ...LITE_TABLES]) database.exec(text);
    for (let row = 0; row < ROWS; row++) {
      database.exec(`insert into users (id, name) values (${row}, 'start')`);
      this.#committed.push(['start']);
      this.#acknowledged.push(0);
    }
    database.close();
  }

  close(): void {
    for (const driver of this.#drivers) driver.close();
  }

  #pause(): Promise<void> {
    return pauseBy(this.#random);
  }

  #pick(count: number): number {
    return Math.floor(this.#random() * count);
  }

  async play(steps: number): Promise<RandomResult> {
    const clients = Array.from({ length: 6 }, async (_, client) => {
      const db = this.#dbs[client % 2] as SoundDb;
      for (let step = 0; step < steps; step++) {
        const dice = this.#random();
        if (dice < 0.7) await this.#read(db);
        else await this.#alone(() => (dice < 0.85 ? this.#write(db) : this.#transaction(db)));
        await this.#pause();
      }
    });
    await Promise.all(clients);
    return { ...this.#counts, violations: this.#violations };
  }

  /** SQLite has one writer at a time. */
  async #alone(work: () => Promise<void>): Promise<void> {
    const before = this.#writer;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#writer = promise;
    await before;
    try {
      await work();
    } finally {
      resolve();
    }
  }

  async #value(db: Pick<SoundDb, 'select'>, row: number): Promise<{ readonly name: string; readonly isHit: boolean }> {
    const { value, isHit } = await this.#hits.read(async () => await db.select().from(users).where(eq(users.id, row)));
    return { name: value[0]?.name ?? 'none', isHit };
  }

  #failed(error: unknown, expected: string): void {
    const { message, cause } = error as Error;
    if (message !== expected && (cause as Error | undefined)?.message !== expected) this.#counts.failures++;
  }

  async #read(db: SoundDb): Promise<void> {
    const row = this.#pick(ROWS);
    const least = this.#acknowledged[row] as number;
    const { name, isHit } = await this.#value(db, row);
    this.#counts.reads++;
    if (!isHit) return;
    this.#counts.hits++;
    const at = (this.#committed[row] as string[]).indexOf(name);
    if (at < 0) this.#violations.push(`row ${row}: ${name} was never committed`);
    else if (at < least) this.#violations.push(`row ${row}: ${name}, though a later one was acknowledged`);
  }

  /** Counted as committed from before it is sent: then a read that overlaps may give either. */
  async #write(db: SoundDb): Promise<void> {
    const row = this.#pick(ROWS);
    const name = `v${this.#values++}`;
    const values = this.#committed[row] as string[];
    values.push(name);
    await (async () => await db.update(users).set({ name }).where(eq(users.id, row)))().catch((error) =>
      this.#failed(error, 'lost'),
    );
    this.#counts.writes++;
    this.#acknowledged[row] = values.length - 1;
  }

  async #transaction(db: SoundDb): Promise<void> {
    const row = this.#pick(ROWS);
    const name = `t${this.#values++}`;
    const rollsBack = this.#random() < 0.5;
    const values = this.#committed[row] as string[];
    const work = db.transaction(async (tx) => {
      await this.#value(tx, row);
      await tx.update(users).set({ name }).where(eq(users.id, row));
      const seen = await this.#value(tx, row);
      if (seen.name !== name) this.#violations.push(`a transaction read ${seen.name} where it had written ${name}`);
      await this.#pause();
      if (rollsBack) throw new Error('no');
      values.push(name);
    });
    await work.catch((error) => this.#failed(error, 'no'));
    if (rollsBack) this.#counts.rollbacks++;
    else this.#acknowledged[row] = values.length - 1;
  }
}
