// A server with the same table in several schemas, and by which of them an answer is made outdated.

import type pg from 'pg';
import { afterAll, beforeAll, expect } from 'vitest';
import { createTracker, postgresDatabase, type Tracker } from '../../src/track/index.ts';
import { connected, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { NotingTarget, tagsReadBy } from './world.ts';

export let server: PostgresServer;
export let outside: pg.Client;
export let tracker: Tracker;
export const target = new NotingTarget();
export const READ = 'SELECT name FROM users WHERE id = 1';

beforeAll(async () => {
  server = await startServer();
  outside = await connected(server.url);
  for (const schema of ['public', 'tenant', 'other', 'clerk']) {
    if (schema !== 'public') await outside.query(`CREATE SCHEMA ${schema}`);
    await outside.query(`CREATE TABLE ${schema}.users (id int PRIMARY KEY, name text, age int);
      INSERT INTO ${schema}.users VALUES (1, '${schema}', 0), (2, 'b', 1), (3, NULL, 2)`);
  }
  await outside.query(`CREATE ROLE clerk LOGIN SUPERUSER PASSWORD 'password';
    CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'password'; ALTER ROLE guest SET search_path = tenant;
    CREATE ROLE reader LOGIN PASSWORD 'password'; GRANT SELECT ON ALL TABLES IN SCHEMA other, public TO reader;
    CREATE TABLE public.audit (id int); CREATE FUNCTION to_other() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('search_path', 'other', false); RETURN NEW; END $$;
    CREATE TRIGGER audited BEFORE INSERT ON public.audit FOR EACH ROW EXECUTE FUNCTION to_other();
    CREATE FUNCTION go_to(path text) RETURNS text LANGUAGE sql AS $$ SELECT set_config('search_path', path, false) $$;
    CREATE PROCEDURE walk_to(path text) LANGUAGE plpgsql AS
      $$ BEGIN PERFORM set_config('search_path', path, false); END $$`);
  tracker = createTracker({
    source: 'shop',
    database: postgresDatabase({ connection: server.url, slot: 'shop', publication: 'shop', install: true }),
    targets: [target],
  });
  await tracker.start();
}, 60_000);
afterAll(async () => {
  await tracker?.stop();
  await outside?.end();
  await server?.stop();
}, 30_000);

/** What is temporary is a change of the schema where the feed hears of each; and a busy machine may be behind. */
async function readInPeace(read: () => Promise<unknown>) {
  for (;;) {
    const found = await tagsReadBy(tracker, read);
    if (!found.reasons.some((reason) => reason === 'schema-change' || reason === 'not-live')) return found;
    await tracker.settled();
  }
}

/** What was read, and the schemas of which a change makes it outdated; or why it is not stored. */
export async function watched(read: () => Promise<unknown>) {
  const first = await readInPeace(read);
  if (first.reasons.length > 0) return { value: first.value, reasons: first.reasons };
  const by: string[] = [];
  for (const schema of ['public', 'tenant', 'other', 'clerk']) {
    const { tags } = await readInPeace(read);
    target.tags.clear();
    await outside.query(`UPDATE ${schema}.users SET age = age + 1; UPDATE ${schema}.users SET name = 'c' WHERE id = 2`);
    await tracker.settled();
    expect(tags.some((tag) => target.tags.has(tag))).toBe(false);
    await outside.query(`UPDATE ${schema}.users SET name = name || '.' WHERE id = 1`);
    await tracker.settled();
    if (tags.some((tag) => target.tags.has(tag))) by.push(schema);
    await outside.query(`UPDATE ${schema}.users SET name = '${schema}' WHERE id = 1`);
    await tracker.settled();
  }
  return { value: first.value, by };
}
