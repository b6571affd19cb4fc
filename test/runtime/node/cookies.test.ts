// Answers made for one client's cookie or credential, on routes that give freshness themselves: nobody else gets them, and
// nobody with a cookie or a credential gets what was made for those without. Real sockets; the origin says who asked.

import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/node/config/config.ts';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import { gateBefore, httpOrigin } from './fault-kit.ts';

type Route = NonNullable<TidegateConfig['routes']>[number];
type Headers = Readonly<Record<string, string>>;

/** Says who asked, by all that the origin was told. */
function whoAsked({ headers, url }: IncomingMessage): string {
  return `${url} for ${headers.cookie ?? 'nobody'} ${headers.authorization ?? ''}`.trim();
}

function answerWho(request: IncomingMessage, response: ServerResponse, more: Headers = {}): void {
  response.writeHead(200, { 'content-type': 'text/plain', ...more }).end(whoAsked(request));
}

async function gated(route: Route, answer: (request: IncomingMessage, response: ServerResponse) => void = answerWho) {
  const asked: string[] = [];
  const { url } = await httpOrigin((request, response) => {
    asked.push(`${request.method} ${whoAsked(request)}`);
    answer(request, response);
  });
  const gate = await gateBefore(url, { routes: [route] });
  const ask = async (path: string, headers: Headers = {}, method = 'GET') => {
    const response = await fetch(gate.url + path, { headers, method });
    return { text: await response.text(), response, status: response.headers.get('cache-status') ?? '' };
  };
  return { gate, ask, asked };
}

const GIVEN: readonly Route[] = [
  { ttl: 60_000 },
  { defaultTtl: 60_000 },
  { ttl: 60_000, profile: 'conformance' },
  { response: { set: { 'cache-control': 'max-age=60' } } },
  { response: { remove: ['vary'] }, defaultTtl: 60_000 },
  { ttl: 60_000, compress: true },
  { ttl: 60_000, staleWhileRevalidate: 60_000, staleIfError: 60_000, negativeTtl: 60_000 },
];
const WHO: readonly Headers[] = [
  { cookie: 'session=admin' },
  { cookie: 'session=bob' },
  { authorization: 'Bearer alice' },
  { authorization: 'Basic Ym9i', cookie: 'session=bob' },
  {},
];

describe('where the route gives freshness', () => {
  test.each(GIVEN.map((route) => [JSON.stringify(route), route] as const))(
    '%s: each gets its own',
    async (_, route) => {
      const { ask } = await gated(route);
      for (const round of [1, 2, 3]) {
        for (const who of WHO) {
          const expected = `/users/me for ${who.cookie ?? 'nobody'} ${who.authorization ?? ''}`.trim();
          const method = round === 2 ? 'HEAD' : 'GET';
          const { text, status } = await ask('/users/me', who, method);
          if (method === 'GET') expect(text).toBe(expected);
          expect(status).toMatch(
            Object.keys(who).length > 0 ? /fwd=bypass.*detail=credentials/ : round > 1 ? /hit/ : /stored/,
          );
          const part = await ask('/users/me', { ...who, range: 'bytes=0-3' });
          expect(expected.startsWith(part.text)).toBe(true);
        }
      }
    },
  );

  test('ways by which an answer may come to others: conditions, the background, a fill that is under way, a write', async () => {
    const { ask, gate } = await gated({ ttl: 1, staleWhileRevalidate: 60_000 }, (request, response) => {
      const etag = `"${whoAsked(request)}"`;
      if (request.headers['if-none-match'] === etag) return void response.writeHead(304, { etag }).end();
      const more = request.method === 'POST' ? { 'content-location': '/p', 'cache-control': 'max-age=60' } : {};
      answerWho(request, response, { etag, ...more });
    });
    const admin = { cookie: 'session=admin' };
    await ask('/p', admin, 'POST');
    for (let round = 0; round < 5; round++) {
      const all = await Promise.all([ask('/p', admin), ask('/p'), ask('/p', admin), ask('/p')]);
      expect(all.map(({ text }) => text)).toEqual(
        ['session=admin', 'nobody', 'session=admin', 'nobody'].map((who) => `/p for ${who}`),
      );
    }
    const entries = await gate.entries();
    expect(entries.map(({ key }) => key)).toEqual([expect.not.stringContaining('admin')]);
  });

  test('an error that is kept is kept for those without credentials', async () => {
    const { ask } = await gated({ negativeTtl: 60_000 }, (request, response) => {
      response.writeHead(request.headers.cookie === undefined ? 404 : 200).end(whoAsked(request));
    });
    expect((await ask('/order')).response.status).toBe(404);
    expect((await ask('/order')).status).toContain('hit');
    expect((await ask('/order', { cookie: 'session=bob' })).response.status).toBe(200);
  });

  test('what the route takes off or sets itself is the same for all, and shared', async () => {
    const set = { set: { authorization: 'Bearer gate', 'cache-control': 'max-age=5' } };
    const { ask, asked } = await gated({ ttl: 60_000, request: { ...set, remove: ['cookie'] } }, (request, response) =>
      answerWho(request, response, { 'cache-control': 'public' }),
    );
    expect((await ask('/a', { authorization: 'Bearer alice', pragma: 'no-cache' })).text).toBe(
      '/a for nobody Bearer gate',
    );
    const again = await ask('/a', { cookie: 'session=bob', 'cache-control': 'no-cache' });
    expect([again.text, again.status]).toEqual(['/a for nobody Bearer gate', expect.stringContaining('hit')]);
    expect(asked).toHaveLength(1);
  });

  test('explain says why such a request goes by, and how to mend it', async () => {
    const { gate } = await gated({ name: 'all', ttl: 60_000 });
    const uri = `${gate.url}/a`;
    const response = await fetch(`${gate.adminUrl}/explain?url=${encodeURIComponent(uri)}&header=cookie:a=b`);
    expect(await response.json()).toMatchObject({
      verdict: 'forward',
      reason: expect.stringContaining('mend it with cookies'),
    });
  });
});

describe('cookies of a route', () => {
  test('those of the key share by their values, dropped ones reach no origin, others go by', async () => {
    const { ask, asked } = await gated({ defaultTtl: 60_000, cookies: { key: ['lang', 'ab-*'], drop: ['_ga*'] } });
    const german = (await ask('/', { cookie: '_ga=1; lang=de' })).text;
    expect(german).toBe('/ for lang=de');
    for (const cookie of ['lang=de', 'lang=de; _ga_X=2', ' _ga=3;lang=de ; ']) {
      const again = await ask('/', { cookie });
      expect([again.text, again.status]).toEqual([german, expect.stringContaining('hit')]);
    }
    expect((await ask('/', { cookie: 'lang=en' })).text).toBe('/ for lang=en');
    expect((await ask('/', { cookie: 'ab-x=1; lang=de' })).text).toBe('/ for ab-x=1; lang=de');
    expect((await ask('/', { cookie: 'lang=de; ab-x=1' })).status).toContain('hit');
    expect((await ask('/', { cookie: '_ga=1' })).text).toBe('/ for nobody');
    expect((await ask('/')).status).toContain('hit');
    expect((await ask('/', { cookie: 'lang=de; session=1; _ga=1' })).text).toBe('/ for lang=de; session=1; _ga=1');
    expect((await ask('/', { cookie: 'lang=de; session=1' })).status).toContain('detail=credentials');
    expect(asked.filter((one) => !one.includes('session'))).toHaveLength(4);
  });

  test('an invalidation of the URL reaches the answers for each', async () => {
    const { ask, gate } = await gated({ defaultTtl: 60_000, cookies: { key: ['lang'], drop: 'all' } });
    for (const cookie of ['lang=de', 'lang=en', 'x=1']) await ask('/a', { cookie });
    const { matched } = await gate.gate.invalidate({ kind: 'url', uri: `${gate.url}/a` });
    expect(matched).toBe(3);
    for (const cookie of ['lang=de', 'lang=en', 'x=1'])
      expect((await ask('/a', { cookie })).status).not.toContain('hit');
  });

  test('a write, and what goes by, keep all of them', async () => {
    const { ask, asked } = await gated({ ttl: 60_000, cookies: { drop: 'all' }, bypass: [{ path: '/account' }] });
    await ask('/login', { cookie: 'session=1' }, 'POST');
    await ask('/account', { cookie: 'session=1' });
    await ask('/a', { cookie: 'session=1' });
    expect(asked).toEqual(['POST /login for session=1', 'GET /account for session=1', 'GET /a for nobody']);
  });

  test('where the origin gives freshness, without rules cookies are its own affair', async () => {
    const { ask } = await gated({}, (request, response) =>
      answerWho(request, response, { 'cache-control': 'max-age=60' }),
    );
    await ask('/a', { cookie: 'session=1' });
    expect((await ask('/a', { cookie: 'session=2' })).status).toContain('hit');
  });
});

test('Set-Cookie is not stored in the safe profile, also with public, nor by a 304 or a part', async () => {
  const { ask, gate } = await gated({}, (request, response) => {
    const set = { 'cache-control': 'public, max-age=1, s-maxage=60', 'set-cookie': 'session=1', etag: '"a"' };
    if (request.url === '/304' && request.headers['if-none-match'] === '"a"')
      return void response.writeHead(304, set).end();
    if (request.url === '/206')
      return void response.writeHead(206, { ...set, 'content-range': 'bytes 0-0/2' }).end('a');
    answerWho(request, response, request.url === '/304' ? { etag: '"a"', 'cache-control': 'no-cache' } : set);
  });
  for (const path of ['/200', '/206', '/304']) {
    for (let round = 0; round < 2; round++) await ask(path, path === '/206' ? { range: 'bytes=0-0' } : {});
  }
  expect((await gate.entries()).map(({ uri }) => new URL(uri).pathname)).toEqual(['/304']);
  const stored = await ask('/304');
  expect(stored.response.headers.getSetCookie().length).toBeLessThanOrEqual(1);
});

test('the example of a site in the guide shares no answer of a signed-in visitor', async () => {
  const guide = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
  const example = [...guide.matchAll(/^```ts\n(.*?)^```$/gms)]
    .map(([, code]) => code as string)
    .find((code) => code.includes("name: 'site'"));
  const { url } = await httpOrigin(answerWho);
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
  const types = new URL('../../../src/node/config/config-types.ts', import.meta.url).href;
  const local = (example as string).replace("'tidegate'", `'${types}'`).replace('https://site.internal.example', url);
  writeFileSync(join(folder, 'tidegate.config.ts'), local);
  const { routes, origins } = await loadConfig({ cwd: folder, env: {} });
  const site = routes.find(({ name }) => name === 'site');
  const { defaultTtlMs: defaultTtl, query, cookies, response } = site as NonNullable<typeof site>;
  const gate = await gateBefore(url, {
    origins: { site: { url: origins.site?.url as string } },
    routes: [{ defaultTtl, query, cookies, response }],
  });
  const ask = async (cookie: string) =>
    (await fetch(`${gate.url}/users/me`, { headers: cookie === '' ? {} : { cookie } })).text();
  for (const who of ['session=admin', 'session=bob', '', '_ga=1', 'session=bob', '']) {
    const expected = who.startsWith('session') ? who : 'nobody';
    expect(await ask(who)).toBe(`/users/me for ${expected}`);
  }
});
