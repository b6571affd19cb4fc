// The gate in workerd: two isolates with memory of their own, one log.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Request as MiniflareRequest, Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let script: string;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('gate-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  script = output[0].code;
}, 60_000);

type Place = 'a' | 'b';

describe.each(['lease', 'strict', 'bounded'] as const)('in the mode %s', { timeout: 30_000 }, (mode) => {
  let workers: Miniflare;
  const truth = new Map<string, string>();

  beforeAll(async () => {
    const TRUTH = async (request: MiniflareRequest) => {
      const { pathname } = new URL(request.url);
      if (request.method === 'PUT') truth.set(pathname, await request.text());
      return new Response(truth.get(pathname) ?? 'nothing');
    };
    const worker = (name: string) => ({
      ...{ name, modules: true, script, compatibilityDate: '2026-06-01', serviceBindings: { TRUTH } },
      bindings: { MODE: mode, TOKEN: 'secret' },
      durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true } },
    });
    // One has no log in reach, one lacks the binding.
    const silent = { TIDEGATE_LOG: { className: 'Silent', useSQLite: true } };
    const alone = { ...worker('alone'), durableObjects: silent };
    const bare = { ...worker('bare'), durableObjects: {} };
    workers = new Miniflare({ workers: [worker('a'), worker('b'), alone, bare] });
    await workers.ready;
  }, 60_000);

  afterAll(() => workers?.dispose());

  async function ask(
    place: Place | 'alone' | 'bare',
    path: string,
    init: { method?: string; body?: string; token?: string } = {},
  ) {
    const { token, ...rest } = init;
    const { fetch } = (await workers.getWorker(place)) as unknown as {
      fetch(url: string, init: object): Promise<Response>;
    };
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(`http://app.example${path}`, { ...rest, headers });
    const outcome = response.headers.get('cache-status') ?? '';
    return { status: response.status, text: await response.text(), outcome, headers: response.headers };
  }

  const put = (place: Place, path: string, body: string) => ask(place, path, { method: 'PUT', body });
  const bound = () => (mode === 'bounded' ? new Promise((done) => setTimeout(done, 700)) : undefined);

  test('after a write in one isolate no isolate answers what was before', async () => {
    for (const path of ['/one', '/remote/one']) {
      await put('a', path, 'old');
      await bound();
      for (const place of ['a', 'b', 'a', 'b'] as const) expect((await ask(place, path)).text).toBe('old');
      expect((await ask('b', path)).outcome).toContain('; hit');
      expect((await put('a', path, 'new')).status).toBe(200);
      await bound();
      expect((await ask('b', path)).text).toBe('new');
      expect((await ask('a', path)).text).toBe('new');
      expect((await ask('b', path)).outcome).toContain('; hit');
    }
  });

  test('a tag that the handler invalidates is outdated everywhere', async () => {
    await ask('b', '/two');
    expect((await ask('b', '/two')).outcome).toContain('; hit');
    await put('a', '/told', 'any');
    await bound();
    expect((await ask('b', '/two')).outcome).toContain('detail=outdated');
  });

  test('the admin API invalidates by tag, behind its token, and shows what is stored', async () => {
    await ask('b', '/three');
    expect(await ask('a', '/_tidegate/stats')).toMatchObject({ status: 401 });
    expect(await ask('a', '/_tidegate/stats', { token: 'guess' })).toMatchObject({ status: 401 });
    const told = await ask('a', '/_tidegate/invalidate', { method: 'POST', body: '{"tag":"all"}', token: 'secret' });
    expect(told.status).toBe(200);
    await bound();
    expect((await ask('b', '/three')).outcome).toContain('detail=outdated');
    const listed = await ask('b', '/_tidegate/entries?prefix=http://app.example/three', { token: 'secret' });
    expect(JSON.parse(listed.text).entries).toMatchObject([{ uri: 'http://app.example/three', tags: ['all', 'told'] }]);
    const explained = await ask('b', '/_tidegate/explain?url=http://app.example/three', { token: 'secret' });
    expect(JSON.parse(explained.text)).toMatchObject({ verdict: 'serve' });
  });

  test('without the log reads go past the cache, and writes are refused before they are sent', async () => {
    truth.set('/four', 'old');
    for (let times = 0; times < 2; times++) {
      const read = await ask('alone', '/four');
      expect({ text: read.text, outcome: read.outcome }).toMatchObject({
        text: 'old',
        outcome: expect.stringContaining('fwd=bypass'),
      });
      expect(read.outcome).toContain('detail=no-lease');
    }
    const refused = await ask('alone', '/four', { method: 'PUT', body: 'new' });
    expect(refused).toMatchObject({ status: 503, text: expect.stringContaining('E_LOG') });
    expect(truth.get('/four')).toBe('old');
  });

  test('a binding that is missing is named at the first request', async () => {
    await expect(ask('bare', '/five')).rejects.toThrow(
      /coherence\.binding: expected a namespace of Durable Objects bound as TIDEGATE_LOG, got nothing/,
    );
  });
});

describe.each(['kv', 'cache-api', 'memory,cache-api,kv'])('with the tiers %s', { timeout: 30_000 }, (tiers) => {
  let workers: Miniflare;
  let asked = 0;
  let truth = 'first';

  beforeAll(async () => {
    const TRUTH = async (request: MiniflareRequest) => {
      asked++;
      if (request.method === 'PUT') truth = await request.text();
      return new Response(truth);
    };
    const worker = (name: string) => ({
      ...{ name, modules: true, script, compatibilityDate: '2026-06-01', serviceBindings: { TRUTH } },
      ...{ bindings: { MODE: 'lease', TIERS: tiers, TOKEN: 'secret' }, kvNamespaces: { TIDEGATE_KV: 'shared' } },
      durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true } },
    });
    workers = new Miniflare({ workers: [worker('a'), worker('b')] });
    await workers.ready;
  }, 60_000);

  afterAll(() => workers?.dispose());

  async function ask(place: 'a' | 'b', init = {}) {
    const { fetch } = (await workers.getWorker(place)) as unknown as {
      fetch(url: string, init: object): Promise<Response>;
    };
    const response = await fetch('http://app.example/one', init);
    return { text: await response.text(), outcome: response.headers.get('cache-status') ?? '' };
  }

  test.skipIf(!tiers.includes('kv'))('a cron trigger fills a list in portions, for all isolates', async () => {
    const { scheduled, fetch } = (await workers.getWorker('a')) as unknown as {
      scheduled(event: { cron: string }): Promise<{ outcome: string }>;
      fetch(url: string): Promise<Response>;
    };
    const { fetch: elsewhere } = (await workers.getWorker('b')) as unknown as { fetch: typeof fetch };
    const hits = async () => {
      const paths = [0, 1, 2, 3].map((at) => `http://app.example/warm/${at}`);
      const answers = await Promise.all(paths.map((url) => elsewhere(url)));
      return answers.filter(({ headers }) => headers.get('cache-status')?.includes('; hit')).length;
    };
    expect((await scheduled({ cron: '*/5 * * * *' })).outcome).toBe('ok');
    // Four fills, of which one run has subrequests for some.
    const first = asked;
    expect(first).toBeGreaterThan(0);
    expect(first).toBeLessThan(4);
    expect((await scheduled({ cron: '*/5 * * * *' })).outcome).toBe('ok');
    asked = 0;
    expect(await hits()).toBe(4);
    expect(asked).toBe(0);
    expect((await scheduled({ cron: '0 0 1 1 *' })).outcome).toBe('ok');
    const faults: string = await (await fetch('http://app.example/faults')).text();
    const wanted = 'expected the cron expression of a schedule, */5 * * * *, 0 3 * * *, got';
    expect(faults).toContain(`${wanted} \\"0 0 1 1 *\\": nothing was filled`);
    expect((await scheduled({ cron: '0 3 * * *' })).outcome).not.toBe('ok');
  });

  test('another isolate finds what one has stored, until a write outdates it', async () => {
    await ask('a');
    await expect.poll(async () => (await ask('a')).outcome).toContain('; hit');
    asked = 0;
    const shared = await ask('b');
    expect(shared.outcome).toContain('; hit');
    expect(shared.text).toBe('first');
    expect(asked).toBe(0);
    await ask('b', { method: 'PUT', body: 'second' });
    const [one, other] = await Promise.all([ask('a'), ask('b')]);
    expect([one.text, other.text]).toEqual(['second', 'second']);
    // KV takes one write of a key a second.
    await expect.poll(async () => (await ask('a')).outcome, { timeout: 5_000, interval: 300 }).toContain('; hit');
    expect((await ask('a')).text).toBe('second');
  });
});
