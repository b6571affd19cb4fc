// Columns that are computed when they are read (PostgreSQL 18): the server refuses updates of a published table whose
// replica identity has one. Whatever an installation does, writes must go on.

import { expect, it, vi } from 'vitest';
import { postgresFeedStatus } from '../../src/feed/postgres/logical/status.ts';
import { withSession } from './postgres-kit.ts';
import { begin, hears, useServer, wait } from './postgres-world.ts';

useServer();

const VIRTUAL = 'next int GENERATED ALWAYS AS (age + 1) VIRTUAL';

it.each(['full', 'key'] as const)('leaves a table with a key its updates, with identity %s', async (identity) => {
  const tables = [`CREATE TABLE users (id int PRIMARY KEY, age int, ${VIRTUAL})`];
  const { writer, heard } = await begin({ tables, identity });
  await writer.query('INSERT INTO users VALUES (1, 30)');
  await writer.query('UPDATE users SET age = 31 WHERE id = 1');
  await writer.query('DELETE FROM users WHERE id = 1');
  await vi.waitFor(() => expect(heard.changes.map(({ kind }) => kind)).toEqual(['insert', 'update', 'delete']), wait);
});

it('does not publish one without a key, and says so', async () => {
  const tables = ['CREATE TABLE users (id int PRIMARY KEY, age int)', `CREATE TABLE loose (age int, ${VIRTUAL})`];
  const { writer, heard, feed, names, url } = await begin({ tables, identity: 'full' });
  await writer.query('INSERT INTO loose VALUES (30)');
  await writer.query('UPDATE loose SET age = 31');
  await writer.query('INSERT INTO users VALUES (1, 30)');
  await hears(heard, ['insert users 1,30']);
  expect(feed.watches('public', 'loose')).toBe(false);
  const { problems } = await withSession(url, (session) => postgresFeedStatus(session, names));
  expect(problems.join()).toContain('public.loose');
});
