// The used tables of queries, in drizzle-orm 0.45 and in the candidate of 1.0.

import * as core45 from 'drizzle-orm';
import * as pg45 from 'drizzle-orm/pg-core';
import { drizzle as pgProxy45 } from 'drizzle-orm/pg-proxy';
import * as core1 from 'drizzle-orm-next';
import * as pg1 from 'drizzle-orm-next/pg-core';
import { drizzle as pgProxy1 } from 'drizzle-orm-next/pg-proxy';
import { describe, expect, it } from 'vitest';
import { type QueryTables, usedTables } from '../../../src/orm/drizzle/tables.ts';

const known = (...tables: string[]) => ({ kind: 'known', tables: tables.sort() });
const read = (...tables: string[]): unknown => ({ access: 'read', used: known(...tables), written: known() });
const write = (used: string[], ...written: string[]): unknown => ({
  access: 'write',
  used: known(...used),
  written: known(...written),
});

/** The builders of both versions have the same form; the types of one serve for both. */
function pgSuite(core: typeof core45, pg: typeof pg45) {
  const users = pg.pgTable('users', { id: pg.integer('id').primaryKey(), name: pg.text('name').notNull() });
  const posts = pg.pgTable('posts', { id: pg.integer('id').primaryKey(), userId: pg.integer('user_id').notNull() });
  const audit = pg.pgSchema('log').table('audit', { id: pg.integer('id'), userId: pg.integer('user_id') });
  const prefixed = pg.pgTableCreator((name) => `app_${name}`)('notes', { id: pg.integer('id') });
  const tables = { users, posts, audit, prefixed };
  return { ...core, ...pg, ...tables };
}

const nobody = async () => ({ rows: [] });
const versions = [
  { name: '0.45', suite: pgSuite(core45, pg45), db: pgProxy45(nobody) },
  {
    name: '1.0',
    suite: pgSuite(core1 as unknown as typeof core45, pg1 as unknown as typeof pg45),
    db: pgProxy1(nobody) as unknown as ReturnType<typeof pgProxy45>,
  },
];

describe.each(versions)('used tables of builders, drizzle-orm $name', ({ suite, db }) => {
  const { users, posts, audit, prefixed, sql, eq, inArray, exists, pgView, pgMaterializedView, alias, count } = suite;

  it('names the table, and its schema', () => {
    expect(usedTables(db.select().from(users))).toEqual(read('users'));
    expect(usedTables(db.select().from(audit))).toEqual(read('log.audit'));
    expect(usedTables(db.select().from(prefixed))).toEqual(read('app_notes'));
  });

  it('sees joins and aliases', () => {
    const u = alias(users, 'u');
    const joined = db.select().from(audit).leftJoin(u, eq(u.id, audit.userId));
    expect(usedTables(joined)).toEqual(read('log.audit', 'users'));
    expect(usedTables(db.select({ n: sql`1` }).from(u))).toEqual(read('users'));
  });

  it('sees subqueries in conditions', () => {
    const ids = db.select({ id: posts.userId }).from(posts);
    expect(usedTables(db.select().from(users).where(inArray(users.id, ids)))).toEqual(read('users', 'posts'));
    expect(usedTables(db.select().from(users).where(exists(ids)))).toEqual(read('users', 'posts'));
    expect(usedTables(db.select().from(users).where(sql`${users.id} in ${ids}`))).toEqual(read('users', 'posts'));
    const aliased = alias(posts, 'p');
    const deep = db.select({ n: sql`1` }).from(aliased);
    expect(usedTables(db.select().from(users).where(exists(deep)))).toEqual(read('users', 'posts'));
  });

  it('sees subqueries in the conditions of joins, in orders and in groups', () => {
    const ids = db.select({ id: audit.userId }).from(audit);
    const joined = db.select().from(users).leftJoin(posts, inArray(posts.id, ids));
    expect(usedTables(joined)).toEqual(read('users', 'posts', 'log.audit'));
    const n = sql`(select count(*) from ${posts})`;
    expect(usedTables(db.select().from(users).orderBy(n))).toEqual(read('users', 'posts'));
    expect(usedTables(db.select({ n: count() }).from(users).groupBy(n).having(exists(ids)))).toEqual(
      read('users', 'posts', 'log.audit'),
    );
  });

  it('sees subqueries in the select list', () => {
    const n = db.select({ n: count() }).from(posts).where(eq(posts.userId, users.id));
    expect(usedTables(db.select({ id: users.id, n: sql`${n}` }).from(users))).toEqual(read('users', 'posts'));
    const text = sql`(select count(*) from ${posts} where ${posts.userId} = ${users.id})`;
    expect(usedTables(db.select({ id: users.id, n: text.as('n') }).from(users))).toEqual(read('users', 'posts'));
    expect(usedTables(db.select({ id: users.id, n: db.$count(posts) }).from(users))).toEqual(read('users', 'posts'));
  });

  it('sees both sides of set operations', () => {
    const left = db.select({ id: users.id }).from(users);
    const right = db.select({ id: posts.id }).from(posts);
    expect(usedTables(left.union(right))).toEqual(read('users', 'posts'));
    expect(usedTables(suite.unionAll(db.select({ id: audit.id }).from(audit), right))).toEqual(
      read('log.audit', 'posts'),
    );
  });

  it('sees what subqueries in FROM and WITH lists are made of', () => {
    const inner = db.select({ id: users.id }).from(users).as('inner_users');
    expect(usedTables(db.select().from(inner))).toEqual(read('users'));
    const both = db
      .select({ id: users.id })
      .from(users)
      .union(db.select({ id: posts.id }).from(posts))
      .as('both');
    expect(usedTables(db.select().from(both))).toEqual(read('users', 'posts'));
    const cte = db.$with('cte').as(db.select({ id: posts.userId }).from(posts));
    expect(usedTables(db.with(cte).select().from(cte))).toEqual(read('posts'));
    expect(usedTables(db.with(cte).select().from(users).innerJoin(cte, eq(cte.id, users.id)))).toEqual(
      read('users', 'posts'),
    );
  });

  it('does not lose an aliased table within a subquery', () => {
    const u = alias(users, 'u');
    const inner = db
      .select({ n: sql`count(*)`.as('n') })
      .from(u)
      .as('inner_users');
    expect(usedTables(db.select().from(inner))).toEqual(read('users'));
    const counted = db.select({ n: sql<number>`1`.as('n') }).from(u);
    const both = db.select({ n: posts.id }).from(posts).union(counted).as('both');
    const { used } = usedTables(db.select().from(both));
    // Where Drizzle wrote a bare name for it, unknown is right, and nothing is not.
    expect([known('posts', 'users'), expect.objectContaining({ kind: 'unknown' })]).toContainEqual(used);
  });

  it('sees through views it can read, and says so when it cannot', () => {
    const named = pgView('named_users').as((query) => query.select().from(users).where(eq(users.name, 'x')));
    expect(usedTables(db.select().from(named))).toEqual(read('named_users', 'users'));
    const written = pgView('written', { id: suite.integer('id') }).as(sql`select ${posts.id} from ${posts}`);
    expect(usedTables(db.select().from(users).innerJoin(written, eq(written.id, users.id)))).toEqual(
      read('users', 'written', 'posts'),
    );
    const existing = pgView('existing', { id: suite.integer('id') }).existing();
    expect(usedTables(db.select().from(existing)).used).toMatchObject({ kind: 'unknown', reason: /existing/ });
    expect(
      usedTables(
        db
          .select()
          .from(users)
          .where(inArray(users.id, db.select({ id: existing.id }).from(existing))),
      ).used,
    ).toMatchObject({ kind: 'unknown' });
    const text = pgView('text_view', { id: suite.integer('id') }).as(sql`select id from users`);
    expect(usedTables(db.select().from(text)).used).toMatchObject({ kind: 'unknown', reason: /users/ });
    const kept = pgMaterializedView('kept', { id: suite.integer('id') }).existing();
    expect(usedTables(db.select().from(kept))).toEqual(read('kept'));
    expect(usedTables(db.refreshMaterializedView(kept))).toEqual(write(['kept'], 'kept'));
  });

  it('sees what a view is made of when only an alias of it stands in a subquery', () => {
    const named = pgView('named_users').as((query) => query.select().from(users));
    const v = alias(named as never, 'v') as unknown as typeof named;
    const inner = db
      .select({ n: sql`count(*)`.as('n') })
      .from(v)
      .as('counted');
    const { used } = usedTables(db.select().from(inner));
    expect([known('named_users', 'users'), expect.objectContaining({ kind: 'unknown' })]).toContainEqual(used);
  });

  it('names what writes write and read', () => {
    expect(usedTables(db.insert(users).values({ id: 1, name: 'a' }))).toEqual(write(['users'], 'users'));
    expect(usedTables(db.update(audit).set({ id: 1 }).where(eq(audit.id, 1)))).toEqual(
      write(['log.audit'], 'log.audit'),
    );
    expect(usedTables(db.delete(users).where(inArray(users.id, db.select({ id: posts.userId }).from(posts))))).toEqual(
      write(['users', 'posts'], 'users'),
    );
    const source = db.select({ id: audit.id, userId: audit.userId }).from(audit);
    expect(usedTables(db.insert(posts).select(source as never))).toEqual(write(['posts', 'log.audit'], 'posts'));
    expect(usedTables(db.update(users).set({ name: 'b' }).from(posts).where(eq(posts.userId, users.id)))).toEqual(
      write(['users', 'posts'], 'users'),
    );
    const upsert = db
      .insert(users)
      .values({ id: 1, name: 'a' })
      .onConflictDoUpdate({ target: users.id, set: { name: 'c' } });
    expect(usedTables(upsert.returning())).toEqual(write(['users'], 'users'));
  });

  it('sees a write within a WITH list', () => {
    const gone = db.$with('gone').as(db.delete(posts).returning({ id: posts.id }));
    const tables = usedTables(db.with(gone).select().from(gone));
    expect(tables).toEqual(write(['posts'], 'posts'));
  });

  it('reads `sql` with table objects', () => {
    expect(usedTables(sql`select * from ${users} u join ${posts} p on p.user_id = u.id, ${audit}`)).toEqual(
      read('users', 'posts', 'log.audit'),
    );
    expect(usedTables(sql`select extract(year from ${users.name}), 'from x' from ${users} -- from y`)).toEqual(
      read('users'),
    );
    expect(usedTables(sql`select ${users.id} from ${users} where ${users.id} is not distinct from ${5}`)).toEqual(
      read('users'),
    );
    expect(usedTables(sql`update ${users} set name = ${'x'} where id in (select user_id from ${posts})`)).toEqual(
      write(['users', 'posts'], 'users', 'posts'),
    );
    expect(usedTables(sql`insert into ${users} (id) values (1), (2) on conflict (id) do update set id = 3`)).toEqual(
      write(['users'], 'users'),
    );
    expect(usedTables(sql`begin`)).toMatchObject({ access: 'control' });
    expect(usedTables(sql`select replace(${users.name}, 'a', 'b') from ${users} for update`)).toEqual(read('users'));
  });

  it.each([
    ['text', sql`select * from users`],
    ['a name', sql`select * from ${sql.identifier('people')}`],
    ['raw text', sql.raw('select * from users')],
    ['the second of a list', sql`select * from ${users}, posts`],
    ['a join', sql`select * from ${users} join posts using (id)`],
    ['a subquery', sql`select (select max(id) from posts) from ${users}`],
    ['a comment that MySQL runs', sql`select 1 from ${users} /*! , posts */`],
    ['a quote that ends elsewhere', sql`select '${users.id}' from posts -- '`],
    [
      'a dash that may be minus',
      sql`select 5--3 from posts
      from ${users}`,
    ],
    ['TABLE', sql`select * from ${users} where id in (table posts)`],
  ])('does not know the tables of %s', (_name, query) => {
    const { used } = usedTables(query);
    expect(used).toMatchObject({ kind: 'unknown' });
    const inside = usedTables(db.select().from(users).where(sql`exists (${query})`));
    expect(inside.used).toMatchObject({ kind: 'unknown' });
  });

  it('does not know text in FROM, but text in expressions is harmless', () => {
    expect(usedTables(db.select({ n: sql`1` }).from(sql`posts`)).used).toMatchObject({ kind: 'unknown' });
    const harmless = db
      .select({ n: sql`lower(trim(both from ${users.name}))` })
      .from(users)
      .orderBy(sql`name desc`);
    expect(usedTables(harmless)).toEqual(read('users'));
  });

  it('counts what it cannot read as a write', () => {
    for (const query of [
      undefined,
      'select 1',
      { sql: 'select 1', params: [] },
      db.select().from(users).prepare('p'),
    ]) {
      const tables: QueryTables = usedTables(query);
      expect(tables).toMatchObject({ access: 'write', used: { kind: 'unknown' }, written: { kind: 'unknown' } });
    }
    for (const query of [sql`call tidy(${users})`, sql`drop view ${users}`, sql`pragma user_version`, sql``]) {
      expect(usedTables(query)).toMatchObject({ access: 'write', written: { kind: 'unknown' } });
    }
    expect(usedTables(sql`delete from users`)).toMatchObject({ access: 'write', written: { kind: 'unknown' } });
    expect(usedTables(sql`with x as (delete from ${users}) select 1`)).toEqual(write(['users'], 'users'));
    expect(usedTables(sql`select 1; delete from ${users}`)).toEqual(write(['users'], 'users'));
    expect(usedTables(sql`select * into ${posts} from ${users}`)).toEqual(write(['posts', 'users'], 'posts', 'users'));
  });
});
