// What happens to a database besides reads and writes: tables change, answers get lost, nobody follows, replicas answer.

import { installSqliteFeed, removeSqliteFeed } from '../../../src/feed/sqlite/install.ts';
import { d1Runner } from '../../../src/feed/sqlite/runner.ts';
import type { D1Database, D1PreparedStatement } from '../../../src/workers/d1/binding.ts';
import { d1Shapes } from '../../../src/workers/d1/tables.ts';
import type { Answers } from './d1-tracker-app.ts';

/** Prints what each step found. */
type Scenario = (database: D1Database, answers: Answers) => Promise<unknown>;

const one = 'select * from t where id = 1';
const two = 'select * from t where id = 2';

function askedFor(answers: Answers, database: D1Database) {
  return async (text: string) => {
    const { hits } = answers;
    const body = await answers.ask(text, database, async (db) =>
      JSON.stringify((await db.prepare(text).all()).results),
    );
    return `${answers.hits > hits ? 'hit' : 'read'} ${body}`;
  };
}

/** Others alter the table; the isolate has not heard of it when it writes. */
const altered: Scenario = async (database, answers) => {
  const ask = askedFor(answers, database);
  const write = (text: string) => answers.wrapped(database).db.prepare(text).run();
  await write('update t set n = 0 where id = 1');
  await Promise.all([ask(one), ask(two)]);
  await database.prepare('alter table t add column k integer').run();
  await write('update t set k = 5 where id = 1');
  const first = [await ask(one), await ask('select id from t where k = 5'), await ask('select id from t where k = 6')];
  await write('update t set k = 6 where id = 1');
  return [
    ...first,
    await ask('select id from t where k = 5'),
    await ask('select id from t where k = 6'),
    await ask(two),
  ];
};

/** Others make the table anew, without triggers: its changes are not told, so no read of it is stored. */
const remade: Scenario = async (database, answers) => {
  const ask = askedFor(answers, database);
  const write = (text: string) => answers.wrapped(database).db.prepare(text).run();
  await write('update t set n = 0 where id = 1');
  await ask(one);
  await database.batch([
    database.prepare('drop table t'),
    database.prepare('create table t (id integer primary key, n integer)'),
    database.prepare('insert into t values (1, 100)'),
  ]);
  await write('update t set n = 101 where id = 1');
  const before = [await ask(one), await ask(one), answers.refused.at(-1)];
  await installSqliteFeed(d1Runner(database), await d1Shapes(database));
  return [...before, await ask(one), await ask(one)];
};

/** More rows than are told one by one. */
const many: Scenario = async (database, answers) => {
  const ask = askedFor(answers, database);
  const rows = Array.from({ length: 40 }, (_, at) => `(${at + 10}, 0)`).join();
  await database.prepare(`insert into t values ${rows}`).run();
  await Promise.all([ask(one), ask('select count(*) as n from t where n = 0')]);
  await answers.wrapped(database).db.prepare('update t set n = 3').run();
  return [await ask(one), await ask('select count(*) as n from t where n = 0')];
};

/** The batch is committed, and its answer lost; or it never arrives. */
const lost: Scenario = async (database, answers) => {
  const ask = askedFor(answers, database);
  await Promise.all([ask(one), ask(two)]);
  const losing: D1Database = {
    prepare: (sql) => database.prepare(sql),
    exec: (sql) => database.exec(sql),
    batch: async (statements) => {
      await database.batch(statements);
      throw new Error('D1_ERROR: Network connection lost.');
    },
  };
  const sent = answers.wrapped(losing).db.prepare('update t set n = 9 where id = 1').run();
  const error = await sent.then(() => 'done', String);
  return [error, await ask(one), await ask(two)];
};

const unfollowed: Scenario = async (database, answers) => {
  const ask = askedFor(answers, database);
  await ask(one);
  await removeSqliteFeed(d1Runner(database));
  const { meta } = await answers.wrapped(database).db.prepare('update t set n = 8 where id = 1').run();
  return [(meta as { changes: number }).changes, await ask(one), await ask(one), answers.faults.length > 0];
};

/** A session whose answers say who has served them. */
const sessions: Scenario = async (database, answers) => {
  const found: string[] = [];
  for (const served of [[true], [false], [true, false], [false, true]]) {
    const marked = { ...bareOf(database), withSession: () => sessionServedBy(database, [...served]) } as D1Database;
    const { db, response } = answers.wrapped(marked);
    const session = db.withSession?.('00000001-bookmark');
    for (const _ of served) await session?.prepare(one).all();
    found.push(response.refused);
  }
  const marked = { ...bareOf(database), withSession: () => sessionServedBy(database, [true]) } as D1Database;
  const { db, response } = answers.wrapped(marked);
  await db.withSession?.('00000001-bookmark').prepare(one).raw();
  return [...found, response.refused];
};

function bareOf(database: D1Database): Pick<D1Database, 'prepare' | 'batch' | 'exec'> {
  return {
    prepare: (sql) => database.prepare(sql),
    batch: (statements) => database.batch(statements),
    exec: (sql) => database.exec(sql),
  };
}

function sessionServedBy(database: D1Database, primaries: boolean[]) {
  const marked = (statement: D1PreparedStatement): D1PreparedStatement => ({
    bind: (...values) => marked(statement.bind(...values)),
    first: (column) => statement.first(column as never),
    all: async () => {
      const result = await statement.all();
      return { ...result, meta: { ...result.meta, served_by_primary: primaries.shift() === true } };
    },
    run: () => statement.run(),
    raw: (options) => statement.raw(options),
  });
  return { ...bareOf(database), prepare: (sql: string) => marked(database.prepare(sql)), getBookmark: () => null };
}

export const SCENARIOS: Readonly<Record<string, Scenario>> = { altered, remade, many, lost, unfollowed, sessions };
export const SCENARIO_TABLES = [
  'create table t (id integer primary key, n integer)',
  'insert into t values (1, 1), (2, 2)',
];
