// Reports of trackers over the admin API.

import { expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { fakeGate } from './fake-gate.ts';

const TAKES = ['position', 'lagMs', 'answers'];
const READ = { table: 'users', level: 'row', predicate: 'any row', columns: ['*'] };
const DESCRIBED = { tag: 'q1', level: 'row', reads: [READ] };
const ANSWER = { id: 'x-1', described: [DESCRIBED], isWhole: true };
const REPORT = { source: 'shop', session: 's1', sequence: 1, leaseMs: 2000, tags: ['q1'] };

async function post(body: unknown) {
  const api = createAdminApi(fakeGate().deps);
  const bodyText = typeof body === 'string' ? body : JSON.stringify(body);
  const { status, body: text } = await api({ method: 'POST', path: '/sources', query: '', fields: [], bodyText });
  return { status, answer: JSON.parse(text as string) as { error?: { message: string } } };
}

test('a report is passed on, and the answer is the gate’s', async () => {
  expect(await post(REPORT)).toEqual({ status: 200, answer: { gap: true, token: 't1', takes: TAKES } });
  expect(await post({ ...REPORT, sequence: 2, token: 't1' })).toEqual({
    status: 200,
    answer: { gap: false, token: 't1', takes: TAKES },
  });
});

test('sources are listed', async () => {
  const api = createAdminApi(fakeGate().deps);
  const { body } = await api({ method: 'GET', path: '/sources', query: '', fields: [], bodyText: '' });
  expect(JSON.parse(body as string)).toMatchObject({ sources: [{ source: 'shop', live: true }] });
});

test.each([
  ['no JSON', 'expected a report of a source as JSON'],
  [[], 'expected a report as an object'],
  [
    { ...REPORT, lease: 5 },
    'expected only the keys source, session, sequence, token, leaseMs, tags, position, lagMs, answers, got "lease"',
  ],
  [{ ...REPORT, source: 'A b' }, 'expected a "source"'],
  [{ ...REPORT, session: undefined }, 'expected a "session" of letters, digits, ".", "_" and "-", got nothing'],
  [{ ...REPORT, sequence: 0 }, 'expected a whole "sequence" from 1, got 0'],
  [{ ...REPORT, leaseMs: 1e9 }, 'expected a whole "leaseMs" from 1 to 60000'],
  [{ ...REPORT, tags: 'q1' }, 'expected a list of up to 1000 "tags"'],
  [{ ...REPORT, tags: [7] }, 'expected a tag as text, got 7'],
  [{ ...REPORT, token: 7 }, 'expected a "token" as it was given'],
  [{ ...REPORT, position: 'a b' }, 'expected a "position" of up to 200 visible ASCII characters'],
  [{ ...REPORT, lagMs: -1 }, 'expected a whole "lagMs" from 0, got -1'],
  [{ ...REPORT, answers: { id: 'x' } }, 'expected a list of up to 16 "answers"'],
  [{ ...REPORT, answers: Array(17).fill(ANSWER) }, 'expected a list of up to 16 "answers"'],
  [{ ...REPORT, answers: [7] }, 'expected an answer as an object, got 7'],
  [{ ...REPORT, answers: [{ ...ANSWER, described: 'all' }] }, 'expected a list as "described", got "all"'],
  [{ ...REPORT, answers: [{ ...ANSWER, isWhole: 1 }] }, 'expected "isWhole" as true or false'],
  [{ ...REPORT, answers: [{ ...ANSWER, problem: ['x'] }] }, 'expected text as "problem"'],
  [{ ...REPORT, answers: [{ ...ANSWER, described: [{ ...DESCRIBED, level: 'all' }] }] }, 'expected a "level" of row,'],
  [
    { ...REPORT, answers: [{ ...ANSWER, described: [{ ...DESCRIBED, reads: [{ ...READ, recordCount: 'x' }] }] }] },
    'expected a count',
  ],
])('%j is refused', async (body, message) => {
  const { status, answer } = await post(body);
  expect(status).toBe(400);
  expect(answer.error?.message).toContain(message);
});

test('an answer that is too large is refused', async () => {
  const described = [{ ...DESCRIBED, statement: 'x'.repeat(200_000) }];
  const { status, answer } = await post({ ...REPORT, answers: [{ ...ANSWER, described }] });
  expect(status).toBe(400);
  expect(answer.error?.message).toMatch(/^expected an answer of up to 200000 characters, got 200\d+$/);
});

test('of an answer that is passed on is what is known here, and long texts are cut', async () => {
  const reports: unknown[] = [];
  const { deps } = fakeGate();
  const sources = {
    ...deps.sources,
    reportSource: async (report: unknown) => {
      reports.push(report);
      return { gap: false, token: 't' };
    },
  };
  const api = createAdminApi({ ...deps, sources });
  const long = { ...DESCRIBED, reason: 'x'.repeat(5_000), surprise: { deep: true } };
  const body = { ...REPORT, position: '01:a', lagMs: 0, answers: [{ ...ANSWER, described: [long], surprise: 1 }] };
  const bodyText = JSON.stringify(body);
  const { status } = await api({ method: 'POST', path: '/sources', query: '', fields: [], bodyText });
  expect(status).toBe(200);
  const described = [{ ...DESCRIBED, reason: 'x'.repeat(1_000) }];
  expect(reports).toEqual([{ ...REPORT, position: '01:a', lagMs: 0, answers: [{ ...ANSWER, described }] }]);
});
