// What one client sends for itself, and what others are answered: cookies, credentials, reloads.

import { Hono } from 'hono';
import { describe, expect, test } from 'vitest';
import type { FetchCacheOptions } from '../../src/web/fetch.ts';
import { tidegate } from '../../src/web/hono.ts';
import { body, FRESH, get, outcome, simulated, text } from './kit.ts';

type Headers = Record<string, string>;

/** Says who asked, by all that the handler is shown; `fields` are those of its response. */
function whoAsked(options: FetchCacheOptions, fields: Headers = {}) {
  const { cache, time } = simulated(options);
  const seen: Headers[] = [];
  const serve = cache.wrap((request) => {
    seen.push(Object.fromEntries(request.headers));
    return text(`for ${request.headers.get('cookie')} ${request.headers.get('authorization')}`, fields);
  });
  return { cache, time, seen, ask: (headers?: Headers) => serve(get('/me', headers)) };
}

const ADMIN = { cookie: 'session=admin' };
const ALICE = { authorization: 'Bearer alice' };

describe('a cache that gives freshness', () => {
  test.each<FetchCacheOptions>([
    { ttl: 60_000 },
    { defaultTtl: 60_000 },
    { defaultTtl: 60_000, profile: 'conformance' },
    { ttl: 1, staleWhileRevalidate: 60_000 },
  ])('%o: answers each with its own', async (options) => {
    const { ask, time } = whoAsked(options, { etag: '"a"' });
    for (let round = 0; round < 3; round++) {
      expect(await body(ask(ADMIN))).toBe('for session=admin null');
      expect(await body(ask())).toBe('for null null');
      expect(await body(ask(ALICE))).toBe('for null Bearer alice');
      expect(await body(ask({ cookie: 'session=bob' }))).toBe('for session=bob null');
      time.advance(10);
    }
    expect(outcome(await ask())).toContain('hit');
    expect(outcome(await ask(ADMIN))).toContain('fwd=bypass; fwd-status=200; detail=credentials');
  });

  test('shares over cookies of the key, and over those taken off', async () => {
    const { ask, seen, cache } = whoAsked({ ttl: 60_000, cookies: { key: ['lang'], drop: ['_ga*'] } });
    expect(await body(ask({ cookie: '_ga=1; lang=de' }))).toBe('for lang=de null');
    expect(outcome(await ask({ cookie: 'lang=de; _ga_2=1' }))).toContain('hit');
    expect(await body(ask({ cookie: 'lang=en' }))).toBe('for lang=en null');
    expect(await body(ask({ cookie: 'lang=en; session=1' }))).toBe('for lang=en; session=1 null');
    expect(seen).toHaveLength(3);
    const { reason } = await cache.explain(get('/me', { cookie: 'session=1' }));
    expect(reason).toContain('mend it with cookies');
  });

  test('behind a middleware of Hono too', async () => {
    const app = new Hono();
    app.use(tidegate({ defaultTtl: 60_000 }));
    app.get('/me', (c) => c.text(`for ${c.req.header('cookie')}`));
    for (const cookie of ['session=admin', 'session=bob', 'session=admin']) {
      expect(await (await app.request('/me', { headers: { cookie } })).text()).toBe(`for ${cookie}`);
    }
    expect(await (await app.request('/me')).text()).toBe('for undefined');
  });
});

describe('a reload', () => {
  const RELOADS = [{ 'cache-control': 'max-age=0' }, { 'cache-control': 'no-cache', pragma: 'no-cache' }];

  test.each(RELOADS)('%o gets what is stored, and asks like any request', async (reload) => {
    const { ask, seen } = whoAsked({}, FRESH);
    await body(ask(reload));
    expect(outcome(await ask(reload))).toContain('hit');
    expect(seen).toEqual([{}]);
  });

  test.each<FetchCacheOptions>([{ clientDirectives: 'honour' }, { profile: 'conformance' }])(
    'is obeyed: %o',
    async (how) => {
      const { ask, seen } = whoAsked(how, FRESH);
      for (const reload of RELOADS) expect(outcome(await ask(reload))).not.toContain('hit');
      expect(seen).toHaveLength(2);
    },
  );

  test('is not, in the conformance profile of a cache that ignores it', async () => {
    const { ask, seen } = whoAsked({ profile: 'conformance', clientDirectives: 'ignore' }, FRESH);
    for (const reload of RELOADS) await body(ask(reload));
    expect(seen).toHaveLength(1);
  });
});
