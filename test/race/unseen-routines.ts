// Functions that give several rows for one, and functions, operators and casts of the application under names that the
// system has: on PostgreSQL and SQLite, through wrapped drivers, with writes from outside and functions that are replaced.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import {
  createTracker,
  postgresDatabase,
  sqliteDatabase,
  type Tracker,
  type TrackingTarget,
} from '../../src/track/index.ts';
import { connected, startServer } from '../feed/postgres-kit.ts';
import { Dice } from '../sim/dice.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';

const ROUNDS = 30;

/** Answers by their text, each until one of its tags is told. */
class Answers implements TrackingTarget {
  readonly name = 'answers';
  readonly #kept = new Map<string, { readonly tags: readonly string[]; readonly answer: string }>();
  #began = Promise.withResolvers<void>();

  async deliver({ tags, sequence }: Parameters<TrackingTarget['deliver']>[0]): Promise<{ gap: boolean }> {
    if (sequence === 1) {
      this.#kept.clear();
      this.#began.resolve();
    }
    const told = new Set(tags);
    for (const [text, { tags: own }] of this.#kept) if (own.some((tag) => told.has(tag))) this.#kept.delete(text);
    return { gap: sequence === 1 };
  }

  /** Resolves when it is told next that all may be outdated. */
  cleared(): Promise<void> {
    this.#began = Promise.withResolvers<void>();
    return this.#began.promise;
  }

  keep(text: string, tags: readonly string[], answer: string): void {
    this.#kept.set(text, { tags, answer });
  }

  find(text: string): string | undefined {
    return this.#kept.get(text)?.answer;
  }
}

interface Scenario {
  readonly name: string;
  /** Answers to these may be stored. */
  readonly queries: readonly string[];
  /** To these none may. */
  readonly unstored: readonly string[];
  readonly write: (dice: Dice) => string;
}

interface Sides {
  readonly tracker: Tracker;
  readonly answers: Answers;
  readonly read: (text: string) => Promise<string>;
  readonly truth: (text: string) => Promise<string>;
  readonly change: (text: string) => Promise<unknown>;
}

async function judged({ name, queries, unstored, write }: Scenario, sides: Sides): Promise<UnseenCell> {
  const { tracker, answers, read, truth, change } = sides;
  const dice = new Dice(name.length);
  const problems: string[] = [];
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const text of [...queries, ...unstored]) {
      const kept = answers.find(text);
      const now = await truth(text);
      if (kept !== undefined) {
        hits++;
        if (kept !== now) problems.push(`outdated in round ${round}: ${text}: ${kept} for ${now}`);
        continue;
      }
      const scope = tracker.openScope();
      const answer = await scope.run(() => read(text));
      const { tags, reasons } = scope.finish();
      if (reasons.length === 0 && unstored.includes(text)) problems.push(`stored: ${text}`);
      const isOdd = reasons.some((reason) => reason !== 'schema-change');
      if (isOdd && queries.includes(text)) problems.push(`not stored for ${reasons.join()}: ${text}`);
      if (reasons.length === 0) answers.keep(text, tags, answer);
    }
    if (dice.chance(0.6)) await change(write(dice));
    await tracker.settled();
  }
  return { name, hits, problems };
}

const SETS: Scenario = {
  name: 'functions that give several rows, PostgreSQL',
  queries: [
    'SELECT id, unnest(tags) AS tag FROM posts ORDER BY id, tag',
    'SELECT id, unnest(tags) AS tag FROM posts ORDER BY id, tag LIMIT 3',
    'SELECT count(*) FROM (SELECT unnest(tags) FROM posts) t',
    'SELECT u.id FROM users u WHERE EXISTS (SELECT unnest(p.tags) FROM posts p WHERE p.user_id = u.id) ORDER BY id',
    'SELECT id, (jsonb_each_text(extra)).key FROM posts ORDER BY 1, 2',
    'SELECT id, generate_series(1, cardinality(tags)) FROM posts ORDER BY 1, 2',
    'SELECT tag FROM post_tags WHERE id = 2 ORDER BY tag',
    'SELECT id, title FROM posts WHERE id = 1',
    'SELECT id, name FROM users ORDER BY id LIMIT 1',
  ],
  unstored: [],
  write: (dice) => {
    const tags = dice.pick(["'{}'", "'{a}'", "'{a,b}'", 'NULL', "'{c,d,e}'"]);
    const extra = dice.pick(["'{}'", `'{"a": 1}'`, 'NULL']);
    return `UPDATE posts SET tags = ${tags}, extra = ${extra} WHERE id = ${dice.between(1, 4)}`;
  },
};

const OWN: Scenario = {
  name: 'functions of the application, PostgreSQL',
  queries: [
    "SELECT id, upper(name) FROM users WHERE lower(name) = 'kim'",
    'SELECT id FROM users WHERE id = 1',
    'SELECT id, taxed(id) FROM users WHERE id = 3',
  ],
  unstored: [
    'SELECT id, total(id) FROM users ORDER BY id',
    'SELECT id, height(id) FROM users ORDER BY id',
    "SELECT id, mood + 'ok'::mood AS sum FROM users ORDER BY id",
    'SELECT users.label, id FROM users ORDER BY id',
    'SELECT * FROM sums ORDER BY id',
  ],
  write: (dice) =>
    dice.pick([
      () => `UPDATE posts SET user_id = ${dice.between(1, 3)} WHERE id = ${dice.between(1, 4)}`,
      () => `UPDATE users SET name = '${dice.pick(['Kim', 'Lane'])}' WHERE id = 2`,
      // What is declared to depend on its arguments alone still changes as it is replaced.
      () =>
        `CREATE OR REPLACE FUNCTION taxed(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * ${dice.below(5)}'`,
    ])(),
};

const COUNTED = (head: string) =>
  `CREATE FUNCTION ${head} RETURNS int LANGUAGE sql STABLE AS $$ SELECT count(*)::int FROM posts WHERE user_id = 1 $$;`;

const POSTGRES_SCHEMA = `CREATE TYPE mood AS ENUM ('ok', 'sad');
  CREATE TABLE users (id int PRIMARY KEY, name text, mood mood);
  INSERT INTO users VALUES (1, 'Lane', 'ok'), (2, 'Kim', 'sad'), (3, 'Ola', 'ok');
  CREATE TABLE posts (id int PRIMARY KEY, user_id int, title text, tags text[], extra jsonb);
  INSERT INTO posts SELECT n, n % 3 + 1, 'post ' || n, CASE n WHEN 1 THEN '{a,b}'::text[] ELSE '{}' END, '{}' FROM generate_series(1, 4) n;
  CREATE VIEW post_tags AS SELECT id, unnest(tags) AS tag FROM posts;
  ${COUNTED('total(int)')} ${COUNTED('height(int)')} ${COUNTED('plus(mood, mood)')} ${COUNTED('label(users)')}
  CREATE OPERATOR + (LEFTARG = mood, RIGHTARG = mood, FUNCTION = plus);
  CREATE VIEW sums AS SELECT id, total(id) FROM users;
  CREATE FUNCTION taxed(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 * 2';`;

async function* postgresCells(): AsyncIterable<UnseenCell> {
  const server = await startServer();
  const outside = await connected(server.url);
  await outside.query(POSTGRES_SCHEMA);
  const answers = new Answers();
  const database = postgresDatabase({
    connection: server.url,
    slot: 'race',
    publication: 'race',
    install: true,
    heartbeat: 20,
    pureFunctions: new Set(['taxed']),
  });
  const tracker = createTracker({ source: 'race', database, targets: [answers], onFault: () => undefined });
  await tracker.start();
  const raw = new pg.Pool({ connectionString: server.url, max: 2 });
  const pool = tracker.wrap(raw);
  const asked = async (by: Pick<pg.Client, 'query'>, text: string) => JSON.stringify((await by.query(text)).rows);
  const sides: Sides = {
    tracker,
    answers,
    read: (text) => asked(pool as never, text),
    truth: (text) => asked(outside, text),
    change: async (text) => {
      const cleared = answers.cleared();
      await outside.query(text);
      // The heartbeat notices that the schema is another.
      if (text.startsWith('CREATE')) await cleared;
    },
  };
  try {
    yield await judged(SETS, sides);
    yield await judged(OWN, sides);
  } finally {
    await raw.end();
    await tracker.stop();
    await outside.end();
    await server.stop();
  }
}

async function sqliteCell(isEarly: boolean): Promise<UnseenCell> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-race-'));
  const path = join(folder, 'race.db');
  const outside = new DatabaseSync(path);
  outside.exec(`PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT);
    CREATE TABLE orders (id INTEGER PRIMARY KEY, user_id INTEGER, total INTEGER);
    INSERT INTO users VALUES (1, 'Lane'), (2, 'Kim'); INSERT INTO orders VALUES (1, 1, 10), (2, 2, 20);`);
  const answers = new Answers();
  const database = sqliteDatabase({ path, install: true });
  const tracker = createTracker({ source: 'race', database, targets: [answers], onFault: () => undefined });
  await tracker.start();
  const plain = new DatabaseSync(path);
  const overridden = new DatabaseSync(path);
  const total = (id: number) =>
    Number(outside.prepare('SELECT sum(total) AS n FROM orders WHERE user_id = ?').get(id)?.n);
  const wrapped = tracker.wrap(overridden);
  (isEarly ? overridden : wrapped).function('total', total as never);
  const dbs = { plain: tracker.wrap(plain), own: wrapped };
  const OWNED = 'SELECT id, total(id) AS n FROM users ORDER BY id';
  const all = (db: DatabaseSync, text: string) => JSON.stringify(db.prepare(text).all());
  const sides: Sides = {
    tracker,
    answers,
    read: async (text) => all(text === OWNED ? dbs.own : dbs.plain, text),
    truth: async (text) => all(text === OWNED ? overridden : outside, text),
    change: async (text) => outside.exec(text),
  };
  const scenario: Scenario = {
    name: `a function in the place of SQLite's, ${isEarly ? 'before' : 'after'} wrapping`,
    queries: ['SELECT total(total) AS n FROM orders', 'SELECT name FROM users WHERE id = 1'],
    unstored: [OWNED],
    write: (dice) => `UPDATE orders SET total = ${dice.below(50)} WHERE id = ${dice.between(1, 2)}`,
  };
  try {
    return await judged(scenario, sides);
  } finally {
    await tracker.stop();
    for (const db of [plain, overridden, outside]) db.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

export const ROUTINES: UnseenRace = {
  name: 'functions',
  async *cells() {
    yield* postgresCells();
    yield await sqliteCell(true);
    yield await sqliteCell(false);
  },
};
