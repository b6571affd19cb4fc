// The origin that asks the Workers Cache: which names it asks for, which answers it takes, and when it asks the real origin.

import { beforeEach, describe, expect, it } from 'vitest';
import { Invalidations } from '../../src/ledger/invalidations.ts';
import type { Stamp } from '../../src/ledger/ledger.ts';
import type { OriginRequest } from '../../src/ports.ts';
import type { Fields } from '../../src/semantics/fields.ts';
import { waitPlainly } from '../../src/web/platform.ts';
import { NAME_FIELD, NOTE_FIELD, nameText, noteOf, noteText } from '../../src/workers/cached-answer.ts';
import { answerCached, CALLER_PROPS } from '../../src/workers/cached-entrypoint.ts';
import { WorkersCache } from '../../src/workers/workers-cache.ts';
import { routeTo } from '../kit/clients.ts';
import { ScriptedOrigin } from '../kit/scripted-origin.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const URI = 'http://example.org/a';
const TAG = { kind: 'tag', tag: 'users' } as const;

let time: SimulatedTime;
let origin: ScriptedOrigin;
let invalidations: Invalidations;
let tier: WorkersCache;
/** Names that were asked for, and the requests for them. */
let asked: { readonly name: string; readonly request: Request }[];
/** What is stored; undefined: the entrypoint makes it. */
let stored: Map<string, Response>;
/** What the entrypoint's origin says. */
let headers: Record<string, string>;

beforeEach(() => {
  time = new SimulatedTime();
  origin = new ScriptedOrigin();
  invalidations = new Invalidations({ epoch: 'e', buckets: 512 });
  tier = new WorkersCache('one', invalidations);
  asked = [];
  stored = new Map();
  headers = { 'cache-control': 'max-age=60', 'cache-tag': 'users', date: new Date(time.now()).toUTCString() };
});

const nameAt = (position: number, epoch = 'e') =>
  nameText({ shard: 'one', epoch, position, key: `- api GET ${URI}` }) ?? '';

/** Keeps what may be kept, without regard to time. */
const entrypoint = {
  async fetch(request: Request, { cf }: { readonly cf: { readonly cacheKey: string } }): Promise<Response> {
    asked.push({ name: cf.cacheKey, request });
    const found = stored.get(cf.cacheKey);
    if (found !== undefined) return found.clone();
    const made = await answerCached(request, CALLER_PROPS, {
      clock: time,
      open: async ({ url }) => ({
        ...{ route: routeTo(origin), uri: url, shard: 'one' },
        answer: () => ({ response: new Response(`made ${asked.length}`, { headers }), tags: [] }),
      }),
    });
    if (made.headers.get('cache-control') !== 'no-store') stored.set(cf.cacheKey, made.clone());
    return made;
  },
};

class Heard {
  status: number | undefined;
  fields: Fields = [];
  readAt: Stamp | undefined;
  text = '';
  end: string | undefined;
}

function forwarded(given: Partial<OriginRequest> = {}, bypass = false, by: typeof entrypoint = entrypoint) {
  const heard = new Heard();
  const host = { tasks: time, wait: waitPlainly, timeoutMs: 1_000, failed: () => undefined, clock: time };
  const call = {
    asked: { route: routeTo(origin), uri: URI, bypass },
    entrypoint: by,
    origin,
    host,
    waitUntil: undefined,
  };
  const request = { method: 'GET', target: '/a', fields: [], body: undefined, retryable: true, ...given };
  const forward = tier.origin(call).forward(request, {
    interim: () => undefined,
    head: ({ status, fields }, _, readAt) => Object.assign(heard, { status, fields, readAt }),
    data: (chunk) => Object.assign(heard, { text: heard.text + Buffer.from(chunk).toString() }),
    end: () => Object.assign(heard, { end: 'end' }),
    failed: ({ code }) => Object.assign(heard, { end: code }),
  });
  return { heard, forward };
}

/** All that promises and streams have to do; time stands still. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function ask(given: Partial<OriginRequest> = {}, by?: typeof entrypoint): Promise<Heard> {
  const { heard } = forwarded(given, false, by);
  await settled();
  return heard;
}

const names = () => asked.map(({ name }) => name);

describe('the names that are asked for', () => {
  it('have the position of the last invalidation of the key itself, and no other', async () => {
    expect(await ask()).toMatchObject({ text: 'made 1', end: 'end', readAt: { epoch: 'e', position: 0 } });
    invalidations.apply({ kind: 'tag', tag: 'other' });
    invalidations.apply({ kind: 'url', uri: 'http://example.org/b' });
    await ask();
    invalidations.apply({ kind: 'prefix', prefix: 'http://example.org/' });
    expect(await ask()).toMatchObject({ text: 'made 3', readAt: { epoch: 'e', position: 3 } });
    expect(names()).toEqual([nameAt(0), nameAt(0), nameAt(3)]);
  });

  it('then that of a tag that was invalidated since the answer was read', async () => {
    await ask();
    invalidations.apply(TAG);
    expect(await ask()).toMatchObject({ text: 'made 3', readAt: { epoch: 'e', position: 1 } });
    expect(await ask()).toMatchObject({ text: 'made 3' });
    expect(names()).toEqual([nameAt(0), nameAt(0), nameAt(1), nameAt(0), nameAt(1)]);
  });

  it('are few: an entrypoint that gives nothing but old answers is left alone', async () => {
    const old = (name: string) => {
      const note = {
        name,
        readAt: 0,
        status: 204,
        fields: ['cache-control', 'max-age=60', 'cache-tag', `t${asked.length}`],
        variant: '',
      };
      return new Response(null, {
        status: 204,
        headers: { [NOTE_FIELD]: noteText({ ...note, bornMs: time.now() }) ?? '' },
      });
    };
    const by = {
      fetch: async (request: Request, { cf }: { readonly cf: { readonly cacheKey: string } }) => {
        asked.push({ name: cf.cacheKey, request });
        invalidations.apply({ kind: 'tag', tag: `t${asked.length}` });
        return old(cf.cacheKey);
      },
    };
    await ask({}, by);
    expect([names(), origin.count]).toEqual([[nameAt(0), nameAt(1), nameAt(2)], 1]);
    expect(tier.stats()).toMatchObject({ asks: 3, answers: 0, past: { outdated: 1 } });
  });
});

describe('the real origin is asked', () => {
  it.each([
    ['POST', { method: 'POST' }],
    ['HEAD', { method: 'HEAD' }],
    ['a part', { fields: ['range', 'bytes=0-1'] }],
    ['Authorization', { fields: ['authorization', 'Basic x'] }],
    ['a precondition', { fields: ['if-match', '"1"'] }],
    ['a reload', { fields: ['cache-control', 'no-cache'] }],
  ])('for %s', async (_, given) => {
    await ask(given);
    expect([asked, origin.count, tier.stats().past.request]).toEqual([[], 1, 1]);
  });

  it('for a request that bypasses the cache, and one with too long a URL', async () => {
    forwarded({}, true);
    expect([asked, origin.count]).toEqual([[], 1]);
  });

  it('with no field of the tier, and its answer has none either', async () => {
    const { heard } = forwarded({ method: 'PUT', fields: [NAME_FIELD, 'x', 'accept', '*/*'] });
    expect(origin.last.request.fields).toEqual(['accept', '*/*']);
    origin.last.head(200, [NOTE_FIELD, '{}', 'etag', '"1"']).data('real').end();
    expect(heard).toMatchObject({ status: 200, fields: ['etag', '"1"'], text: 'real', end: 'end', readAt: undefined });
  });

  const answers: readonly [what: string, change: (made: Response) => Response, reason: string][] = [
    ['no note', (made) => new Response(made.body, { headers: { 'cache-control': 'max-age=60' } }), 'other-answer'],
    ['another name', (made) => renamed(made, { name: nameAt(7) }), 'other-answer'],
    ['another variant', (made) => renamed(made, { variant: '\naccept:x' }), 'other-answer'],
    ['another status', (made) => renamed(made, { status: 404 }), 'other-answer'],
    ['no position', (made) => renamed(made, { readAt: -1 }), 'other-answer'],
    ['a position that is none', (made) => renamed(made, { readAt: null as unknown as number }), 'other-answer'],
    ['an age beyond its life', (made) => renamed(made, { bornMs: time.now() - 61_000 }), 'stale'],
  ];
  it.each(answers)('where the cache gives an answer with %s', async (_, change, reason) => {
    await ask();
    stored.set(nameAt(0), change(stored.get(nameAt(0)) as Response));
    await ask();
    expect([origin.count, tier.stats().past]).toMatchObject([1, { [reason]: 1 }]);
  });

  it('where the entrypoint throws, and where the log began anew meanwhile', async () => {
    await ask({}, { fetch: () => Promise.reject(new Error('lost')) });
    let epoch = 'e';
    const log = {
      ...{ applied: 0, lastAffecting: () => 0 },
      get epoch() {
        return epoch;
      },
    };
    tier = new WorkersCache('one', log);
    const by = {
      fetch: (...given: Parameters<typeof entrypoint.fetch>) => {
        epoch = 'f';
        return entrypoint.fetch(...given);
      },
    };
    await ask({}, by);
    expect([origin.count, tier.stats().past]).toMatchObject([2, { 'other-epoch': 1 }]);
  });

  it('after a damaged body, of which its own reader is told', async () => {
    await ask();
    const [made] = [...stored.values()] as [Response];
    stored.set(nameAt(0), new Response('made', { headers: made.headers }));
    expect(await ask()).toMatchObject({ status: 200, end: 'E_ORIGIN_RESET' });
    await ask();
    expect([asked.length, origin.count, tier.stats().past.damaged]).toEqual([2, 1, 1]);
  });
});

describe('an answer of the cache', () => {
  it('is asked for as a whole, and told as its origin gave it, with its age', async () => {
    headers['x-two'] = 'é';
    await ask({ fields: ['if-none-match', '"1"', 'accept', '*/*', NAME_FIELD, 'x'] });
    const sent = asked[0]?.request.headers as Headers;
    expect([sent.get('accept'), sent.has('if-none-match')]).toEqual(['*/*', false]);
    time.advance('20s');
    const { fields } = await ask();
    expect([fields.includes(NOTE_FIELD), fields[fields.indexOf('age') + 1]]).toEqual([false, '20']);
    expect([fields[fields.indexOf('cache-tag') + 1], fields[fields.indexOf('x-two') + 1]]).toEqual(['users', 'é']);
  });

  it('that may not be kept is told as it is, as of the read', async () => {
    headers['cache-control'] = 'private';
    invalidations.apply(TAG);
    const { fields, readAt, text } = await ask();
    expect([fields.includes('age'), readAt, text, stored.size]).toEqual([
      false,
      { epoch: 'e', position: 1 },
      'made 1',
      0,
    ]);
  });

  it('is not told after an abort, and no other origin is asked', async () => {
    const { heard, forward } = forwarded();
    forward.abort();
    await settled();
    expect([heard.status, heard.end, origin.count]).toEqual([undefined, undefined, 0]);
  });

  it('that does not come in time is a failure', async () => {
    const { heard } = forwarded({}, false, { fetch: () => new Promise<never>(() => undefined) });
    await Promise.resolve();
    time.advance(1_001);
    expect([heard.end, origin.count]).toEqual(['E_ORIGIN_TIMEOUT', 0]);
  });
});

function renamed(made: Response, change: object): Response {
  const note = { ...noteOf(made), ...change } as Parameters<typeof noteText>[0];
  return new Response(made.body, {
    headers: { ...Object.fromEntries(made.headers), [NOTE_FIELD]: noteText(note) ?? '' },
  });
}
