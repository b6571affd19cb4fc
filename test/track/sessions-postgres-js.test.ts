// The same by postgres.js, which does not tell beforehand on which connection a query runs.

import postgres from 'postgres';
import { expect, it } from 'vitest';
import { outside, server, target, tracker, watched } from './session-world.ts';
import { atEnd, tagsReadBy } from './world.ts';

const connection = (options: postgres.Options<Record<string, never>> = {}) => {
  const sql = postgres(server.url, { max: 1, onnotice: () => undefined, ...options });
  atEnd(() => sql.end());
  return sql;
};
const nameBy = async (sql: postgres.Sql) => (await sql`SELECT name FROM users WHERE id = ${1}`)[0]?.name;

it('a path of the connection options, or set before or after it was wrapped', async () => {
  const ofOptions = tracker.wrap(connection({ connection: { search_path: 'tenant' } }));
  expect(await watched(() => nameBy(ofOptions))).toEqual({ value: 'tenant', by: ['tenant'] });
  const raw = connection();
  await raw`SET search_path = tenant`;
  const sql = tracker.wrap(raw);
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'tenant', by: ['tenant'] });
  await raw`SET ROLE clerk`;
  await raw`RESET search_path`;
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'clerk', by: ['clerk'] });
  await sql`SET search_path = other`;
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'other', by: ['other'] });
  await sql.unsafe("SELECT public.go_to('tenant')");
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'tenant', by: ['tenant'] });
});

it('connections of one pool with different paths', async () => {
  const raw = connection({ max: 3 });
  const sql = tracker.wrap(raw);
  const reserved = await Promise.all([raw.reserve(), raw.reserve(), raw.reserve()]);
  await Promise.all(
    reserved.map(
      (one, at) => one`SELECT set_config('search_path', ${['public', 'tenant', 'other'][at] as string}, false)`,
    ),
  );
  for (const one of reserved) one.release();
  const seen = new Set<unknown>();
  for (let turn = 0; turn < 6; turn++) {
    const { value, tags, reasons } = await tagsReadBy(tracker, () => nameBy(sql));
    expect(reasons).toEqual([]);
    seen.add(value);
    target.tags.clear();
    await outside.query(`UPDATE ${value}.users SET age = age + 1 WHERE id = 1`);
    await tracker.settled();
    expect(tags.some((tag) => target.tags.has(tag))).toBe(false);
    await outside.query(`UPDATE ${value}.users SET name = name || '.' WHERE id = 1`);
    await tracker.settled();
    expect(tags.some((tag) => target.tags.has(tag))).toBe(true);
    await outside.query(`UPDATE ${value}.users SET name = '${value}' WHERE id = 1`);
  }
  expect(seen).toEqual(new Set(['public', 'tenant', 'other']));
});

it('a temporary table, a setting, and a transaction that was begun past the wrapper', async () => {
  const raw = connection();
  const sql = tracker.wrap(raw);
  await raw`CREATE TEMP TABLE users (id int, name text)`;
  expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: [expect.stringContaining('temporary')] });
  await raw`DROP TABLE users`;
  await raw`SET transform_null_equals = on`;
  expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: [expect.stringContaining('transform_null')] });
  await raw`RESET transform_null_equals`;
  await raw`BEGIN`;
  expect(await watched(() => nameBy(sql))).toMatchObject({ reasons: ['transaction'] });
  await raw`COMMIT`;
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'public', by: ['public'] });
});

it('a connection that breaks does not stay reserved', async () => {
  const sql = tracker.wrap(connection({ max: 1 }));
  await nameBy(sql);
  const broken = tagsReadBy(tracker, () => sql`SELECT pg_terminate_backend(pg_backend_pid())`);
  await expect(broken).rejects.toThrow();
  // The driver gives the error of the connection once more.
  await nameBy(sql).catch(() => undefined);
  expect(await watched(() => nameBy(sql))).toEqual({ value: 'public', by: ['public'] });
});

it('a query that has not answered when the head of the response goes out', async () => {
  const sql = tracker.wrap(connection());
  const scope = tracker.openScope();
  const name = scope.run(() => nameBy(sql));
  await scope.run(async () => sql`SELECT 1`);
  const slow = scope.run(() => sql`SELECT name FROM users, pg_sleep(0.05) WHERE id = 1`);
  const late = slow.then(() => undefined);
  await name;
  expect(scope.finish().reasons.join()).toContain('late: a statement that has not answered');
  await late;
  scope.end();
});
