// What a client asks of the cache (RFC 9111 §5.2.1): nothing that others would notice, unless the route or trust says so.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import { gateBefore, httpOrigin } from './fault-kit.ts';
import { until } from './kit.ts';

type Headers = Readonly<Record<string, string>>;
type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const PUBLIC = { 'cache-control': 'public, max-age=600' };

/** As Chrome sends them: a reload, a hard reload. */
const RELOADS: readonly Headers[] = [
  { 'cache-control': 'max-age=0' },
  { 'cache-control': 'no-cache', pragma: 'no-cache' },
  { pragma: 'no-cache' },
  { 'cache-control': 'min-fresh=1000000' },
  { 'cache-control': 'max-age=0, no-store' },
];

async function gated(answer: Answer, more: Partial<TidegateConfig> = {}) {
  const requests: IncomingMessage[] = [];
  const { url } = await httpOrigin((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  const gate = await gateBefore(url, more);
  const ask = async (path: string, headers: Headers = {}, method = 'GET') => {
    const response = await fetch(gate.url + path, { headers, method, redirect: 'manual' });
    const cacheStatus = response.headers.get('cache-status') ?? '';
    return { text: await response.text(), status: response.status, cacheStatus };
  };
  return { gate, ask, requests };
}

/** Says what it was asked by; to some it says what would deny the entry that is stored for all. */
const byClient: Answer = ({ headers }, response) => {
  const refused = { curl: 403, ghost: 404, stranger: 302, picky: 406 }[headers['user-agent'] ?? ''];
  if (refused !== undefined) response.writeHead(refused, { location: '/login' }).end('no');
  else if (headers['user-agent'] === 'member') response.writeHead(200, { 'cache-control': 'private' }).end('mine');
  else
    response.writeHead(200, PUBLIC).end(`for ${headers['user-agent']} ${headers['cache-control']} ${headers.pragma}`);
};

describe('in the safe profile', () => {
  test('a reload gets what is stored, and changes nothing for others', async () => {
    const { ask, requests } = await gated(byClient);
    const first = await ask('/', { 'user-agent': 'first' });
    for (const reload of RELOADS) {
      for (const agent of ['second', 'curl', 'ghost', 'stranger', 'picky', 'member']) {
        for (const method of ['GET', 'HEAD']) {
          const again = await ask('/', { 'user-agent': agent, ...reload }, method);
          expect([again.status, again.cacheStatus]).toEqual([200, expect.stringContaining('hit')]);
        }
      }
      expect((await ask('/', { 'user-agent': 'third' })).text).toBe(first.text);
    }
    expect(requests).toHaveLength(1);
  });

  test('a reload that fills asks what any request asks, and what it filled is for all', async () => {
    const { ask, requests } = await gated(byClient);
    for (const [at, reload] of RELOADS.slice(0, 4).entries()) {
      const filled = await ask(`/${at}`, { 'user-agent': 'one', ...reload });
      expect(filled.text).toBe('for one undefined undefined');
      expect((await ask(`/${at}`, { 'user-agent': 'two' })).cacheStatus).toContain('hit');
    }
    await ask('/kept', { 'user-agent': 'one', 'cache-control': 'no-cache, no-store' });
    expect((await ask('/kept', { 'user-agent': 'two' })).cacheStatus).toContain('stored');
    expect(requests).toHaveLength(6);
  });

  test('reloads of what is not there wait for one fill; no-store waits for nobody and nobody for it', async () => {
    const held: ServerResponse[] = [];
    const { ask, requests } = await gated((_request, response) => void held.push(response));
    const unkept = ask('/', { 'cache-control': 'no-store' });
    await until('the request that is not kept', () => held.length === 1);
    const reloads = [...RELOADS.slice(0, 4), ...RELOADS.slice(0, 4)].map((reload) => ask('/', reload));
    await until('one fill', () => held.length === 2);
    held[1]?.writeHead(200, PUBLIC).end('one');
    const answers = await Promise.all(reloads);
    expect(new Set(answers.map(({ text }) => text))).toEqual(new Set(['one']));
    held[0]?.writeHead(200, PUBLIC).end('unkept');
    expect((await unkept).text).toBe('unkept');
    expect((await ask('/')).text).toBe('one');
    expect(requests).toHaveLength(2);
  });

  test('what goes by the cache, and writes, keep their directives', async () => {
    const { ask, requests } = await gated(byClient, { routes: [{ bypass: [{ path: '/by' }] }] });
    await ask('/by', RELOADS[1]);
    await ask('/write', RELOADS[1], 'POST');
    expect(requests.map(({ headers }) => headers.pragma)).toEqual(['no-cache', 'no-cache']);
  });

  test('explain says of a reload what its client gets', async () => {
    const { ask, gate } = await gated(byClient);
    await ask('/');
    const url = `${gate.adminUrl}/explain?url=${encodeURIComponent(`${gate.url}/`)}`;
    for (const header of ['cache-control: no-cache', 'pragma: no-cache']) {
      const response = await fetch(`${url}&header=${encodeURIComponent(header)}`);
      expect(await response.json()).toMatchObject({ verdict: 'serve' });
    }
  });
});

describe('are obeyed', () => {
  test.each([
    ['in the conformance profile', { routes: [{ profile: 'conformance' }] }],
    ['where the route says so', { routes: [{ clientDirectives: 'honour' }] }],
    ['of a proxy believed in them', { trustedProxies: { from: ['127.0.0.1'], directives: true } }],
  ] as const)('%s', async (_, config) => {
    const { ask, requests } = await gated(byClient, config);
    await ask('/', { 'user-agent': 'one' });
    const reloaded = await ask('/', { 'user-agent': 'two', 'cache-control': 'no-cache' });
    expect(reloaded.text).toBe('for two no-cache undefined');
    expect(reloaded.cacheStatus).toContain('fwd=request');
    expect((await ask('/', { 'cache-control': 'only-if-cached' })).status).toBe(200);
    expect((await ask('/else', { 'cache-control': 'only-if-cached' })).status).toBe(504);
    expect(requests).toHaveLength(2);
  });

  test('in no profile where the route says ignore', async () => {
    const { ask, requests } = await gated(byClient, {
      routes: [{ profile: 'conformance', clientDirectives: 'ignore' }],
    });
    for (const reload of [{}, ...RELOADS]) await ask('/', reload);
    expect(requests).toHaveLength(1);
  });
});
