// A Worker whose answers are kept by the tags that a D1 tracker gives them: bundled by d1-tracker.test.ts and run in workerd.
// A data cache stands for the gate: it judges entries by the same ledger.

import { createCache } from '../../../src/cache/create-cache.ts';
import { installSqliteFeed } from '../../../src/feed/sqlite/install.ts';
import { d1Runner } from '../../../src/feed/sqlite/runner.ts';
import type { D1Database } from '../../../src/workers/d1/binding.ts';
import { createD1Drain } from '../../../src/workers/d1/drain.ts';
import { d1Shapes } from '../../../src/workers/d1/tables.ts';
import { createD1Tracker } from '../../../src/workers/d1/tracker.ts';
import { randomOf } from '../../orm/drizzle/random-kit.ts';
import type { Query, Value } from '../../orm/drizzle/rows-databases.ts';
import { RowsQueries } from '../../orm/drizzle/rows-queries.ts';
import { OPERATIONS, type Outcome, outcomeOf, SEED_TABLES } from './d1-operations.ts';
import { SCENARIO_TABLES, SCENARIOS } from './d1-scenarios.ts';

/** Answers of one isolate. */
export class Answers {
  readonly #cache = createCache();
  readonly tracker = createD1Tracker({ source: 'app', onFault: (error) => void this.faults.push(String(error)) });
  readonly faults: string[] = [];
  readonly refused: string[] = [];
  hits = 0;

  readonly invalidate = async ({ tags }: { readonly tags: readonly string[] }): Promise<void> => {
    for (let at = 0; at < tags.length; at += 100) await this.#cache.invalidate({ tags: tags.slice(at, at + 100) });
  };

  /** The database as the handler of one request has it, with what became of the response. */
  wrapped(database: D1Database) {
    const response = { tags: new Set<string>(), refused: '' };
    const request = {
      tags: (...names: readonly string[]) => {
        for (const name of names) response.tags.add(name);
      },
      refuse: (reason: string) => {
        response.refused = reason;
        this.refused.push(reason);
      },
      invalidate: this.invalidate,
    };
    return { db: this.tracker.wrap(database, request), response };
  }

  async ask(url: string, database: D1Database, handle: (db: D1Database) => Promise<string>): Promise<string> {
    const found = this.#cache.get<string>(url);
    if (typeof found === 'string') {
      this.hits++;
      return found;
    }
    const stamp = this.#cache.stamp();
    const { db, response } = this.wrapped(database);
    const body = await handle(db);
    if (response.refused === '' && response.tags.size <= 128)
      await this.#cache.set(url, body, { tags: [...response.tags], stamp, ttl: '1h' });
    return body;
  }
}

async function reset(database: D1Database, tables: readonly string[]): Promise<void> {
  const runner = d1Runner(database);
  const old = await runner.all(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'`,
  );
  for (const { name } of [...old].reverse()) await database.prepare(`DROP TABLE "${name}"`).run();
  for (const text of tables) await database.prepare(text).run();
  await installSqliteFeed(runner, await d1Shapes(database));
}

const read =
  ({ text, values }: Query) =>
  async (db: D1Database): Promise<string> => {
    try {
      return JSON.stringify(
        (
          await db
            .prepare(text)
            .bind(...values)
            .all()
        ).results,
      );
    } catch {
      return 'failed';
    }
  };

/** Random reads and writes, some of them by others; after each, every answer is held against the database. */
async function randomWork(database: D1Database, seed: number, steps: number) {
  const random = randomOf(seed);
  const queries = new RowsQueries('sqlite', random);
  await reset(database, [
    'drop table if exists c',
    'drop table if exists b',
    'drop table if exists a',
    ...queries.tables(),
  ]);
  const answers = new Answers();
  const drain = createD1Drain({ source: 'app', database, invalidate: answers.invalidate });
  let position = (await drain(undefined)).position;
  const asked = Array.from({ length: 24 }, () => queries.read());
  const before = new Map<Query, string>();
  const counts = { reads: 0, hits: 0, writes: 0, dropped: 0, needless: 0 };
  const outdated: string[] = [];
  for (let step = 0; step < steps; step++) {
    const statements = Array.from({ length: random() < 0.7 ? 1 : 2 }, () => queries.statement());
    const isOther = random() < 0.3;
    const { db } = isOther ? { db: database } : answers.wrapped(database);
    const made = statements.map(({ text, values }) => db.prepare(text).bind(...values));
    const work = made[1] === undefined ? oneOf(random, made[0] as never) : db.batch(made);
    await work.then(
      () => counts.writes++,
      () => undefined,
    );
    if (isOther) ({ position } = await drain(position));
    for (const query of asked) {
      const { hits } = answers;
      const answer = await answers.ask(JSON.stringify(query), database, read(query));
      const truth = await read(query)(database);
      counts.reads++;
      if (answers.hits > hits) counts.hits++;
      else if (before.has(query)) {
        counts.dropped++;
        if (before.get(query) === truth) counts.needless++;
      }
      before.set(query, truth);
      if (answer !== truth)
        outdated.push(`${JSON.stringify(query)} gave ${answer} for ${truth} after ${JSON.stringify(statements)}`);
    }
  }
  return { ...counts, outdated, faults: answers.faults, stats: answers.tracker.stats() };
}

function oneOf(random: () => number, statement: ReturnType<D1Database['prepare']>): Promise<unknown> {
  const at = Math.floor(random() * 4);
  return at === 0 ? statement.run() : at === 1 ? statement.all() : at === 2 ? statement.raw() : statement.first();
}

/** Reads under way while writes are: an answer asked for after a write was acknowledged has at least its value. */
async function race(database: D1Database, seed: number) {
  const random = randomOf(seed);
  await reset(database, [
    'create table t (id integer primary key, n integer)',
    'insert into t values (0, 0), (1, 0), (2, 0)',
  ]);
  const answers = new Answers();
  const acknowledged = [0, 0, 0];
  const outdated: string[] = [];
  let reads = 0;
  const reader = async () => {
    for (let left = 40; left > 0; left--) {
      const id = Math.floor(random() * 3);
      const least = acknowledged[id] as number;
      const isRow = random() < 0.6;
      const query = isRow
        ? { text: 'select n from t where id = ?', values: [id as Value] }
        : { text: 'select n from t order by id', values: [] };
      const rows = JSON.parse(await answers.ask(JSON.stringify(query), database, read(query))) as { n: number }[];
      reads++;
      if ((rows[isRow ? 0 : id]?.n ?? -1) < least)
        outdated.push(`${query.text} gave ${JSON.stringify(rows)}, not ${least}`);
    }
  };
  const writer = async (id: number) => {
    for (let n = 1; n <= 15; n++) {
      const { db } = answers.wrapped(database);
      await db.prepare('update t set n = ? where id = ?').bind(n, id).run();
      acknowledged[id] = n;
    }
  };
  await Promise.all([reader(), reader(), reader(), reader(), writer(0), writer(1), writer(2)]);
  return { reads, hits: answers.hits, outdated };
}

/** Each operation on the binding itself and wrapped, from the same rows: results, errors and rows left are the same. */
async function semantics(database: D1Database) {
  await reset(database, SEED_TABLES);
  const differing: { name: string; bare: Outcome; wrapped: Outcome }[] = [];
  for (const operation of OPERATIONS) {
    const bare = await outcomeOf(operation, database, database);
    const wrapped = await outcomeOf(operation, new Answers().wrapped(database).db, database);
    if (JSON.stringify(bare) !== JSON.stringify(wrapped)) differing.push({ name: operation.name, bare, wrapped });
  }
  return differing;
}

/** Why a response that did the operation is not stored; empty: it is. */
async function refusals(database: D1Database) {
  await reset(database, SEED_TABLES);
  const found: Record<string, string> = {};
  for (const operation of OPERATIONS) {
    const { db, response } = new Answers().wrapped(database);
    await outcomeOf(operation, db, database);
    found[operation.name] = response.refused;
  }
  return found;
}

export default {
  async fetch(request: Request, { DB }: { readonly DB: D1Database }): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    const seed = Number(searchParams.get('seed'));
    switch (pathname) {
      case '/random':
        return Response.json(await randomWork(DB, seed, Number(searchParams.get('steps') ?? 15)));
      case '/race':
        return Response.json(await race(DB, seed));
      case '/scenario': {
        const scenario = SCENARIOS[searchParams.get('name') ?? ''];
        await reset(DB, SCENARIO_TABLES);
        return Response.json(await scenario?.(DB, new Answers()));
      }
      case '/refusals':
        return Response.json(await refusals(DB));
      default:
        return Response.json(await semantics(DB));
    }
  },
};
