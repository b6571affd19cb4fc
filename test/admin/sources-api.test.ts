// Reports of trackers over the admin API.

import { expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import { fakeGate } from './fake-gate.ts';

const REPORT = { source: 'shop', session: 's1', sequence: 1, leaseMs: 2000, tags: ['q1'] };

async function post(body: unknown) {
  const api = createAdminApi(fakeGate().deps);
  const bodyText = typeof body === 'string' ? body : JSON.stringify(body);
  const { status, body: text } = await api({ method: 'POST', path: '/sources', query: '', fields: [], bodyText });
  return { status, answer: JSON.parse(text as string) as { error?: { message: string } } };
}

test('a report is passed on, and the answer is the gate’s', async () => {
  expect(await post(REPORT)).toEqual({ status: 200, answer: { gap: true, token: 't1' } });
  expect(await post({ ...REPORT, sequence: 2, token: 't1' })).toEqual({
    status: 200,
    answer: { gap: false, token: 't1' },
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
  [{ ...REPORT, lease: 5 }, 'expected only source, session, sequence, token, leaseMs, tags, got "lease"'],
  [{ ...REPORT, source: 'A b' }, 'expected a "source"'],
  [{ ...REPORT, session: undefined }, 'expected a "session" of letters, digits, ".", "_" and "-", got nothing'],
  [{ ...REPORT, sequence: 0 }, 'expected a whole "sequence" from 1, got 0'],
  [{ ...REPORT, leaseMs: 1e9 }, 'expected a whole "leaseMs" from 1 to 60000'],
  [{ ...REPORT, tags: 'q1' }, 'expected a list of up to 1000 "tags"'],
  [{ ...REPORT, tags: [7] }, 'expected a tag as text, got 7'],
  [{ ...REPORT, token: 7 }, 'expected a "token" as it was given'],
])('%j is refused', async (body, message) => {
  const { status, answer } = await post(body);
  expect(status).toBe(400);
  expect(answer.error?.message).toContain(message);
});
