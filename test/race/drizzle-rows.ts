// Race: a read through Drizzle is filled by rows while a write of the same rows, or of others, is under way.
//
// A file of SQLite, whose statements are held: a read after the database has answered it, a write before or after. Afterwards the
// answer is that of the database; what a write cannot change stays stored.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient } from '@libsql/client';
import { eq, inArray, sql } from 'drizzle-orm';
import { drizzle, type LibSQLDatabase } from 'drizzle-orm/libsql';
import { integer, sqliteTable, text } from 'drizzle-orm/sqlite-core';
import { createCache } from '../../src/index.ts';
import { withTidegate } from '../../src/orm/drizzle/index.ts';
import type { UnseenCell, UnseenRace } from './unseen.ts';
import { NO_HIT, untilHit } from './unseen-hits.ts';

const users = sqliteTable('users', { id: integer().primaryKey(), name: text() });
const posts = sqliteTable('posts', { id: integer().primaryKey(), userId: integer('user_id'), title: text() });
const schema = { users, posts };
type Db = LibSQLDatabase<typeof schema>;

const LISTED = [1, 3];

const READS: Readonly<Record<string, (db: Db) => Promise<unknown>>> = {
  'a row by its key': async (db) => await db.select().from(users).where(eq(users.id, 1)),
  'a row that is not there': async (db) => await db.select().from(users).where(eq(users.id, 9)),
  'rows by a list': async (db) => await db.select().from(users).where(inArray(users.id, LISTED)),
  'rows by a foreign key': async (db) => await db.select().from(posts).where(eq(posts.userId, 1)),
  'a row and what is joined': async (db) =>
    await db.select().from(users).innerJoin(posts, eq(posts.userId, users.id)).where(eq(users.id, 1)),
  'a whole table': async (db) => await db.select().from(users),
};

interface Write {
  readonly name: string;
  readonly write: (db: Db) => Promise<unknown>;
  /** Reads that it cannot change, and that are by rows. */
  readonly leaves: readonly (keyof typeof READS)[];
  /** Those that it cannot change once they are stored. */
  readonly leavesStored?: readonly (keyof typeof READS)[];
}

const BY_KEY = ['a row by its key', 'a row that is not there', 'rows by a list'];
const ALL = [...BY_KEY, 'rows by a foreign key', 'a row and what is joined'];

const WRITES: readonly Write[] = [
  {
    name: 'update of the row',
    write: async (db) => await db.update(users).set({ name: 'new' }).where(eq(users.id, 1)),
    leaves: ['a row that is not there', 'rows by a foreign key'],
  },
  {
    name: 'update of another row',
    write: async (db) => await db.update(users).set({ name: 'new' }).where(eq(users.id, 2)),
    leaves: ALL,
  },
  {
    name: 'update that gives a row its key',
    write: async (db) => await db.update(users).set({ id: 9 }).where(eq(users.id, 2)),
    leaves: ['a row by its key', 'rows by a list', 'rows by a foreign key'],
  },
  {
    name: 'update by a name',
    write: async (db) => await db.update(users).set({ name: 'new' }).where(eq(users.name, 'Ada')),
    leaves: ['rows by a foreign key'],
  },
  {
    name: 'update that moves a row to another user',
    write: async (db) => await db.update(posts).set({ userId: 1 }).where(eq(posts.id, 2)),
    leaves: BY_KEY,
  },
  {
    name: 'insert with a generated key',
    write: async (db) => await db.insert(posts).values({ userId: 1, title: 'new' }),
    leaves: BY_KEY,
  },
  {
    name: 'insert of what was not there',
    write: async (db) => await db.insert(users).values({ id: 9, name: 'new' }),
    leaves: ['a row by its key', 'rows by a list', 'rows by a foreign key', 'a row and what is joined'],
  },
  {
    name: 'insert of another user',
    write: async (db) => await db.insert(users).values({ name: 'new' }),
    leaves: ['rows by a foreign key'],
    leavesStored: ['a row by its key', 'rows by a list'],
  },
  {
    name: 'delete of the row',
    write: async (db) => await db.delete(users).where(eq(users.id, 1)),
    leaves: ['a row that is not there', 'rows by a foreign key'],
  },
  {
    name: 'transaction of two',
    write: async (db) =>
      await db.transaction(async (tx) => {
        for (const id of [1, 20]) await tx.update(users).set({ id: 20, name: 'new' }).where(eq(users.id, id));
      }),
    leaves: ['a row that is not there', 'rows by a foreign key'],
  },
  {
    name: 'raw update of all',
    write: async (db) => await db.run(sql`update users set name = 'new'`),
    leaves: ['rows by a foreign key'],
  },
];

const byName = (name: string) => async (db: Db) => await db.select().from(users).where(eq(users.name, name));
/** When the write is sent and answered, by the read. */
const INSTANTS = [
  'between two reads',
  'within the read',
  'around the read',
  'begun within the read',
  'done between two reads, answered after',
] as const;
type Instant = (typeof INSTANTS)[number];

interface Hold {
  readonly at: 'before' | 'after';
  readonly isOf: (statement: string) => boolean;
  readonly held: Promise<void>;
  readonly reached: () => void;
}

export const DRIZZLE_ROWS: UnseenRace = {
  name: 'Drizzle by rows',
  async *cells() {
    for (const instant of INSTANTS) {
      for (const write of WRITES)
        for (const read of Object.keys(READS)) yield await untilHit(() => run(read, write, instant));
    }
    yield await tablesChanged();
    yield await anotherLife();
  },
};

class World {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidegate-rows-'));
  readonly client = createClient({ url: `file:${join(this.#folder, 'rows.db')}` });
  readonly cache = createCache();
  hold: Hold | undefined;

  async open(...more: readonly string[]) {
    const first = [
      'create table users (id integer primary key, name text)',
      'create table posts (id integer primary key, user_id integer, title text)',
      "insert into users values (1, 'Ada'), (2, 'Grace'), (3, 'Hedy')",
      "insert into posts values (1, 1, 'one'), (2, 2, 'two')",
    ];
    for (const statement of [...first, ...more]) await this.client.execute(statement);
    return this.life();
  }

  /** Another object for the same database and cache. */
  life() {
    const held = new Proxy(this.client, {
      get: (target, name) => {
        const value: unknown = Reflect.get(target, name, target);
        if (typeof value !== 'function') return value;
        if (name !== 'execute') return value.bind(target);
        return async (statement: { sql: string; args: [] }) => {
          await this.#held('before', statement.sql);
          const answer = await target.execute(statement);
          await this.#held('after', statement.sql);
          return answer;
        };
      },
    });
    return withTidegate(drizzle(held, { schema }), { cache: this.cache, database: 'app', strategy: 'all' });
  }

  async #held(at: Hold['at'], statement: string): Promise<void> {
    const { hold } = this;
    if (hold?.at !== at || !hold.isOf(statement)) return;
    hold.reached();
    await hold.held;
  }

  /** Holds such statements, before they are sent or after the database has answered, until its result is called. */
  async holding(at: Hold['at'], isOf: Hold['isOf'], begin: () => Promise<unknown>): Promise<() => Promise<void>> {
    const gate = Promise.withResolvers<void>();
    const reached = Promise.withResolvers<void>();
    this.hold = { at, isOf, held: gate.promise, reached: reached.resolve };
    const work = begin();
    await Promise.race([reached.promise, work]);
    this.hold = undefined;
    return async () => {
      gate.resolve();
      await work;
    };
  }

  close(): void {
    this.client.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

const isRead = (statement: string) => statement.startsWith('select "');
const isWrite = (statement: string) => /^(?:insert|update|delete)/.test(statement);

async function run(
  name: string,
  { name: written, write, leaves, leavesStored = [] }: Write,
  instant: Instant,
): Promise<UnseenCell> {
  const world = new World();
  const problems: string[] = [];
  try {
    const db = await world.open();
    const read = READS[name] as (typeof READS)[string];
    // So that the database has been asked for its tables.
    await db.select().from(users).where(eq(users.id, 3));
    if (instant === 'between two reads') await read(db).then(() => write(db));
    else if (instant === 'within the read') {
      const ended = await world.holding('after', isRead, () => read(db));
      await write(db);
      await ended();
    } else if (instant === 'around the read') {
      const ended = await world.holding('after', isWrite, () => write(db));
      await read(db);
      await ended();
    } else if (instant === 'done between two reads, answered after') {
      const sent = await world.holding('before', isWrite, () => write(db));
      await read(db);
      const ended = await world.holding('after', isWrite, sent);
      await judge(db, read, problems);
      await ended();
    } else {
      const readEnded = await world.holding('after', isRead, () => read(db));
      const writeEnded = await world.holding('after', isWrite, () => write(db));
      await readEnded();
      await writeEnded();
    }
    const { hits } = db.$cacheStats();
    await judge(db, read, problems);
    const isHit = db.$cacheStats().hits > hits;
    const isLeft = leaves.includes(name) || (instant === 'between two reads' && leavesStored.includes(name));
    if (isLeft && !isHit) problems.push(NO_HIT);
    return { name: `${name} × ${written}, ${instant}`, hits: isHit ? 1 : 0, problems };
  } finally {
    world.close();
  }
}

async function judge(
  db: Db & { $uncached(): Db },
  read: (db: Db) => Promise<unknown>,
  problems: string[],
): Promise<void> {
  const answer = JSON.stringify(await read(db));
  const truth = JSON.stringify(await read(db.$uncached()));
  if (answer !== truth) problems.push(`expected ${truth}, got ${answer}`);
}

const CHANGED = [
  'alter table users rename to old_users',
  'create table users (id integer primary key, name text collate nocase)',
  'insert into users select * from old_users',
  'drop table old_users',
];

/** A write has been begun, but not sent, and the tables change: what is equal to its value is not what it was. */
async function tablesChanged(): Promise<UnseenCell> {
  const world = new World();
  try {
    const db = await world.open();
    await byName('Ada')(db);
    const write = async () => await db.update(users).set({ name: 'new' }).where(eq(users.name, 'ADA'));
    const ended = await world.holding('before', isWrite, write);
    for (const statement of CHANGED) await db.run(sql.raw(statement));
    await byName('Ada')(db);
    await ended();
    const problems: string[] = [];
    await judge(db, byName('Ada'), problems);
    return { name: 'tables change before a write is sent', hits: 0, problems };
  } finally {
    world.close();
  }
}

/** What another life has stored by columns as they were is out of reach of the writes of this one. */
async function anotherLife(): Promise<UnseenCell> {
  const world = new World();
  try {
    const first = await world.open();
    await byName('Ada')(first);
    for (const statement of CHANGED) await world.client.execute(statement);
    const second = world.life();
    await byName('Grace')(second);
    await second.update(users).set({ name: 'Bea' }).where(eq(users.name, 'Ada'));
    const problems: string[] = [];
    await judge(second, byName('Ada'), problems);
    return { name: 'another life knew other columns', hits: 0, problems };
  } finally {
    world.close();
  }
}
