// Changes of the schema by logical replication: in force with the commit that makes them, and tables that are made later.

import { expect, test, vi } from 'vitest';
import { installPostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { postgresFeedStatus } from '../../src/feed/postgres/logical/status.ts';
import { lsnOf, placeOf } from '../../src/feed/postgres/position.ts';
import { Heard } from '../contract/heard.ts';
import { withSession } from './postgres-kit.ts';
import { begin, hears, USERS, useServer, wait } from './postgres-world.ts';

useServer();

/** No heartbeat comes while a test runs. */
const heartbeatMs = 3_600_000;

test('a change of the schema is told with its commit, before the rows of the transaction', async () => {
  const { writer, heard, feed } = await begin({ heartbeatMs });
  await writer.query(
    `BEGIN; ALTER TABLE users ADD COLUMN email text; INSERT INTO users VALUES (1, 'x', 1, 'e'); COMMIT`,
  );
  await hears(heard, ['truncate users', 'insert users 1,x,1,e']);
  expect(feed.status().warnings).toEqual([]);
});

test.each([
  ['a view', 'CREATE VIEW v AS SELECT 1 AS one'],
  ['a function', "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'"],
  ['a function dropped', 'DROP FUNCTION before()'],
  ['an operator', 'CREATE OPERATOR @@@ (FUNCTION = add, LEFTARG = int, RIGHTARG = int)'],
  ['a cast', 'CREATE CAST (text AS boolean) WITH INOUT'],
  ['a domain', 'CREATE DOMAIN d AS int CHECK (VALUE > 0)'],
  ['a policy', 'CREATE POLICY p ON users USING (true)'],
  ['a view of another name', 'ALTER VIEW shown.names RENAME TO others'],
  ['a view in another schema', 'ALTER VIEW shown.names SET SCHEMA public'],
  ['a schema of another name', 'ALTER SCHEMA shown RENAME TO hidden'],
  ['a right to use a schema', 'GRANT USAGE ON SCHEMA shown TO PUBLIC'],
  ['a foreign table', 'CREATE FOREIGN TABLE away (id int) SERVER far'],
  ['a partitioned table', 'CREATE TABLE parted (id int) PARTITION BY RANGE (id)'],
  ['row-level security of a partitioned table', 'ALTER TABLE divided ENABLE ROW LEVEL SECURITY'],
])('%s is noticed with its commit', async (_, statement) => {
  const { writer, heard } = await begin({
    heartbeatMs,
    tables: [
      USERS,
      "CREATE FUNCTION before() RETURNS int LANGUAGE sql AS 'SELECT 1'",
      "CREATE FUNCTION add(int, int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
      'CREATE SCHEMA shown; CREATE VIEW shown.names AS SELECT name FROM users',
      'CREATE FOREIGN DATA WRAPPER distant; CREATE SERVER far FOREIGN DATA WRAPPER distant',
      'CREATE TABLE divided (id int) PARTITION BY RANGE (id)',
    ],
  });
  await writer.query(statement);
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
});

test('a table that may come before another of its name on a search path changes that one too', async () => {
  const { writer, heard } = await begin({ heartbeatMs });
  await writer.query('CREATE SCHEMA tenant; CREATE TABLE tenant.users (id int PRIMARY KEY)');
  await hears(heard, ['truncate tenant.users', 'truncate users']);
});

test('no position passes the commit before its change of the schema is told, whatever notices it first', async () => {
  const { writer, heard } = await begin({ heartbeatMs: 1 });
  const passed: { readonly lsn: bigint; readonly gaps: number }[] = [];
  const { reached } = heard;
  heard.reached = (position) => {
    passed.push({ lsn: placeOf(position)?.lsn ?? 0n, gaps: heard.gaps.length });
    reached.call(heard, position);
  };
  const ends: bigint[] = [];
  for (let count = 0; count < 40; count++) {
    await writer.query(`CREATE OR REPLACE VIEW v AS SELECT ${count} AS one`);
    const { rows } = await writer.query('SELECT pg_current_wal_insert_lsn()::text AS lsn');
    ends.push(lsnOf(rows[0].lsn));
    await vi.waitFor(() => expect(heard.gaps).toHaveLength(count + 2), wait);
  }
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
  const early = ends.filter((lsn, at) => passed.some((one) => one.lsn >= lsn && one.gaps < at + 2));
  expect(early).toEqual([]);
});

test('a rolled back one, and what is temporary, are not told', async () => {
  const { writer, heard } = await begin({ heartbeatMs });
  await writer.query('BEGIN; CREATE VIEW v AS SELECT 1 AS one; ROLLBACK');
  await writer.query('CREATE TEMP TABLE scratch (id int); CREATE TEMP VIEW w AS SELECT * FROM scratch; DROP VIEW w');
  await writer.query(`INSERT INTO users VALUES (1, 'x', 1)`);
  await hears(heard, ['insert users 1,x,1']);
  expect(heard.gaps).toHaveLength(1);
});

test('a role that may make no event trigger installs without it, and status says that changes are noticed later', async () => {
  const { url, names, writer, feed, make } = await begin();
  await feed.stop();
  await writer.query('DROP EVENT TRIGGER tidegate_ddl; DROP EVENT TRIGGER tidegate_drop');
  await writer.query(`DROP ROLE IF EXISTS plain; CREATE ROLE plain LOGIN REPLICATION PASSWORD 'plain'`);
  const plain = url.replace('postgres:password', 'plain:plain');
  await withSession(plain, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'key' }));
  const { warnings } = await withSession(url, (session) => postgresFeedStatus(session, names));
  expect(warnings).toEqual([expect.stringContaining('noticed at the next heartbeat')]);
  const [again, heard] = [make(), new Heard()];
  await again.start(undefined, heard);
  await vi.waitFor(() => expect(again.status().warnings).toEqual(warnings), wait);
  await writer.query('CREATE VIEW late AS SELECT 1 AS one');
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(2), wait);
});

test('a table made later is named in the status, and told once it is published', async () => {
  const { url, names, writer, heard, feed } = await begin();
  await writer.query('CREATE TABLE late (id int PRIMARY KEY)');
  const left = 'expected changes of public.late to be told, got it left out: install the feed';
  await vi.waitFor(() => expect(feed.status().problems).toEqual([left]), wait);
  expect(feed.watches('public', 'late')).toBe(false);
  await hears(heard, ['truncate late']);
  await withSession(url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'key' }));
  await vi.waitFor(() => expect(feed.watches('public', 'late')).toBe(true), wait);
  expect(feed.status().problems).toEqual([]);
  await writer.query('INSERT INTO late VALUES (1)');
  await vi.waitFor(() => expect(heard.lines.at(-1)).toBe('insert late 1'), wait);
});

test.each([
  ['all of its changes', "ALTER PUBLICATION changes SET (publish = 'insert')", false],
  ['all of its rows', 'DROP PUBLICATION changes; CREATE PUBLICATION changes FOR TABLE users WHERE (age > 1)', false],
  ['all of its columns', 'DROP PUBLICATION changes; CREATE PUBLICATION changes FOR TABLE users (id, age)', false],
  ['everything', 'DROP PUBLICATION changes; CREATE PUBLICATION changes FOR TABLE users', true],
])('a table counts as told only where the publication has %s', async (_, statements, isTold) => {
  const { writer, heard, feed } = await begin();
  expect(feed.watches('public', 'users')).toBe(true);
  await writer.query(`BEGIN; ${statements}; COMMIT`);
  await hears(heard, ['truncate users']);
  expect(feed.watches('public', 'users')).toBe(isTold);
  expect(feed.status().problems.join().includes('public.users')).toBe(!isTold);
});
