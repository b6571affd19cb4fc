// Random tables, reads and writes of all forms on one database; after each commit every cached answer is held against the
// database itself.
//
// The one complication: values that are equal to the database and not to JavaScript, or the other way round: the domains are so
// small that they meet all the time.

import { type SQL, sql } from 'drizzle-orm';
import { integer as pgInteger, pgTable } from 'drizzle-orm/pg-core';
import { integer as liteInteger, sqliteTable } from 'drizzle-orm/sqlite-core';
import { createCache } from '../../../src/index.ts';
import { withTidegate } from '../../../src/orm/drizzle/index.ts';
import { randomOf } from './random-kit.ts';
import type { Query, Row, RowsDatabase, RowsDialect, Value } from './rows-databases.ts';
import { literal, RowsQueries } from './rows-queries.ts';

export interface RowsResult {
  /** Answers that are not those of the database. */
  readonly outdated: readonly string[];
  readonly hits: number;
  readonly reads: number;
  /** Writes that were done. */
  readonly writes: number;
  /** Hits right after a write of a table that the read reads. */
  readonly kept: number;
  /** Answers that had to be read again after a write, and those of them that were what they had been. */
  readonly dropped: number;
  readonly needless: number;
}

/** All that Drizzle needs to know of them. */
const OBJECTS = {
  sqlite: ['a', 'b', 'c'].map((name) => sqliteTable(name, { id: liteInteger() })),
  postgres: ['a', 'b', 'c'].map((name) => pgTable(name, { id: pgInteger() })),
};

export async function rowsRun(
  dialect: RowsDialect,
  database: RowsDatabase,
  seed: number,
  steps = 40,
): Promise<RowsResult> {
  const world = new RowsWorld(dialect, database, seed);
  await world.open();
  return await world.play(steps);
}

class RowsWorld {
  readonly #dialect: RowsDialect;
  readonly #random: () => number;
  readonly #queries: RowsQueries;
  readonly #database: RowsDatabase;
  // biome-ignore lint/suspicious/noExplicitAny: the databases' objects have different types.
  #db: any;
  readonly #outdated: string[] = [];
  readonly #counts = { hits: 0, reads: 0, writes: 0, kept: 0, dropped: 0, needless: 0 };
  readonly #before = new Map<Query, string>();

  constructor(dialect: RowsDialect, database: RowsDatabase, seed: number) {
    this.#dialect = dialect;
    this.#database = database;
    this.#random = randomOf(seed);
    this.#queries = new RowsQueries(dialect, this.#random);
  }

  async open(): Promise<void> {
    const drops = ['c', 'b', 'a'].map((name) => `drop table if exists ${name}`);
    const tables = this.#queries.tables();
    const first = this.#dialect === 'sqlite' ? ['pragma foreign_keys = on'] : [];
    for (const text of [...first, ...drops, ...tables]) await this.#database.run({ text, values: [] });
    for (let row = 0; row < 6; row++) await this.#tried(this.#queries.insert());
    const objects = { ...OBJECTS[this.#dialect] };
    const effects: Record<string, readonly string[]> = /table b .* cascade/.test(tables.join()) ? { a: ['b'] } : {};
    this.#db = withTidegate(this.#database.db, { cache: createCache(), database: 'rows', objects, effects });
  }

  async #tried(query: Query): Promise<void> {
    await this.#database.run(query).catch(() => undefined);
  }

  async play(steps: number): Promise<RowsResult> {
    const reads = Array.from({ length: 24 }, () => this.#queries.read());
    for (let step = 0; step < steps; step++) {
      const done = await this.#write();
      for (const read of reads) await this.#compare(read, done);
    }
    return { ...this.#counts, outdated: this.#outdated };
  }

  async #compare(read: Query, after: string): Promise<void> {
    const before = this.#db.$cacheStats().hits;
    const cached = await this.#cached(read);
    const truth = await this.#database.run(read).then(plain, () => 'failed');
    this.#counts.reads++;
    const isHit = this.#db.$cacheStats().hits > before;
    if (isHit) this.#counts.hits++;
    const written = /^(?:update|insert into|delete from) (\w)\b/.exec(after)?.[1];
    if (!isHit && this.#before.has(read)) this.#counts.dropped++;
    if (!isHit && this.#before.get(read) === truth) this.#counts.needless++;
    this.#before.set(read, truth);
    if (isHit && written !== undefined && new RegExp(`\\b(?:from|join) ${written}\\b`).test(read.text))
      this.#counts.kept++;
    if (cached !== truth) this.#outdated.push(`${shown(read)} gave ${cached} for ${truth} after ${after}`);
  }

  async #cached(read: Query): Promise<string> {
    const db = this.#db.$cached();
    const made = madeOf(read);
    if (this.#dialect === 'sqlite') return await db.all(made).then(plain, () => 'failed');
    return await db.execute(made).then(
      ({ rows }: { rows: Row[] }) => plain(rows),
      () => 'failed',
    );
  }

  /** What was done, for messages. */
  async #write(): Promise<string> {
    if (this.#random() < 0.8) return await this.#sent(this.#db, this.#queries.statement());
    if (this.#database.hasTransactions === false) return await this.#batch();
    const done: string[] = [];
    const work = async (tx: object) => {
      for (let left = 1 + Math.floor(this.#random() * 3); left > 0; left--)
        done.push(await this.#sent(tx, this.#queries.statement(), true));
      if (this.#random() < 0.3) throw new Error('no');
    };
    await this.#db.transaction(work).catch(() => undefined);
    return `a transaction of ${done.join('; ')}`;
  }

  async #batch(): Promise<string> {
    const queries = Array.from({ length: 1 + Math.floor(this.#random() * 3) }, () => this.#queries.statement());
    try {
      // Drizzle's batch takes raw SQL without parameters alone.
      await this.#db.batch(queries.map((query) => this.#db.run(sql.raw(withoutParameters(query)))));
      this.#counts.writes += queries.length;
    } catch {
      return 'nothing';
    }
    return `a batch of ${queries.map(shown).join('; ')}`;
  }

  async #sent(db: object, query: Query, isInside = false): Promise<string> {
    const { run, execute } = db as Record<string, (made: SQL) => Promise<unknown>>;
    try {
      await (this.#dialect === 'sqlite' ? run : execute)?.call(db, madeOf(query));
      this.#counts.writes++;
    } catch (error) {
      if (isInside) throw error;
      return 'nothing';
    }
    return shown(query);
  }
}

function madeOf({ text, values }: Query): SQL {
  const parts = text
    .split('?')
    .flatMap((part, at) => (at === 0 ? [sql.raw(part)] : [sql`${values[at - 1]}`, sql.raw(part)]));
  return sql.join(parts);
}

function withoutParameters({ text, values }: Query): string {
  let number = 0;
  return text.replace(/\?/g, () => literal(values[number++] as Value));
}

function shown({ text, values }: Query): string {
  return `${text} ${JSON.stringify(values)}`;
}

function plain(rows: readonly Row[]): string {
  return JSON.stringify(
    rows.map((row) => ({ ...row })),
    (_, value) => (typeof value === 'bigint' ? `${value}` : value),
  );
}
