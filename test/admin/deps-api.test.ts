// What entries hang on, over the admin API, with a tracker that answers what the test says.

import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminDeps } from '../../src/admin/contract.ts';
import type { Described, QuestionSubject, SourceAnswer } from '../../src/dependency/describe/describe.ts';
import type { ListQuery } from '../../src/engine/contract.ts';
import type { QuestionResult } from '../../src/engine/source-questions.ts';
import { ENTRY, EXPLANATION, fakeGate } from './fake-gate.ts';

const URI = 'http://example.org/users';
const LANE: Described = {
  tag: 'q1',
  level: 'row',
  statement: 'SELECT …',
  reads: [
    {
      ...{ table: 'users', level: 'row', records: ['1', '7'], recordCount: 40, isListed: true },
      ...{ predicate: "name = 'Lane'", window: 'first 10 by id', columns: ['id', 'name'] },
    },
    { table: 'orders', level: 'row', predicate: 'any row', columns: ['*'] },
  ],
};
const WIDE: Described = {
  ...{ tag: 't1', level: 'template', reason: 'too many tags' },
  reads: [{ table: 'users', level: 'template', predicate: 'any row', columns: ['id', 'age'] }],
};
const SOURCE: Described = { tag: 'a1', level: 'source', reason: 'unparsed: near "x"', reads: [] };

type Answering = (source: string, about: QuestionSubject) => QuestionResult | Partial<SourceAnswer>;

function world(
  answering: Answering,
  overrides: Partial<AdminDeps> = {},
  entryTags = ['q1', 't1', 'own', 'tg-source:shop'],
) {
  const asked: [string, QuestionSubject][] = [];
  const lists: ListQuery[] = [];
  const { deps } = fakeGate();
  const entry = { ...ENTRY, tags: entryTags };
  const api = createAdminApi({
    ...deps,
    gate: {
      ...deps.gate,
      explain: async () => ({ ...EXPLANATION, entry }),
      list: async (query) => {
        lists.push(query);
        const { tag = '' } = query;
        const outdated = { ...entry, uri: `${URI}/outdated`, tags: [tag, 'q0'], outdated: true };
        return {
          entries: [outdated, { ...entry, uri: `${URI}/${tag}`, tags: [tag, 'q0'] }, { ...entry, tags: [tag] }],
        };
      },
    },
    sources: {
      ...deps.sources,
      askSource: async (source, about) => {
        asked.push([source, about]);
        const answer = answering(source, about);
        if ('kind' in answer) return answer;
        return { kind: 'answered', answer: { id: 'x', described: [], isWhole: true, ...answer } };
      },
    },
    ...overrides,
  });
  const get = async (path: string, query: string) => {
    const { status, body } = await api({ method: 'GET', path, query, fields: [], bodyText: '' });
    return { status, answer: JSON.parse(body) };
  };
  return {
    get: (query: string) => get('/deps', query),
    explain: (query: string) => get('/explain', query),
    asked,
    lists,
  };
}

describe('of a URL', () => {
  test('rows of records, conditions and tables, a join in each of its tables', async () => {
    const { get, asked } = world(() => ({ described: [LANE, WIDE] }));
    const { status, answer } = await get(`url=${URI}`);
    expect(status).toBe(200);
    expect(asked).toEqual([['shop', { kind: 'tags', tags: ['q1', 't1', 'own'] }]]);
    expect(answer).toMatchObject({ url: URI, sources: [{ source: 'shop', isWhole: true }], otherTags: ['own'] });
    const rows = answer.rows.map((row: Record<string, unknown>) =>
      [row.granularity, row.table, row.what, row.level, (row.columns as string[]).join()].join(' | '),
    );
    expect(rows).toEqual([
      'record | users | 1, 7 … (40 in all) | row | id,name',
      `predicate | users | name = 'Lane'; first 10 by id | row | id,name`,
      'record | orders | not known | row | *',
      'predicate | orders | any row | row | *',
      'predicate | users | any row | template | id,age',
      'table | users | read by 2 statements | template | id,name,age',
      'table | orders | read by 1 statement | row | *',
    ]);
    expect(answer.rows[0]).toMatchObject({ source: 'shop', tag: 'q1', statement: 'SELECT …' });
    expect(answer.rows[5]).toMatchObject({ reason: 'too many tags' });
  });

  test('what hangs on all of a source has its reason', async () => {
    const { get } = world(() => ({ described: [SOURCE], isWhole: false }));
    const { answer } = await get(`url=${URI}`);
    expect(answer.sources).toEqual([{ source: 'shop', isWhole: false }]);
    expect(answer.rows).toEqual([
      {
        ...{ granularity: 'table', table: '*', what: 'any change of the database', level: 'source', columns: ['*'] },
        ...{ reason: 'unparsed: near "x"', source: 'shop', tag: 'a1' },
      },
    ]);
  });

  test('a tracker that keeps silent is a 504', async () => {
    const { get } = world(() => ({ kind: 'silent' }));
    const message = 'expected an answer of the tracker of shop within 2 s, got none';
    expect(await get(`url=${URI}`)).toEqual({ status: 504, answer: { error: { code: 'E_ADMIN', message } } });
    expect((await get('table=users')).answer.error.message).toBe(message);
  });

  test('of two sources, the one that answers is shown', async () => {
    const tags = ['q1', 'tg-source:shop', 'tg-source:log'];
    const { get } = world((source) => (source === 'log' ? { kind: 'silent' } : { described: [LANE] }), {}, tags);
    const { status, answer } = await get(`url=${URI}`);
    expect(status).toBe(200);
    expect(answer.sources).toMatchObject([
      { source: 'shop' },
      { source: 'log', problem: expect.stringContaining('within 2 s') },
    ]);
    expect(answer.rows).not.toEqual([]);
  });

  test('what is outdated says that its tags stand for nothing', async () => {
    const { deps } = fakeGate();
    const entry = { ...ENTRY, tags: ['q1', 'tg-source:shop'], outdated: true };
    const gate = { ...deps.gate, explain: async () => ({ ...EXPLANATION, entry }) };
    const note = 'outdated: its tags stand for nothing until it is filled again';
    expect((await world(() => ({}), { gate }).get(`url=${URI}`)).answer).toMatchObject({ note, rows: [] });
    const known = await world(() => ({ described: [LANE] }), { gate }).get(`url=${URI}`);
    expect(known.answer).not.toHaveProperty('note');
  });

  test('what was read from no source says so, and asks nobody', async () => {
    const { get, asked } = world(() => ({}), {}, ['own']);
    const { status, answer } = await get(`url=${URI}`);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ rows: [], otherTags: ['own'], note: expect.stringContaining('tg-source:<name>') });
    expect(asked).toEqual([]);
  });

  test('explain adds the same when it is asked to, and fails by none of it', async () => {
    const { explain } = world(() => ({ kind: 'silent' }));
    expect((await explain(`url=${URI}`)).answer).not.toHaveProperty('dependencies');
    const { status, answer } = await explain(`url=${URI}&deps=1`);
    expect(status).toBe(200);
    expect(answer.dependencies).toMatchObject({ rows: [], sources: [{ problem: expect.any(String) }] });
    expect((await explain(`url=${URI}&deps=yes`)).status).toBe(400);
  });
});

describe('of a table and of a record', () => {
  const grouped = (answer: { groups: Record<string, unknown>[] }) =>
    answer.groups.map(({ granularity, table, what, level, urls }) => [
      ...[granularity, table, what, level],
      (urls as string[]).map((url) => url.replace(URI, '')).join(),
    ]);

  test('URLs by level and condition; outdated ones are none', async () => {
    const { get, asked, lists } = world(() => ({ described: [LANE, WIDE, SOURCE] }));
    const { status, answer } = await get('table=users');
    expect(status).toBe(200);
    expect(asked).toEqual([['shop', { kind: 'table', table: 'users' }]]);
    expect(answer).toMatchObject({ table: 'users', isWhole: true });
    expect(grouped(answer)).toEqual([
      ['table', 'users', 'a change that the answer can depend on', 'row', ',/q1'],
      ['table', 'users', 'a change of a column that is used', 'template', ',/t1'],
      ['table', '*', 'any change of the database', 'source', ',/a1'],
      ['predicate', 'users', "name = 'Lane'; first 10 by id", 'row', ',/q1'],
      ['predicate', 'users', 'any row', 'template', ',/t1'],
    ]);
    expect(lists.map(({ tag }) => tag)).toEqual(['q1', 't1', 'a1']);
  });

  test('a record: what shows it, and what may', async () => {
    const { get, asked } = world(() => ({ described: [LANE, WIDE] }));
    const { answer } = await get('record=users:7,a%5C,b&source=shop');
    expect(asked).toEqual([['shop', { kind: 'record', table: 'users', key: ['7', 'a,b'] }]]);
    expect(grouped(answer)).toEqual([
      ['record', 'users', '7, a,b', 'row', ',/q1'],
      ['predicate', 'users', 'any row (rows not known)', 'template', ',/t1'],
    ]);
  });

  test('a table by its schema, which statements leave out', async () => {
    const { get, asked } = world(() => ({ described: [LANE] }));
    expect(grouped((await get('record=public.users:7')).answer)).toEqual([['record', 'users', '7', 'row', ',/q1']]);
    expect(grouped((await get('table=public.users')).answer)[0]).toContain('users');
    expect(asked[0]).toEqual(['shop', { kind: 'record', table: 'public.users', key: ['7'] }]);
  });

  test('many tags are looked for among all that the source has', async () => {
    const described = Array.from({ length: 30 }, (_, at) => ({ ...WIDE, tag: `q${at}` }));
    const { get, lists } = world(() => ({ described }));
    const { answer } = await get('table=users');
    expect(lists).toEqual([{ tag: 'tg-source:shop', limit: 100_000 }]);
    expect(grouped(answer)).toEqual([
      ['table', 'users', 'a change of a column that is used', 'template', '/tg-source:shop'],
      ['predicate', 'users', 'any row', 'template', '/tg-source:shop'],
    ]);
  });

  test('what the tracker cannot say is passed on', async () => {
    const { get } = world(() => ({ problem: 'expected a table whose changes are told, got x' }));
    const { status, answer } = await get('table=x');
    expect(status).toBe(200);
    expect(answer).toMatchObject({
      groups: [],
      sources: [{ problem: 'expected a table whose changes are told, got x' }],
    });
  });
});

test.each([
  ['', 400, 'expected exactly one of url, table and record'],
  [`url=${URI}&table=users`, 400, 'expected exactly one of url, table and record'],
  ['record=users', 400, 'expected a record as table:key, e.g. users:7'],
  ['record=users:', 400, 'expected a record as table:key'],
  ['record=:7', 400, 'expected a record as table:key'],
  ['table=', 400, 'expected the name of a table'],
  ['table=users&source=other', 404, 'expected one of shop, got other'],
  ['url=http://elsewhere.example/', 404, 'expected a URL that a route takes'],
  ['url=nothing', 400, 'expected an absolute http or https URL'],
  [`url=${URI}&surprise=1`, 400, 'expected only the query keys url, table, record, source, header'],
])('%j is refused', async (query, expected, message) => {
  const { status, answer } = await world(() => ({})).get(query);
  expect(answer.error.message).toContain(message);
  expect(status).toBe(expected);
});

test('a gate that no tracker reports to says so', async () => {
  const { deps } = fakeGate();
  const { get } = world(() => ({}), { sources: { ...deps.sources, sources: () => [] } });
  const { status, answer } = await get('table=users');
  expect(status).toBe(404);
  expect(answer.error.message).toBe('expected a source whose tracker reports to this gate, got none');
});
