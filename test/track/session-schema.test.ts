// Which table a name means changes with the schema too: what is stored is made outdated then, and a connection that was
// asked before is asked again.

import pg from 'pg';
import { expect, it, vi } from 'vitest';
import { outside, READ, server, target, tracker } from './session-world.ts';
import { atEnd, tagsReadBy } from './world.ts';

const wait = { timeout: 10_000, interval: 5 };

/** By one connection, which goes through the schemas in this order. */
function readBy(path: string, user = 'postgres') {
  const url = new URL(server.url);
  url.username = user;
  const raw = new pg.Pool({ connectionString: url.href, max: 1, options: `-c search_path=${path}` });
  atEnd(() => raw.end());
  const pool = tracker.wrap(raw);
  const read = async () => (await pool.query(READ)).rows[0]?.name;
  return () =>
    vi.waitFor(async () => {
      const found = await tagsReadBy(tracker, read);
      expect(found.reasons).toEqual([]);
      return found;
    }, wait);
}

async function isTold(tags: readonly string[]): Promise<void> {
  await vi.waitFor(() => expect(tags.some((tag) => target.tags.has(tag))).toBe(true), wait);
}

it.each([
  ['a table that is made', 'later', 'CREATE TABLE later.users (id int PRIMARY KEY, name text)'],
  [
    'a table that is moved there',
    'latest',
    'CREATE TABLE public.moved (id int, name text); ALTER TABLE public.moved RENAME TO users_2; ALTER TABLE public.users_2 SET SCHEMA latest; ALTER TABLE latest.users_2 RENAME TO users',
  ],
])('%s before another of its name on the path', async (_, schema, statements) => {
  await outside.query(`CREATE SCHEMA ${schema}`);
  const { value, tags } = await readBy(`${schema},public`)();
  expect(value).toBe('public');
  target.tags.clear();
  await outside.query(statements);
  await isTold(tags);
});

it('a right that brings a schema into the path of a connection', async () => {
  await outside.query(`CREATE ROLE seller LOGIN PASSWORD 'password';
    GRANT SELECT ON ALL TABLES IN SCHEMA public, tenant TO seller`);
  const read = readBy('tenant,public', 'seller');
  const before = await read();
  expect(before.value).toBe('public');
  const { sessions } = target;
  await outside.query('GRANT USAGE ON SCHEMA tenant TO seller');
  await vi.waitFor(() => expect(target.sessions).toBeGreaterThan(sessions), wait);
  const after = await read();
  expect(after.value).toBe('tenant');
  await outside.query(`UPDATE tenant.users SET name = 'changed' WHERE id = 1`);
  await isTold(after.tags);
});
