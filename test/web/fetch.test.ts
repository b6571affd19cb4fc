// The cache before a plain handler: what RFC 9111 asks for is the engine's; here stands that a Request reaches it, that
// its answer becomes a Response, and that all that is asked is asked of the handler.

import { describe, expect, test } from 'vitest';
import { createFetchCache } from '../../src/web/fetch.ts';
import { body, FRESH, gate, get, outcome, settle, simulated, text } from './kit.ts';

describe('a handler behind the cache', () => {
  test('is called once for what is fresh', async () => {
    const { time, cache } = simulated();
    let calls = 0;
    const serve = cache.wrap(() => text(`answer ${++calls}`, { ...FRESH, 'x-own': 'yes' }));
    const first = await serve(get('/a'), null as never);
    expect(await first.text()).toBe('answer 1');
    expect(outcome(first)).toBe('tidegate; fwd=uri-miss; fwd-status=200; stored');
    time.advance(7_000);
    const second = await serve(get('/a'));
    expect(await second.text()).toBe('answer 1');
    expect(outcome(second)).toBe('tidegate; hit; ttl=53');
    expect(second.headers.get('age')).toBe('7');
    expect(second.headers.get('x-own')).toBe('yes');
    expect(second.headers.get('content-length')).toBe('8');
    time.advance(60_000);
    expect(await (await serve(get('/a'))).text()).toBe('answer 2');
    expect(cache.stats().requests).toMatchObject({ hit: 1, miss: 2 });
  });

  test('is called again for what is not for storing, and never shared', async () => {
    const { cache } = simulated({ defaultTtl: 60_000 });
    let calls = 0;
    const serve = cache.wrap((request) => {
      const { pathname } = new URL(request.url);
      const headers: Record<string, string> = {};
      if (pathname === '/private') headers['cache-control'] = 'private';
      if (pathname === '/cookie') headers['set-cookie'] = 'id=1';
      return text(`${++calls}`, headers);
    });
    const twice = async (make: () => Request) => [await body(serve(make())), await body(serve(make()))];
    expect(await twice(() => get('/private'))).toEqual(['1', '2']);
    expect(await twice(() => get('/cookie'))).toEqual(['3', '4']);
    expect(await twice(() => get('/mine', { authorization: 'Bearer x' }))).toEqual(['5', '6']);
    expect(await twice(() => get('/plain'))).toEqual(['7', '7']);
  });

  test('sees the request of the client, its conditions and ranges aside', async () => {
    const { cache } = simulated();
    const seen: Request[] = [];
    const serve = cache.wrap((request) => {
      seen.push(request);
      return text('0123456789', { ...FRESH, etag: '"v1"' });
    });
    await body(serve(get('/a?x=1', { 'accept-language': 'de', 'if-none-match': '"v0"' })));
    expect(seen[0]?.url).toBe('http://app.example/a?x=1');
    expect(Object.fromEntries(seen[0]?.headers ?? [])).toEqual({ 'accept-language': 'de' });
  });

  test('gives each variant that it names its own response', async () => {
    const { cache } = simulated();
    let calls = 0;
    const serve = cache.wrap((request) => {
      calls++;
      return text(request.headers.get('accept-language') ?? 'none', { ...FRESH, vary: 'accept-language' });
    });
    for (const language of ['de', 'fr', 'de', 'fr']) {
      expect(await body(serve(get('/a', { 'accept-language': language })))).toBe(language);
    }
    expect(calls).toBe(2);
  });

  test('is not asked for ranges, conditions and HEAD of what is stored', async () => {
    const { cache } = simulated();
    let calls = 0;
    const serve = cache.wrap(() => {
      calls++;
      return text('0123456789', { ...FRESH, etag: '"v1"' });
    });
    const unasked = await serve(get('/a', { 'if-none-match': '"v1"' }));
    expect([unasked.status, unasked.body]).toEqual([304, null]);
    await settle();
    const part = await serve(get('/a', { range: 'bytes=2-4' }));
    expect([part.status, await part.text()]).toEqual([206, '234']);
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10');
    const known = await serve(get('/a', { 'if-none-match': '"v1"' }));
    expect([known.status, known.body, known.headers.get('etag')]).toEqual([304, null, '"v1"']);
    const head = await serve(new Request('http://app.example/a', { method: 'HEAD' }));
    expect([head.status, head.body, head.headers.get('content-length')]).toEqual([200, null, '10']);
    expect(outcome(head)).toContain('hit');
    expect(calls).toBe(1);
  });

  test('validates with a condition, and its 304 freshens what is stored', async () => {
    const { time, cache } = simulated();
    const conditions: (string | null)[] = [];
    const serve = cache.wrap((request) => {
      conditions.push(request.headers.get('if-none-match'));
      return conditions.length === 1 ? text('v1', { ...FRESH, etag: '"v1"' }) : text(null, FRESH, 304);
    });
    await body(serve(get('/a')));
    time.advance(61_000);
    const second = await serve(get('/a'));
    expect([second.status, await second.text()]).toEqual([200, 'v1']);
    expect(outcome(await serve(get('/a')))).toContain('hit');
    expect(conditions).toEqual([null, '"v1"']);
  });

  test('is called once for many who ask at the same time', async () => {
    const { cache } = simulated();
    const answer = gate<Response>();
    let calls = 0;
    const serve = cache.wrap(() => {
      calls++;
      return answer.opened;
    });
    const all = Array.from({ length: 50 }, () => body(serve(get('/a'))));
    await settle();
    answer.open(text('one', FRESH));
    expect(new Set(await Promise.all(all))).toEqual(new Set(['one']));
    expect(calls).toBe(1);
    expect(cache.stats().requests.collapsed).toBe(49);
  });

  test('fills in the background while what is stale is served', async () => {
    const { time, cache } = simulated();
    const second = gate<Response>();
    let calls = 0;
    const kept: Promise<unknown>[] = [];
    const stale = { 'cache-control': 'max-age=60, stale-while-revalidate=600' };
    const serve = cache.wrap(() => (++calls === 1 ? text('old', stale) : second.opened));
    const ask = () => serve(get('/a'), { waitUntil: (work) => void kept.push(work) });
    await body(ask());
    time.advance(100_000);
    expect(await body(ask())).toBe('old');
    expect(await body(ask())).toBe('old');
    expect(calls).toBe(2);
    second.open(text('new', stale));
    await Promise.all(kept);
    expect(kept).toHaveLength(2);
    expect(await body(ask())).toBe('new');
    expect(calls).toBe(2);
  });

  test('takes a write once with its content, and the write invalidates what is stored of its URL', async () => {
    const { cache } = simulated();
    let name = 'one';
    const serve = cache.wrap(async (request) => {
      if (request.method === 'POST') name = await request.text();
      return text(name, request.method === 'POST' ? {} : FRESH);
    });
    expect(await body(serve(get('/name')))).toBe('one');
    const written = serve(new Request('http://app.example/name', { method: 'POST', body: 'two' }));
    expect(await body(written)).toBe('two');
    expect(await body(serve(get('/name')))).toBe('two');
    // Another spelling of the path is the same resource, for reads and for writes.
    await body(serve(new Request('http://app.example/%6eame', { method: 'POST', body: 'three' })));
    expect(await body(serve(get('/name')))).toBe('three');
  });

  test('is called by itself for what is none for a cache', async () => {
    const { cache } = simulated();
    const request = get('/socket', { upgrade: 'websocket' });
    let seen: Request | undefined;
    const own = text('own');
    const serve = cache.wrap((given) => {
      seen = given;
      return own;
    });
    expect(await serve(request)).toBe(own);
    expect(seen).toBe(request);
    await expect(cache.explain(request)).rejects.toMatchObject({ code: 'E_SELECTOR' });
  });
});

describe('a write that asks for an upgrade', () => {
  test('is a write, and asks for none', async () => {
    const { cache } = simulated();
    let stored = 'one';
    const serve = cache.wrap((request) => {
      if (request.method === 'PUT') stored = request.headers.get('upgrade') ?? 'two';
      return text(stored, FRESH);
    });
    expect(await body(serve(get('/name')))).toBe('one');
    const headers = { upgrade: 'websocket' };
    await body(serve(new Request('http://app.example/name', { method: 'PUT', body: 'any', headers })));
    expect(await body(serve(get('/name')))).toBe('two');
  });
});

describe('claims of another host', () => {
  const serving = (trustForwarded: boolean) => {
    const { cache } = simulated({ trustForwarded });
    return cache.wrap((request) => text(`${request.url} ${request.headers.get('x-forwarded-host')}`, FRESH));
  };

  test('do not reach the handler of a GET, for everyone would get the answer', async () => {
    const serve = serving(false);
    const forged = { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example', 'x-original-url': '/admin' };
    expect(await body(serve(get('/a', forged)))).toBe('http://app.example/a null');
  });

  test('do not reach it as CGI and WSGI would read them either', async () => {
    const { cache } = simulated();
    const serve = cache.wrap((request) => text([...request.headers.keys()].join(), FRESH));
    const forged = {
      x_forwarded_host: 'evil.example',
      'x-forwarded_proto': 'ftp',
      x_original_url: '/admin',
      x_own: '1',
    };
    expect(await body(serve(get('/a', forged)))).toBe('x_own');
  });

  test('of a trusted proxy are part of the key', async () => {
    const serve = serving(true);
    const of = (host: string) => body(serve(get('/a', { 'x-forwarded-host': host, 'x-forwarded-proto': 'https' })));
    expect(await of('one.example')).toBe('https://one.example/a one.example');
    expect(await of('two.example')).toBe('https://two.example/a two.example');
    const other = await serve(get('/a', { 'x-original-url': '/b' }));
    expect(outcome(other)).toContain('fwd=bypass');
  });
});

describe('options', () => {
  test('bound how long a handler may take', async () => {
    const { time, cache } = simulated({ timeout: 5_000 });
    let signal: AbortSignal | undefined;
    const serve = cache.wrap((request) => {
      signal = request.signal;
      const isBody = request.url.endsWith('/body');
      return isBody ? new Response(new ReadableStream({})) : new Promise<Response>(() => undefined);
    });
    for (const ask of [() => serve(get('/head')), async () => body(serve(get('/body')))]) {
      const asked = ask();
      asked.catch(() => undefined);
      await settle();
      time.advance(5_000);
      await expect(asked).rejects.toMatchObject({ code: 'E_HANDLER' });
      expect(signal?.aborted).toBe(true);
    }
  });

  test('are refused with what was expected', () => {
    for (const options of [{ ttl: -1 }, { memory: { maxBytes: Number.NaN } }, { profile: 'bold' as 'safe' }]) {
      expect(() => createFetchCache(options)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
    }
  });

  test('explain says why', async () => {
    const { cache } = simulated();
    const serve = cache.wrap(() => text('a', FRESH));
    expect((await cache.explain(get('/a'))).verdict).toBe('forward');
    await body(serve(get('/a')));
    expect((await cache.explain(get('/a'))).verdict).toBe('serve');
  });
});
