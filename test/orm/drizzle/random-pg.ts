// Random work on PostgreSQL: two database objects, each with its own connections and its own guard, share one cache, as two
// processes do. Both write and read at once, in transactions of every isolation level, with savepoints and caught errors.
//
// The one complication: what a read may give. Each write counts its row up, under the row's lock, so a row's versions have
// an order; a value out of the cache is outdated when a higher one was acknowledged before the read was asked for. A seed
// plays the same work again; how the server interleaves it may differ.

import { eq, sql } from 'drizzle-orm';
import pg from 'pg';
import { type Cache, createCache } from '../../../src/index.ts';
import { assembled, type SoundParts } from '../../../src/orm/drizzle/with-tidegate.ts';
import { Hits, pauseBy, type RandomDriver, type RandomHooks, randomOf } from './random-kit.ts';
import { type Db, DROPPED, PG_TABLES, pgSchema, type SoundDb } from './wrapped-kit.ts';

export interface PgRun {
  readonly seed: number;
  readonly url: string;
  readonly driver: (url: string, hooks: RandomHooks) => RandomDriver;
  readonly parts?: SoundParts;
  /** Mutates the cache itself. */
  readonly cacheOf?: (cache: Cache) => Cache;
  readonly steps?: number;
}

export interface PgResult {
  readonly hits: number;
  readonly commits: number;
  readonly rollbacks: number;
  /** Errors that were not made on purpose, and are none of those that isolation brings. */
  readonly failures: readonly unknown[];
  readonly violations: readonly string[];
}

const { users } = pgSchema;
const ROWS = 3;
const CLIENTS = 6;
const LEVELS = ['read committed', 'repeatable read', 'serializable'] as const;
/** Serialization failures, deadlocks, what follows an error in a transaction, and a row that is there twice. */
const EXPECTED = new Set(['40001', '40P01', '25P02', '23505']);
const BUMP = `create or replace function bump(row_id int, given text) returns bigint language sql as
  $$ update users set big = big + 1, name = given where id = row_id returning big $$`;

type Tx = Pick<SoundDb, 'select' | 'update' | 'insert' | 'execute'>;
type Random = () => number;

/** What one transaction has written, by row. */
type Written = Map<number, { readonly name: string; readonly version: number }>;

export async function randomPgRun(run: PgRun): Promise<PgResult> {
  const client = new pg.Client(run.url);
  await client.connect();
  for (const text of [...DROPPED, ...PG_TABLES, BUMP]) await client.query(text);
  for (let row = 0; row < ROWS; row++)
    await client.query(`insert into users (id, name, big) values (${row}, 'start', 0)`);
  await client.end();
  const world = new PgWorld(run);
  try {
    return await world.play(run.steps ?? 25);
  } finally {
    await world.close();
  }
}

class PgWorld {
  readonly #run: PgRun;
  readonly #drivers: RandomDriver[];
  readonly #dbs: SoundDb[];
  readonly #hits = new Hits();
  readonly #acknowledged: number[] = Array.from({ length: ROWS }, () => 0);
  /** Names that were committed, or may be. */
  readonly #committed = new Set(['start']);
  readonly #violations: string[] = [];
  readonly #failures: unknown[] = [];
  readonly #counts = { hits: 0, commits: 0, rollbacks: 0 };
  #names = 0;

  constructor(run: PgRun) {
    this.#run = run;
    const random = randomOf(run.seed + 1_000_000);
    const hooks = { pause: () => pauseBy(random), loses: () => random() < 0.1 };
    this.#drivers = [run.driver(run.url, hooks), run.driver(run.url, hooks)];
    const cache = (run.cacheOf ?? ((given) => given))(createCache({ name: `random-${run.seed}` }));
    const slow = this.#hits.slowed(cache, hooks.pause);
    const options = {
      cache: slow,
      database: 'random',
      strategy: 'all',
      doubt: 0,
      functions: { bump: { writes: ['users'] } },
    } as const;
    this.#dbs = this.#drivers.map(({ db }) => assembled(db as Db, options, run.parts ?? {}));
  }

  async close(): Promise<void> {
    for (const driver of this.#drivers) await driver.close();
  }

  async play(steps: number): Promise<PgResult> {
    const clients = Array.from({ length: CLIENTS }, async (_, client) => {
      const random = randomOf(this.#run.seed * CLIENTS + client);
      const db = this.#dbs[client % 2] as SoundDb;
      for (let step = 0; step < steps; step++) {
        const dice = random();
        if (dice < 0.65) await this.#read(db, random);
        else if (dice < 0.8) await this.#write(db, random);
        else await this.#transaction(db, random);
        await pauseBy(random);
      }
    });
    await Promise.all(clients);
    for (const db of this.#dbs) await this.#agrees(db);
    return { ...this.#counts, failures: this.#failures, violations: this.#violations };
  }

  /** When all is still, each row is read as it is. */
  async #agrees(db: SoundDb): Promise<void> {
    for (let row = 0; row < ROWS; row++) {
      const [cached, uncached] = [await this.#value(db, row), await this.#value(db.$uncached(), row)];
      if (cached.name !== uncached.name)
        this.#violations.push(`row ${row}: ${cached.name} at the end, not ${uncached.name}`);
    }
  }

  async #value(db: Pick<SoundDb, 'select'>, row: number) {
    const { value, isHit } = await this.#hits.read(async () => await db.select().from(users).where(eq(users.id, row)));
    return { name: value[0]?.name ?? 'none', version: Number(value[0]?.big ?? -1), isHit };
  }

  async #read(db: SoundDb, random: Random): Promise<void> {
    const row = Math.floor(random() * ROWS);
    const least = this.#acknowledged[row] as number;
    const { name, version, isHit } = await this.#value(db, row);
    if (!isHit) return;
    this.#counts.hits++;
    if (!this.#committed.has(name)) this.#violations.push(`row ${row}: ${name} was never committed`);
    else if (version < least) this.#violations.push(`row ${row}: version ${version}, though ${least} was acknowledged`);
  }

  #acknowledge(row: number, version: number): void {
    this.#acknowledged[row] = Math.max(this.#acknowledged[row] as number, version);
  }

  /** It may be committed from before it is sent. Where its answer is lost, it was done all the same. */
  async #write(db: SoundDb, random: Random): Promise<void> {
    const row = Math.floor(random() * ROWS);
    const name = `v${this.#names++}`;
    this.#committed.add(name);
    try {
      this.#acknowledge(row, await this.#bump(db, { row, name, dice: random() }));
    } catch (error) {
      const { lost } = ((error as Error).cause ?? error) as { lost?: unknown };
      if (lost === undefined) this.#failed(error);
      else this.#acknowledge(row, versionIn(lost));
    }
    this.#counts.commits++;
  }

  /** One way to write of several. */
  async #bump(
    db: Tx,
    { row, name, dice }: { readonly row: number; readonly name: string; readonly dice: number },
  ): Promise<number> {
    const set = { name, big: sql`${users.big} + 1` };
    if (dice < 0.3)
      return versionIn(await db.update(users).set(set).where(eq(users.id, row)).returning({ big: users.big }));
    if (dice < 0.5) {
      const upsert = db.insert(users).values({ id: row, name }).onConflictDoUpdate({ target: users.id, set });
      return versionIn(await upsert.returning({ big: users.big }));
    }
    if (dice < 0.65) return versionIn(await db.execute(sql`select bump(${row}::int, ${name})`));
    const update = sql`update users set big = big + 1, name = ${name} where id = ${row} returning big`;
    return versionIn(await db.execute(dice < 0.8 ? update : sql`with w as (${update}) select big from w`));
  }

  async #transaction(db: SoundDb, random: Random): Promise<void> {
    const written: Written = new Map();
    const rollsBack = random() < 0.3;
    const isolationLevel = LEVELS[Math.floor(random() * LEVELS.length)] ?? 'read committed';
    try {
      await db.transaction(
        async (tx) => {
          for (let count = 1 + Math.floor(random() * 3); count > 0; count--) await this.#part(tx, { written, random });
          if (rollsBack) throw new Error('on purpose');
          for (const { name } of written.values()) this.#committed.add(name);
        },
        { isolationLevel },
      );
      for (const [row, { version }] of written) this.#acknowledge(row, version);
      this.#counts.commits++;
    } catch (error) {
      this.#failed(error);
      this.#counts.rollbacks++;
    }
  }

  /** A write, alone or in a transaction of its own, which may be rolled back, or fail and be caught. */
  async #part(
    tx: Parameters<Parameters<SoundDb['transaction']>[0]>[0],
    { written, random }: { readonly written: Written; readonly random: Random },
  ): Promise<void> {
    const row = Math.floor(random() * ROWS);
    const dice = random();
    const write = async (on: Tx): Promise<void> => {
      const name = `t${this.#names++}`;
      const version = await this.#bump(on, { row, name, dice: random() });
      const seen = await this.#value(on, row);
      if (seen.name !== name) this.#violations.push(`a transaction read ${seen.name} where it had written ${name}`);
      if (dice < 0.6) written.set(row, { name, version });
    };
    if (dice < 0.4) return await write(tx);
    if (dice < 0.6) return await tx.transaction(write);
    const undone = tx.transaction(async (inner) => {
      await write(inner);
      if (dice < 0.8) throw new Error('on purpose');
      await inner.insert(users).values({ id: row, name: 'twice' });
    });
    await undone.catch((error: unknown) => {
      this.#failed(error);
      // What isolation brings ends all of it.
      if (codeOf(error)?.startsWith('40') === true) throw error;
    });
  }

  #failed(error: unknown): void {
    const isOnPurpose = (error as Error).message === 'on purpose';
    if (!isOnPurpose && !EXPECTED.has(codeOf(error) ?? '')) this.#failures.push(error);
  }
}

function codeOf(error: unknown): string | undefined {
  const { code } = ((error as Error).cause ?? error) as { code?: string };
  return code;
}

/** The first value of the first row, in whatever form the driver gives it. */
function versionIn(answer: unknown): number {
  const rows = (Array.isArray(answer) ? answer : (answer as { rows: unknown }).rows) as readonly object[];
  const [value] = Object.values(rows[0] ?? {});
  return Number(value);
}
