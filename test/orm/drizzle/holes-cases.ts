// Ways to write that are easily missed, on PostgreSQL: in one statement, and in one transaction.

import { eq, sql } from 'drizzle-orm';
import { integer, pgMaterializedView } from 'drizzle-orm/pg-core';
import { expect } from 'vitest';
import { type PgSchema, pgSchema, type SoundDb } from './wrapped-kit.ts';

const { users, posts, audit } = pgSchema;
export const snapshot = pgMaterializedView('snapshot', { id: integer('id') }).existing();

export type Work = (here: SoundDb, schema: PgSchema) => unknown;
export type Case = readonly [name: string, work: Work];

const run =
  (text: string): Work =>
  (here) =>
    here.execute(sql.raw(text));
const failing = async (work: () => PromiseLike<unknown>): Promise<void> => {
  await expect((async () => await work())()).rejects.toThrow();
};

export const STATEMENTS: readonly Case[] = [
  ['two statements in one text', run("update users set name = 'x'; delete from posts")],
  // postgres.js says no to it when it has been done.
  [
    'a transaction in one text',
    (here) => here.execute(sql.raw("begin; update users set name = 'x'; commit")).catch(() => undefined),
  ],
  ['a function of its own', run('select app.touch()')],
  ['one of its own with the name of a built-in one', run("select app.lower('x')")],
  ['one of its own with the name of a keyword', run('select app.set(5)')],
  ['one that gives rows whose columns are named by the query', run('select * from app.rows() as (id int)')],
  ['one called beside a WITH list of its name', run('with touch as (select 1) select app.touch() from touch')],
  ['a procedure', run('call app.done()')],
  ['a block', run('do $$ begin delete from posts; end $$')],
  ['a statement prepared in SQL', run("prepare p as update users set name = 'x'; execute p; deallocate p")],
  ['COPY', run("copy users (id, name) from program 'echo 9,copied' (format csv)")],
  ['COPY of a write', run("copy (update users set name = 'x' returning id) to program 'cat > /dev/null'")],
  ['INSERT with RETURNING', (here) => here.insert(users).values({ id: 9, name: 'x' }).returning()],
  [
    'an upsert',
    (here) =>
      here
        .insert(users)
        .values({ id: 1, name: 'x' })
        .onConflictDoUpdate({ target: users.id, set: { name: 'upsert' } }),
  ],
  ['a WITH list that deletes', run('with gone as (delete from posts returning id) select * from gone')],
  [
    'a WITH list that deletes, of the query builder',
    async (here) => {
      const gone = here.$with('gone').as(here.delete(posts).returning());
      await here.with(gone).select().from(gone);
    },
  ],
  [
    'a WITH list with the name of what is written',
    run("with users as (select 9) insert into users select *, 'x' from users"),
  ],
  ['MERGE', run("merge into users u using (select 1 as id) s on u.id = s.id when matched then update set name = 'x'")],
  ['a view', run("update named set name = 'x'")],
  ['TRUNCATE', run('truncate posts')],
  ['TRUNCATE with CASCADE', run('truncate users cascade')],
  ['a delete that cascades', (here) => here.delete(users).where(eq(users.id, 1))],
  [
    'REFRESH MATERIALIZED VIEW',
    (here) =>
      here
        .insert(users)
        .values({ id: 9, name: 'x' })
        .then(() => here.refreshMaterializedView(snapshot)),
  ],
  ['EXPLAIN ANALYZE', run("explain analyze update users set name = 'x'")],
  [
    'a table exchanged for another',
    run('alter table posts rename to old; create table posts (like old); drop table old'),
  ],
  [
    'a table that a trigger writes',
    run(
      "create trigger note after update on users for each row execute function app.note(); update users set name = 'x' where id = 1",
    ),
  ],
];

export const TRANSACTIONS: readonly Case[] = [
  [
    'savepoints by hand',
    (here) =>
      here.transaction(async (tx) => {
        await tx.execute(sql`savepoint s`);
        await tx.update(users).set({ name: 'undone' });
        await tx.execute(sql`rollback to savepoint s`);
        await tx.delete(posts);
        await tx.execute(sql`release savepoint s`);
      }),
  ],
  [
    'one rolled back within one that commits',
    (here) =>
      here.transaction(async (tx) => {
        await tx.delete(posts);
        await failing(() =>
          tx.transaction(async (inner) => {
            await inner.update(users).set({ name: 'undone' });
            throw new Error('inner');
          }),
        );
        await tx.transaction(async (inner) => void (await inner.insert(audit).values({ id: 1, what: 'x' })));
      }),
  ],
  [
    'an error that the work catches: its commit is a rollback',
    (here) =>
      here
        .transaction(async (tx) => {
          await tx.delete(posts);
          await failing(() => tx.insert(users).values({ id: 1, name: 'twice' }));
        })
        .catch(() => undefined),
  ],
  [
    'an error of an inner one that the work catches',
    (here) =>
      here.transaction(async (tx) => {
        await failing(() =>
          tx.transaction(async (inner) => void (await inner.insert(users).values({ id: 1, name: 'twice' }))),
        );
        await tx.update(users).set({ name: 'kept' });
      }),
  ],
  [
    'prepared statements',
    async (here) => {
      const rename = here
        .update(users)
        .set({ name: sql`${sql.placeholder('name')}` })
        .prepare('rename');
      await rename.execute({ name: 'one' });
      await here.transaction(async (tx) => {
        const inner = tx
          .update(users)
          .set({ name: sql`${sql.placeholder('name')} || name` })
          .prepare('rename_too');
        await inner.execute({ name: 'a' });
        await inner.execute({ name: 'b' });
      });
    },
  ],
  [
    'one that writes after its end',
    async (here) => {
      let late: () => PromiseLike<unknown> = async () => undefined;
      await here.transaction(async (tx) => {
        late = () => tx.update(users).set({ name: 'late' });
      });
      await late();
    },
  ],
  [
    'one committed by hand in its work, which then goes on',
    async (here) => {
      await failing(() =>
        here.transaction(async (tx) => {
          await tx.delete(posts);
          await tx.execute(sql`commit`);
          await tx.update(users).set({ name: 'after' });
          throw new Error('no');
        }),
      );
    },
  ],
  [
    'one rolled back by hand in its work, which then goes on',
    async (here) => {
      await failing(() =>
        here.transaction(async (tx) => {
          await tx.delete(posts);
          await tx.execute(sql`rollback`);
          await tx.update(users).set({ name: 'after' });
          throw new Error('no');
        }),
      );
    },
  ],
  [
    'one committed by a text of several statements in its work',
    async (here) => {
      await failing(() =>
        here.transaction(async (tx) => {
          await tx.delete(posts);
          await tx.execute(sql.raw("commit; begin; update users set name = 'x'"));
          throw new Error('no');
        }),
      );
    },
  ],
  [
    'a cursor over a function that writes',
    (here) =>
      here.transaction(async (tx) => {
        await tx.execute(sql`declare c cursor for select app.touch()`);
        await tx.execute(sql`fetch all from c`);
      }),
  ],
];
