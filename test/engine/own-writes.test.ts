// A client that wrote what this gate has not heard of yet is served from the origin until it has.

import { expect, it } from 'vitest';
import { cookieRules, sharedRequest } from '../../src/engine/answers/edits.ts';
import { OwnPositions } from '../../src/engine/http/own-writes.ts';
import { trackedSources } from '../../src/engine/tracked-sources.ts';
import { signed, signingKey, verified } from '../../src/ledger/hashes.ts';
import { type Fields, fieldLines, hasField } from '../../src/semantics/fields.ts';
import { SAFE_POLICY } from '../../src/semantics/policy.ts';
import { FRESH, type GateBench, gateBench } from '../kit/gate-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

function withoutCookies(fields: Fields): Fields {
  const policy = { ...SAFE_POLICY, cookies: cookieRules({ drop: 'all' }) };
  const shared = sharedRequest({ method: 'GET', fields, bypass: false }, policy, () => false);
  expect(hasField(shared.fields, 'cookie')).toBe(false);
  return shared.fields;
}

const TAGGED = [...FRESH, 'cache-tag', 'q1, tg-source:shop'];
const UNSETTLED = ['tidegate-settled', 'no', 'tidegate-position', 'shop;p:5'];

async function bench(positionSecret = 'that of one gate alone, as by default') {
  const parts = gateBench({}, { positionSecret });
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

/** The cookie that a client gets who writes with that outcome. */
function cookieOf({ ask, origin }: Pick<GateBench, 'ask' | 'origin'>, fields: Fields = UNSETTLED): string {
  const put = ask({ method: 'PUT', path: '/other' });
  origin.last.answer(200, fields, 'done');
  return (fieldLines(put.fields, 'set-cookie')[0] ?? '').replace(/;.*/, '');
}

/** The same as a field. */
function fieldOf(cookie: string): Fields {
  return ['tidegate-position', cookie.replace(/^tidegate-position-(\w+)=/, '$1;')];
}

it('a write that is not in force everywhere gives its client a position to come back with', async () => {
  const { ask, origin } = await bench();
  const put = ask({ method: 'PUT', path: '/a' });
  origin.last.answer(200, UNSETTLED, 'done');
  expect(fieldLines(put.fields, 'set-cookie')).toEqual([
    expect.stringMatching(/^tidegate-position-shop=p:5~[0-9a-f]{16}; Path=\/; Max-Age=300; HttpOnly; SameSite=Lax$/),
  ]);
});

it.each([
  ['its cookie', (cookie: string) => ['cookie', `a=b; ${cookie}; c=d`]],
  ['the field itself', (cookie: string) => ['tidegate-position', `other;x, ${fieldOf(cookie)[1]}`]],
  [
    'its cookie, on a route that takes cookies off,',
    (cookie: string) => withoutCookies(['cookie', `a=b; ${cookie}; c=d`]),
  ],
])('whoever brings %s is served from the origin until the gate has heard of it', async (_, fieldsWith) => {
  const parts = await bench();
  const { get, gate, origin, route, reach } = parts;
  const fields = fieldsWith(cookieOf(parts));
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
  const { get, gate } = await bench();
  expect(get('/a', fields).text).toBe('old');
  expect(gate.stats().unknownPositions).toBe(0);
});

it.each<[what: string, given: (cookie: string) => string]>([
  ['without a signature', () => 'tidegate-position-shop=p:5'],
  ['with a signature that is made up', () => `tidegate-position-shop=p:5~${'0'.repeat(16)}`],
  ['with the signature of another position', (cookie) => cookie.replace('p:5', 'p:9')],
  ['with half a signature', (cookie) => cookie.slice(0, -8)],
  ['with its first half twice', (cookie) => cookie.slice(0, -8) + cookie.slice(-16, -8)],
  ['with its second half twice', (cookie) => cookie.slice(0, -16) + cookie.slice(-8).repeat(2)],
  ['with another last digit', (cookie) => cookie.slice(0, -1) + (cookie.endsWith('0') ? '1' : '0')],
])('a position %s is not known, and counts', async (_, given) => {
  const parts = await bench();
  const cookie = given(cookieOf(parts));
  for (const fields of [['cookie', cookie], fieldOf(cookie)]) expect(parts.get('/a', fields).text).toBe('old');
  expect(parts.gate.stats().unknownPositions).toBe(2);
});

it('the first position that is not known is told, and no other', () => {
  let told = 0;
  const sources = { hasAny: true, hasReached: () => false };
  const positions = new OwnPositions({ sources, secret: () => 'x', onUnknown: () => told++ });
  const brought = (position: string) => positions.isAhead(['tidegate-position', `shop;${position}`]);
  expect([brought('p:5'), told, brought('p:6'), told]).toEqual([false, 1, false, 1]);
  expect(positions.unknown).toBe(2);
});

it('a signature is of one source', async () => {
  const parts = await bench();
  const other = cookieOf(parts, ['tidegate-settled', 'no', 'tidegate-position', 'shoq;p:5']);
  expect(parts.get('/a', ['cookie', other.replace('shoq', 'shop')]).text).toBe('old');
});

it('a gate knows the positions of those with its secret, and of no others', async () => {
  const secret = 'x'.repeat(32);
  const [one, peer, stranger] = [await bench(secret), await bench(secret), await bench()];
  const cookie = cookieOf(one);
  expect(peer.get('/a', ['cookie', cookie]).state).toBe('waiting');
  expect(stranger.get('/a', ['cookie', cookie]).text).toBe('old');
});

it('without a secret, members of one log know the positions of each other, and no others do', () => {
  const put = { method: 'PUT', uri: 'http://x.example/' };
  const positions = ['epoch-1', 'epoch-1', 'epoch-2'].map((epoch) => {
    const time = new SimulatedTime();
    const none = { invalidate: () => 0, outdated: () => {}, random: () => 0, clock: time, tasks: time };
    const { leases, positions } = trackedSources({ expected: ['shop'] })({ ...none, epoch: () => epoch });
    expect(leases.hasAny).toBe(true);
    return positions;
  });
  const [own] = positions;
  const [, cookie = ''] = own?.cookies(put, UNSETTLED) ?? [];
  const brought = ['cookie', cookie.replace(/;.*/, '')];
  // A source that is only expected has reached nothing, so every position is ahead of it.
  expect(positions.map((each) => each.isAhead(brought))).toEqual([true, true, false]);
});

it.each([
  [200, true],
  [201, false],
])('a position of %i characters gets a cookie that is known: %s', async (length, isKnown) => {
  const parts = await bench();
  const cookie = cookieOf(parts, ['tidegate-settled', 'no', 'tidegate-position', `shop;${'q'.repeat(length)}`]);
  expect(cookie !== '').toBe(isKnown);
  if (isKnown) expect(parts.get('/a', ['cookie', cookie]).state).toBe('waiting');
});

it('positions behind sixteen others of one request are not looked at', async () => {
  const parts = await bench();
  const made = Array.from({ length: 16 }, (_, at) => `tidegate-position-shop=p:6${at}~${'0'.repeat(16)}`);
  const own = cookieOf(parts);
  expect(parts.get('/a', ['cookie', [...made.slice(1), own].join('; ')]).state).toBe('waiting');
  expect(parts.get('/a', ['cookie', [...made, own].join('; ')]).text).toBe('old');
});

it('a signature is two halves of HalfSipHash, under the key that the secret makes', () => {
  expect(signed('shop;p:5', signingKey('secret'))).toBe('shop;p:5~751225aa78e0f21e');
  expect(verified('shop;p:5~751225aa78e0f21e', signingKey('secret'))).toBe('shop;p:5');
});

it('the answer to a write that is settled gets no cookie, and one that is not gets one', () => {
  const positions = new OwnPositions({ sources: { hasAny: false, hasReached: () => undefined }, secret: () => 'x' });
  const put = { method: 'PUT', uri: 'https://x.example/' };
  expect(positions.cookies(put, ['tidegate-position', 'shop;p:5'])).toEqual([]);
  expect(positions.cookies(put, UNSETTLED).at(-1)).toMatch(/; Secure$/);
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
