// The change log on D1, in Miniflare.

import { Miniflare } from 'miniflare';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChangeSet, TableShape } from '../../src/dependency/change.ts';
import { createD1Feed, trimD1Log } from '../../src/feed/sqlite/d1.ts';
import { installSqliteFeed, removeSqliteFeed, sqliteFeedStatus } from '../../src/feed/sqlite/install.ts';
import { d1Runner } from '../../src/feed/sqlite/runner.ts';
import { lineOf } from '../contract/change-feed.ts';

let miniflare: Miniflare;
let database: Awaited<ReturnType<Miniflare['getD1Database']>>;

const integer = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const text = { ...integer, affinity: 'text' } as const;
const users: TableShape = {
  name: 'users',
  columns: [
    { name: 'id', type: integer, isNotNull: true },
    { name: 'name', type: text, isNotNull: false },
    { name: 'n', type: { ...integer, affinity: 'blob' }, isNotNull: false },
  ],
  key: [0],
};
const readTables = () => [users];
const lines = (set: ChangeSet | undefined) => set?.changes.map(lineOf);

beforeAll(async () => {
  const script = 'export default { fetch() { return new Response("") } }';
  miniflare = new Miniflare({ modules: true, script, d1Databases: ['DB'] });
  database = await miniflare.getD1Database('DB');
  await database.prepare('CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT UNIQUE, n)').run();
});
afterAll(() => miniflare.dispose());
beforeEach(async () => {
  await removeSqliteFeed(d1Runner(database));
  await database.prepare('DELETE FROM users').run();
  await installSqliteFeed(d1Runner(database), [users]);
});

describe('the change log on D1', () => {
  it('is installed, and removed without a trace', async () => {
    const status = await sqliteFeedStatus(d1Runner(database), [users]);
    expect(status).toMatchObject({ isInstalled: true, covered: ['users'], problems: [] });
    await removeSqliteFeed(d1Runner(database));
    const { results } = await database.prepare(`SELECT name FROM sqlite_schema WHERE name LIKE '%tidegate%'`).all();
    expect(results).toEqual([]);
  });

  it('gives the changes of a batch with its results, and no others', async () => {
    const feed = createD1Feed(database, readTables);
    await database.prepare(`INSERT INTO users VALUES (1, 'ann', 1)`).run();
    const first = await feed.write([
      database.prepare(`INSERT INTO users VALUES (?, ?, ?)`).bind(2, 'bob', 2),
      database.prepare('UPDATE users SET n = 9223372036854775807 WHERE id = 1 RETURNING id'),
    ]);
    expect(lines(first.set)).toEqual(['insert users 2,bob,2', 'update users 1,ann,1 -> 1,ann,9223372036854775807']);
    expect(first.results).toHaveLength(2);
    expect(first.results[1]?.results).toEqual([{ id: 1 }]);
    await database.prepare(`DELETE FROM users WHERE id = 1`).run();
    const second = await feed.write([database.prepare(`UPDATE users SET n = x'00ff' WHERE id = 2`)]);
    expect(lines(second.set)).toEqual(['update users 2,bob,2 -> 2,bob,0,255']);
    expect((await feed.write([database.prepare('SELECT * FROM users')])).set).toBe(undefined);
  });

  it('tells rows that REPLACE took away', async () => {
    const feed = createD1Feed(database, readTables);
    await feed.write([database.prepare(`INSERT INTO users VALUES (1, 'ann', 1), (2, 'bob', 9e999)`)]);
    const { set } = await feed.write([database.prepare(`INSERT OR REPLACE INTO users VALUES (1, 'bob', 3)`)]);
    expect(lines(set)?.sort()).toEqual(['delete users 1,ann,1', 'delete users 2,bob,Infinity', 'insert users 1,bob,3']);
  });

  it('does not know what it wrote where the database was set back to an earlier time, and knows the next', async () => {
    const feed = createD1Feed(database, readTables);
    const update = () => feed.write([database.prepare('UPDATE users SET n = n + 1')]);
    await feed.write([database.prepare(`INSERT INTO users VALUES (1, 'ann', 1)`)]);
    for (let write = 0; write < 9; write++) await update();
    await database.prepare('DELETE FROM _tidegate_changes WHERE seq > 3').run();
    await database.prepare(`UPDATE sqlite_sequence SET seq = 3 WHERE name = '_tidegate_changes'`).run();
    expect(await update()).toMatchObject({ set: undefined, fault: { code: 'E_FEED' } });
    expect(lines((await update()).set)).toEqual(['update users 1,ann,11 -> 1,ann,12']);
  });

  it('changes nothing and tells nothing when a statement fails', async () => {
    const feed = createD1Feed(database, readTables);
    const position = await feed.position();
    const insert = database.prepare(`INSERT INTO users VALUES (1, 'ann', 1)`);
    await expect(feed.write([insert, insert])).rejects.toThrow(/UNIQUE/);
    expect(await feed.position()).toBe(position);
  });

  it('drains what others wrote, from where it was', async () => {
    const feed = createD1Feed(database, readTables);
    const begin = await feed.drain(undefined);
    expect(begin.kind).toBe('gap');
    const from = begin.kind === 'gap' ? begin.position : '';
    await database.prepare(`INSERT INTO users VALUES (1, 'ann', 1)`).run();
    const drained = await feed.drain(from);
    expect(drained.kind === 'changes' && lines(drained.set)).toEqual(['insert users 1,ann,1']);
    const next = drained.kind === 'changes' ? drained.set.position : '';
    expect(next > from).toBe(true);
    await trimD1Log(database, next);
    expect(await feed.drain(next)).toEqual({ kind: 'changes', set: { position: next, changes: [] } });
    expect((await feed.drain(from)).kind).toBe('gap');
  });

  it('tells a gap when the schema changed', async () => {
    const feed = createD1Feed(database, readTables);
    const begin = await feed.drain(undefined);
    await database.prepare('CREATE VIEW v AS SELECT * FROM users').run();
    expect((await feed.drain(begin.kind === 'gap' ? begin.position : '')).kind).toBe('gap');
    await database.prepare('DROP VIEW v').run();
  });
});
