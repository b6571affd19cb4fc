// Rows of SQLite that are read one by one, and end in every way there is: at the last row, by break, by return, by a row that
// cannot be shown, in another request. What is read beside them is shown from a cache and
// compared with the database after each write of another connection.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import BetterSqlite from 'better-sqlite3';
import LibSqlite from 'libsql';
import { createTracker, sqliteDatabase, type Tracker } from '../../src/track/index.ts';
import { Dice } from '../sim/dice.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';

const STEPS = 150;
const ROWS = 250;
const TOO_LARGE = '9007199254740993';
const PAGES = [
  'SELECT v FROM page WHERE id = 1',
  'SELECT id, v FROM page WHERE id < 4',
  'SELECT sum(v) AS s FROM page',
];

interface Statement {
  all(): unknown[];
  iterate(): IterableIterator<unknown>;
}

interface Connection {
  prepare(text: string): Statement;
  close(): unknown;
}

type Driver = new (path: string) => Connection;

interface Cached {
  readonly body: string;
  readonly tags: readonly string[];
}

class Shop {
  readonly problems: string[] = [];
  hits = 0;
  readonly #dice: Dice;
  readonly #tracker: Tracker;
  readonly #db: Connection;
  readonly #outside: DatabaseSync;
  readonly #pages: Map<string, Cached>;
  readonly #open: IterableIterator<unknown>[] = [];

  constructor(
    dice: Dice,
    tracker: Tracker,
    connections: readonly [Connection, DatabaseSync],
    pages: Map<string, Cached>,
  ) {
    this.#dice = dice;
    this.#tracker = tracker;
    [this.#db, this.#outside] = connections;
    this.#pages = pages;
  }

  async step(): Promise<void> {
    switch (this.#dice.weighted({ write: 3, view: 8, begin: 1, go: 2, end: 3 })) {
      case 'write':
        this.#outside.exec(`UPDATE page SET v = v + 1 WHERE id = ${this.#dice.between(1, 5)}`);
        await this.#tracker.settled();
        return this.#judge();
      case 'view':
        return this.#view(this.#dice.pick(PAGES));
      case 'begin':
        this.#open.push(this.#db.prepare('SELECT * FROM rows').iterate());
        return this.#go(1);
      case 'go':
        return this.#go(this.#dice.between(1, 120));
      default:
        if (this.#open.length > 0) this.#end(this.#dice.below(this.#open.length));
    }
  }

  /** A database is not closed while rows are open. */
  end(): void {
    for (const rows of this.#open) rows.return?.();
  }

  /** Within a request or outside of all. */
  #go(count: number): void {
    const rows = this.#dice.pick([...this.#open, undefined]);
    const take = () => {
      for (let at = 0; at < count; at++) rows?.next();
    };
    try {
      if (this.#dice.chance(0.5)) this.#tracker.openScope().run(take);
      else take();
    } catch (error) {
      if (!/too large/.test(String(error))) this.problems.push(String(error));
    }
  }

  #end(at: number): void {
    const [rows] = this.#open.splice(at, 1) as [IterableIterator<unknown>];
    try {
      if (this.#dice.chance(0.5)) rows.return?.();
      else for (const _ of rows) if (this.#dice.chance(0.01)) break;
    } catch (error) {
      if (!/too large/.test(String(error))) this.problems.push(String(error));
    }
  }

  #view(text: string): void {
    if (this.#pages.has(text)) {
      this.hits++;
      return this.#judge();
    }
    const scope = this.#tracker.openScope();
    const statement = this.#db.prepare(text);
    const rows = scope.run(() => (this.#dice.chance(0.5) ? statement.all() : [...statement.iterate()]));
    const { isStorable, tags } = scope.finish();
    scope.end();
    if (isStorable) this.#pages.set(text, { body: JSON.stringify(rows), tags });
  }

  #judge(): void {
    for (const [text, { body }] of this.#pages) {
      const truth = JSON.stringify(this.#outside.prepare(text).all());
      if (body !== truth) this.problems.push(`${text} showed ${body}, the database has ${truth}`);
    }
  }
}

async function runCell(name: string, open: Driver, seed: number): Promise<UnseenCell> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-iterators-'));
  const path = join(folder, 'shop.db');
  const outside = new DatabaseSync(path);
  outside.exec(`PRAGMA journal_mode = WAL; CREATE TABLE page (id INTEGER PRIMARY KEY, v INTEGER);
    CREATE TABLE rows (id INTEGER PRIMARY KEY, v INTEGER); INSERT INTO page VALUES (1, 1), (2, 2), (3, 3), (4, 4), (5, 5);
    WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO rows SELECT i, iif(i % 90 = 89, ${TOO_LARGE}, i) FROM n`);
  const pages = new Map<string, Cached>();
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [
      {
        name: 'pages',
        deliver: async ({ sequence, tags }) => {
          for (const [text, page] of pages) if (page.tags.some((tag) => tags.includes(tag))) pages.delete(text);
          return { gap: sequence === 1 };
        },
      },
    ],
  });
  const raw = new open(path);
  try {
    await tracker.start();
    const shop = new Shop(new Dice(seed), tracker, [tracker.wrap(raw), outside], pages);
    for (let at = 0; at < STEPS; at++) await shop.step();
    shop.end();
    return { name, hits: shop.hits, problems: shop.problems };
  } finally {
    await tracker.stop();
    raw.close();
    outside.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const ITERATORS: UnseenRace = {
  name: 'rows one by one',
  async *cells() {
    const drivers = [
      ['node:sqlite', DatabaseSync],
      ['better-sqlite3', BetterSqlite],
      ['libsql', LibSqlite],
    ] as unknown as readonly (readonly [string, Driver])[];
    for (const [at, [name, open]] of drivers.entries()) {
      for (const seed of [1, 2, 3]) yield await runCell(`${name}, ${seed}`, open, at * 10 + seed);
    }
  },
};
