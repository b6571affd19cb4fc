// PostgreSQL is the judge of a text's facts: its plan of a statement names the relations that it reads and writes.

import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startedPglite } from '../kit/pglite.ts';
import { factsOf } from './facts-kit.ts';
import { POSTGRES_QUERIES, POSTGRES_SCHEMA } from './postgres-corpus.ts';

const WRITES = [
  'insert into users (id, name) select id, name from teams on conflict (id) do update set name = excluded.name',
  'with gone as (delete from orders returning user_id) update users set age = 1 from gone where gone.user_id = users.id',
  'with users as (select 1 as id) delete from teams using users where teams.id = users.id',
  'with recursive t as (select id from teams union select t.id from t join orders o on o.id = t.id) insert into audit.entries (id) select id from t',
  'merge into users u using teams t on u.team_id = t.id when matched then delete when not matched then insert (id) values (1)',
  'update only users set name = (select max(name) from teams) where id in (select user_id from orders)',
];

let db: PGlite;

beforeAll(async () => {
  db = await startedPglite();
  await db.exec(POSTGRES_SCHEMA);
}, 60_000);

afterAll(() => db?.close());

interface Plan {
  readonly Operation?: string;
  readonly 'Relation Name'?: string;
  readonly Plans?: readonly Plan[];
}

function relationsIn(plan: Plan, found: { name: string; isWritten: boolean }[] = []): typeof found {
  const name = plan['Relation Name'];
  if (name !== undefined) found.push({ name: name.toLowerCase(), isWritten: plan.Operation !== undefined });
  for (const inner of plan.Plans ?? []) relationsIn(inner, found);
  return found;
}

test('its plan names no relation that the facts do not', async () => {
  let understood = 0;
  for (const text of [...POSTGRES_QUERIES, ...WRITES]) {
    const explained = await db
      .query<{ 'QUERY PLAN': readonly [{ Plan: Plan }] }>(`explain (generic_plan, format json) ${text}`)
      .catch(() => undefined);
    if (explained === undefined) continue;
    const { reads, writes, isOpaque, isUnreadable } = factsOf(text, 'postgres');
    const relations = relationsIn((explained.rows[0]?.['QUERY PLAN'] ?? [])[0]?.Plan ?? {});
    understood += relations.length;
    const missed = relations.filter(({ name, isWritten }) =>
      isWritten ? !writes.has(name) : !reads.has(name) && !writes.has(name),
    );
    expect(isOpaque || isUnreadable, text).toBe(false);
    expect(missed, text).toEqual([]);
  }
  expect(understood).toBeGreaterThan(150);
});
