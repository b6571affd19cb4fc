// What the cached entrypoint answers, and what of it the platform may keep.

import { describe, expect, it } from 'vitest';
import { cookieRules } from '../../src/engine/answers/edits.ts';
import type { Route } from '../../src/engine/contract.ts';
import { HEARD_FIELD, NAME_FIELD, NOTE_FIELD, nameText, noteOf } from '../../src/workers/cached-answer.ts';
import { answerCached, CALLER_PROPS, type InnerAnswer } from '../../src/workers/cached-entrypoint.ts';
import { routeTo } from '../kit/clients.ts';
import { ScriptedOrigin } from '../kit/scripted-origin.ts';

const URI = 'http://example.org/a';
const NOW = Date.UTC(2026, 0, 1);
const NAME = { shard: 'one', epoch: 'e', position: 5, key: `- api GET ${URI}` };
const FRESH = { 'cache-control': 'max-age=60' };

interface How {
  readonly name?: Partial<typeof NAME>;
  readonly heard?: string;
  readonly props?: unknown;
  readonly method?: string;
  readonly fields?: Record<string, string>;
  readonly route?: Partial<Route>;
}

/** The answer to the gate, and the request that the origin got. */
async function asked(answer: Partial<InnerAnswer>, how: How = {}) {
  const { name = {}, heard, props = CALLER_PROPS, method = 'GET', fields = {}, route = {} } = how;
  const headers = new Headers({ ...fields, [NAME_FIELD]: nameText({ ...NAME, ...name }) ?? '' });
  if (heard !== undefined) headers.set(HEARD_FIELD, heard);
  let forwarded: Request | undefined;
  const response = await answerCached(new Request(URI, { method, headers }), props, {
    clock: { now: () => NOW },
    open: async (request) => ({
      route: { ...routeTo(new ScriptedOrigin()), ...route },
      uri: request.url,
      shard: 'one',
      answer: (given) => {
        forwarded = given;
        return { response: new Response('body', { headers: FRESH }), tags: [], ...answer };
      },
    }),
  });
  const { status } = response;
  const [control, note] = [response.headers.get('cache-control'), noteOf(response)];
  return { status, control, note, response, forwarded };
}

const given = (headers: Record<string, string>, status = 200, body: string | null = 'body') => ({
  response: new Response(body, { status, headers }),
});

describe('the cached entrypoint', () => {
  it('answers the gate alone', async () => {
    for (const how of [{ props: {} }, { props: null }, { method: 'POST' }, { props: { tidegate: 'other' } }])
      expect(await asked({}, how)).toMatchObject({ status: 403, control: 'no-store', forwarded: undefined });
    for (const name of [{ shard: 'other' }, { key: `- api GET ${URI}b` }, { key: `t2 api GET ${URI}` }])
      expect(await asked({}, { name })).toMatchObject({ status: 421, control: 'no-store', forwarded: undefined });
    const nameless = await answerCached(new Request(URI), CALLER_PROPS, {
      clock: { now: () => NOW },
      open: () => Promise.reject(new Error('expected no call')),
    });
    expect(nameless.status).toBe(403);
  });

  it('tells its reader where the answer was read, and the platform no field of it', async () => {
    const { note, response, forwarded } = await asked(
      given({ ...FRESH, etag: '"1"', 'set-fancy': 'é', 'cache-tag': 'users, Ümlaut', 'tidegate-stored-note': '{}' }),
      { heard: '7', fields: { 'accept-language': 'nl' } },
    );
    expect(note).toMatchObject({ name: nameText(NAME), readAt: 7, status: 200, bornMs: NOW, variant: '' });
    expect(Object.fromEntries(pairs(note?.fields ?? []))).toMatchObject({ etag: '"1"', 'cache-tag': 'users, Ümlaut' });
    expect(note?.fields).not.toContain(NOTE_FIELD);
    expect([...response.headers.keys()].sort()).toEqual(['cache-control', 'cache-tag', NOTE_FIELD]);
    expect(response.headers.get('cache-tag')).toMatch(/^[a-z0-9]{14}(,[a-z0-9]{14}){2}$/);
    expect([...(forwarded?.headers.keys() ?? [])]).toEqual(['accept-language']);
  });

  it('reads at the position in the name at least, since its caller had heard of that', async () => {
    for (const [heard, readAt] of [
      ['9', 9],
      ['3', 5],
      ['-1', 5],
      ['x', 5],
      [undefined, 5],
    ] as const)
      expect((await asked({}, heard === undefined ? {} : { heard })).note?.readAt).toBe(readAt);
  });

  it('has nothing kept that a tier below had read before the position in the name, or in another epoch', async () => {
    const stamps = [
      { stamp: { epoch: 'e', position: 5 }, kept: 'max-age=60', readAt: 5 },
      { stamp: { epoch: 'e', position: 4 }, kept: 'no-store', readAt: 4 },
      { stamp: { epoch: 'f', position: 9 }, kept: 'no-store', readAt: -1 },
      { stamp: { epoch: 'e', position: Number.NaN }, kept: 'no-store', readAt: -1 },
    ];
    for (const { stamp, kept, readAt } of stamps)
      expect(await asked({ stamp }, { heard: '8' })).toMatchObject({ control: kept, note: { readAt } });
  });

  it.each([
    ['that says nothing of its freshness', given({})],
    ['that says no-store', given({ 'cache-control': 'no-store' })],
    ['that is private', given({ 'cache-control': 'private, max-age=60' })],
    ['that wants validation at each use', given({ 'cache-control': 'no-cache, max-age=60', etag: '"1"' })],
    ['that is fresh for less than a second more', given({ ...FRESH, age: '60' })],
    ['with Set-Cookie', given({ ...FRESH, 'set-cookie': 'a=b' })],
    [
      'with a field that is meant for its client',
      given({ 'cache-control': 'max-age=60, private="x-own"', 'x-own': 'a' }),
    ],
    ['with Vary: *', given({ ...FRESH, vary: '*' })],
    ['that is a part', given({ ...FRESH, 'content-range': 'bytes 0-3/9' }, 206)],
    ['that is a 304', given(FRESH, 304, null)],
    ['with too long a tag', given({ ...FRESH, 'cache-tag': 'x'.repeat(1_025) })],
    ['with more tags than the platform heeds', given({ ...FRESH, 'cache-tag': many(1_000) })],
    ['of a followed source', given({ ...FRESH, 'cache-tag': 'tg-source:db' })],
    ['that is too large', given({ ...FRESH, 'content-length': String(2 ** 40) })],
  ])('has no answer kept %s', async (_, answer) => {
    const { control, note } = await asked(answer);
    expect(control).toBe('no-store');
    expect(note?.bornMs).toBeUndefined();
  });

  it('has an answer kept with as many tags as the platform heeds', async () => {
    expect((await asked(given({ ...FRESH, 'cache-tag': many(999) }))).control).toBe('max-age=60');
  });

  it('answers by an error what it cannot tell its reader', async () => {
    expect(await asked(given({ ...FRESH, long: 'x'.repeat(15_000) }))).toMatchObject({ status: 502, note: undefined });
  });

  it('says how long an answer is to be kept: the rest of its life, as the route has it, and a day at most', async () => {
    expect((await asked(given({ ...FRESH, age: '20' }))).control).toBe('max-age=40');
    expect((await asked(given({ 'cache-control': 'max-age=31536000' }))).control).toBe('max-age=86400');
    const { policy } = routeTo(new ScriptedOrigin());
    const route = { policy: { ...policy, defaultTtlMs: 5_000 } };
    expect((await asked(given({}), { route })).control).toBe('max-age=5');
  });

  it('tells the platform what selects the answer', async () => {
    const answer = given({ ...FRESH, vary: 'Accept-Language' });
    const { response, note } = await asked(answer, { fields: { 'accept-language': 'NL, en' } });
    expect([response.headers.get('vary'), note?.variant]).toEqual(['accept-language', '\naccept-language: nl,en']);
  });

  it('has an answer kept that is explicitly for all, whatever cookies its reader has', async () => {
    const how = { fields: { cookie: 'a=b' } };
    expect((await asked({}, how)).control).toBe('max-age=60');
    const heuristic = { 'last-modified': new Date(NOW - 86_400_000).toUTCString() };
    expect((await asked(given(heuristic))).control).toBe('max-age=8640');
    expect((await asked(given(heuristic), how)).control).toBe('no-store');
  });

  it('tells cookies apart that are in the key of the route', async () => {
    const { policy } = routeTo(new ScriptedOrigin());
    const route = { policy: { ...policy, ttlMs: 60_000, cookies: cookieRules({ key: ['lang'], drop: 'all' }) } };
    const { response, note } = await asked({}, { route, fields: { cookie: 'lang=nl' } });
    expect([response.headers.get('vary'), note?.variant]).toEqual(['cookie', '\ncookie:lang=nl']);
  });

  it('ends a body by a mark, and cuts it where the origin does', async () => {
    const bytes = new Uint8Array(await (await asked({})).response.arrayBuffer());
    expect([Buffer.from(bytes.subarray(0, 4)).toString(), [...bytes.subarray(4)]]).toEqual([
      'body',
      [0x74, 0x67, 0, 0, 0, 0, 0, 4],
    ]);
    expect(await (await asked(given(FRESH, 204, null))).response.text()).toBe('');
    const cut = new ReadableStream({ start: (controller) => controller.error(new Error('cut')) });
    const { response } = await asked({ response: new Response(cut, { headers: FRESH }) });
    await expect(response.text()).rejects.toThrow('cut');
  });
});

function many(count: number): string {
  return Array.from({ length: count }, (_, at) => `t${at}`).join(',');
}

function pairs(fields: readonly string[]): [string, string][] {
  return fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] as string] as [string, string]] : []));
}
