// A client that wrote what this gate has not heard of yet is served from the origin until it has.

import { expect, it } from 'vitest';
import { cookieRules, sharedRequest } from '../../src/engine/answers/edits.ts';
import { ownPosition } from '../../src/engine/http/own-writes.ts';
import { type Fields, fieldLines, hasField } from '../../src/semantics/fields.ts';
import { SAFE_POLICY } from '../../src/semantics/policy.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

function withoutCookies(fields: Fields): Fields {
  const policy = { ...SAFE_POLICY, cookies: cookieRules({ drop: 'all' }) };
  const shared = sharedRequest({ method: 'GET', fields, bypass: false }, policy, () => false);
  expect(hasField(shared.fields, 'cookie')).toBe(false);
  return shared.fields;
}

const TAGGED = [...FRESH, 'cache-tag', 'q1, tg-source:shop'];
const UNSETTLED = ['tidegate-settled', 'no', 'tidegate-position', 'shop;p:5'];

async function bench() {
  const parts = gateBench();
  let sequence = 0;
  let token: string | undefined;
  const reach = async (position: string, tags: readonly string[] = []) => {
    const own = { source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 60_000, tags, position };
    token = (await parts.gate.reportSource({ ...own, ...(token !== undefined && { token }) })).token;
  };
  await reach('p:3');
  await reach('p:4');
  parts.get('/a');
  parts.origin.last.answer(200, TAGGED, 'old');
  return { ...parts, reach };
}

it('a write that is not in force everywhere gives its client a position to come back with', async () => {
  const { ask, origin } = await bench();
  const put = ask({ method: 'PUT', path: '/a' });
  origin.last.answer(200, UNSETTLED, 'done');
  expect(fieldLines(put.fields, 'set-cookie')).toEqual([
    'tidegate-position-shop=p:5; Path=/; Max-Age=300; HttpOnly; SameSite=Lax',
  ]);
});

it.each([
  ['its cookie', ['cookie', 'a=b; tidegate-position-shop=p:5; c=d']],
  ['the field itself', ['tidegate-position', 'other;x, shop;p:5']],
  [
    'its cookie, on a route that takes cookies off,',
    withoutCookies(['cookie', 'a=b; tidegate-position-shop=p:5; c=d']),
  ],
])('whoever brings %s is served from the origin until the gate has heard of it', async (_, fields) => {
  const { get, gate, origin, route, reach } = await bench();
  const early = get('/a', fields);
  expect(early.state).toBe('waiting');
  origin.last.answer(200, TAGGED, 'new');
  const asked = { route, method: 'GET', uri: 'http://example.org/a', fields, bypass: false };
  expect(await gate.explain(asked)).toMatchObject({
    verdict: 'forward',
    section: 'docs/exact-invalidation.md, writes',
  });
  // Others are served what there is, as before.
  expect(get('/a').text).toBe('old');
  await reach('p:5', ['q1']);
  get('/a');
  origin.last.answer(200, TAGGED, 'new');
  expect(get('/a', fields).text).toBe('new');
  expect(get('/a', fields).state).not.toBe('waiting');
});

it.each([
  ['of a source that is not known', ['cookie', 'tidegate-position-other=p:5']],
  ['that was reached', ['cookie', 'tidegate-position-shop=p:4']],
  ['that is none', ['tidegate-position', 'shop p:5']],
])('a position %s changes nothing', async (_, fields) => {
  const { get } = await bench();
  expect(get('/a', fields).text).toBe('old');
});

it('the answer to a write that is settled gets no cookie, and one that is not gets one', () => {
  const fields = ['tidegate-position', 'shop;p:5'];
  const uri = 'https://x.example/';
  expect(ownPosition(uri, fields)).toEqual([]);
  expect(ownPosition(uri, UNSETTLED).at(-1)).toMatch(/; Secure$/);
});

it('no answer has a field that is for gates alone, unless the route shows them', () => {
  const { get, ask, origin } = gateBench();
  const own = ['tidegate-untracked', 'error: no such column', ...UNSETTLED, 'tidegate-new', 'x', 'xkey', 'k'];
  const isOwn = (name: string) => name.startsWith('tidegate-') || name === 'xkey' || name === 'cache-tag';
  const ownOf = (fields: Fields) => fields.filter((name, at) => at % 2 === 0 && isOwn(name));
  const first = get('/a');
  origin.last.answer(200, [...TAGGED, ...own], 'x');
  const put = ask({ method: 'PUT', path: '/b' });
  origin.last.answer(200, own, 'x');
  for (const { fields } of [first, get('/a'), put]) expect(ownOf(fields)).toEqual([]);
});

it('the answer to a read gets no cookie', () => {
  const { get, origin } = gateBench();
  const asked = get('/a');
  origin.last.answer(200, UNSETTLED, 'x');
  expect(fieldLines(asked.fields, 'set-cookie')).toEqual([]);
});
