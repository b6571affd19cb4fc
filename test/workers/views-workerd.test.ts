// Views in workerd: a Durable Object with real alarms and real SQLite, and two isolates that read it.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Request as MiniflareRequest, Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

let workers: Miniflare;
let text = 'first';
let ticks = 0;
let largeBytes = 1_000;
let isDown = false;
let delayMs = 0;
const asked: string[] = [];
const flushed: { id: string; deltas: { votes: number } }[] = [];

async function truth(request: MiniflareRequest): Promise<Response> {
  const { pathname } = new URL(request.url);
  asked.push(pathname);
  if (pathname === '/flush') flushed.push((await request.json()) as (typeof flushed)[number]);
  await new Promise((done) => setTimeout(done, delayMs));
  if (isDown) return new Response('down', { status: 503 });
  if (pathname === '/tick') return new Response(String(++ticks));
  return new Response(pathname === '/large' ? 'x'.repeat(largeBytes) : text);
}

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('views-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const worker = (name: string) => ({
    ...{ name, modules: true, script: output[0].code, compatibilityDate: '2026-06-01' },
    serviceBindings: { TRUTH: truth },
    durableObjects: {
      TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true },
      TIDEGATE_VIEWS: { className: 'TidegateViews', scriptName: 'a', useSQLite: true },
      TIDEGATE_VIEWS_IN_KV: { className: 'TidegateViewsInKv', scriptName: 'a', useSQLite: true },
    },
    kvNamespaces: ['TIDEGATE_KV'],
  });
  workers = new Miniflare({ workers: [worker('a'), worker('b'), { ...worker('alone'), durableObjects: {} }] });
  await workers.ready;
}, 60_000);

afterAll(() => workers?.dispose());

interface Reply {
  readonly answer?: {
    readonly value: never;
    readonly ageMs: number;
    readonly outdated: boolean;
    readonly error?: object;
  };
  readonly code?: string;
  readonly message?: string;
}

async function ask(place: 'a' | 'b' | 'alone', path: string, method = 'GET'): Promise<Reply> {
  const { fetch } = (await workers.getWorker(place)) as unknown as {
    fetch(url: string, init: object): Promise<Response>;
  };
  const response = await fetch(`http://app.example${path}`, { method });
  return method === 'GET' ? ((await response.json()) as Reply) : {};
}

const wait = (ms: number) => new Promise((done) => setTimeout(done, ms));

test('fifty readers of both isolates share the first computation', { timeout: 30_000 }, async () => {
  delayMs = 300;
  const all = Array.from({ length: 50 }, (_, n) => ask(n % 2 === 0 ? 'a' : 'b', '/ranking?limit=10'));
  for (const { answer } of await Promise.all(all)) expect(answer?.value).toEqual({ limit: 10, text: 'first' });
  delayMs = 0;
  // The other combination was computed ahead.
  expect(asked.filter((path) => path === '/ranking')).toHaveLength(2);
  expect((await ask('b', '/ranking?limit=20')).answer).toMatchObject({ value: { limit: 20 }, outdated: false });
  expect(asked.filter((path) => path === '/ranking')).toHaveLength(2);
});

test('alarms compute with nobody who reads', { timeout: 30_000 }, async () => {
  await ask('a', '/ticking');
  const before = ticks;
  await wait(3_000);
  expect(ticks - before).toBeGreaterThanOrEqual(4);
  expect((await ask('b', '/ticking')).answer?.ageMs).toBeLessThan(1_500);
});

test('after an acknowledged invalidation no isolate gives what was computed before', { timeout: 60_000 }, async () => {
  for (let round = 0; round < 5; round++) {
    for (const place of ['a', 'b'] as const) await ask(place, '/ranking?limit=10');
    text = `round ${round}`;
    await ask(round % 2 === 0 ? 'a' : 'b', '/posts', 'PUT');
    for (const place of ['a', 'b', 'a', 'b'] as const) {
      expect((await ask(place, '/ranking?limit=10')).answer?.value).toEqual({ limit: 10, text });
    }
  }
});

test('a source that is down: the last good value with its error, and nothing outdated', {
  timeout: 30_000,
}, async () => {
  await ask('a', '/ranking?limit=10');
  isDown = true;
  await wait(1_500);
  const ticking = (await ask('a', '/ticking')).answer;
  expect(ticking).toMatchObject({ outdated: false, error: { message: expect.stringContaining('down') } });
  text = 'after';
  await ask('a', '/posts', 'PUT');
  expect((await ask('b', '/ranking?limit=10')).code).toBe('E_FILL');
  isDown = false;
  await expect
    .poll(async () => (await ask('b', '/ranking?limit=10')).answer?.value, { timeout: 5_000 })
    .toEqual({
      limit: 10,
      text: 'after',
    });
});

test('a value of nearly 2 MB fits its row, a larger one is a failure that says so', { timeout: 30_000 }, async () => {
  const large = async () => (await ask('a', '/large')).answer;
  expect((await large())?.value).toHaveLength(1_000);
  largeBytes = 1_989_000;
  await ask('a', '/signal');
  await expect.poll(async () => (await large())?.value, { timeout: 5_000 }).toHaveLength(1_989_000);
  largeBytes = 1_999_000;
  await ask('b', '/signal');
  await expect
    .poll(async () => (await large())?.error, { timeout: 5_000 })
    .toMatchObject({
      message: expect.stringMatching(/^expected a value of view:large: of at most 1990000 bytes, .* got 19990/),
    });
  expect((await large())?.value).toHaveLength(1_989_000);
});

test('counters add up in the object, have a view computed again, and are flushed', { timeout: 30_000 }, async () => {
  await ask('a', '/voted');
  for (let n = 0; n < 12; n++) await ask(n % 2 === 0 ? 'a' : 'b', '/count?by=1');
  await expect.poll(() => flushed.reduce((sum, { deltas }) => sum + deltas.votes, 0), { timeout: 5_000 }).toBe(12);
  expect(new Set(flushed.map(({ id }) => id)).size).toBe(flushed.length);
  const stats = (await ask('b', '/stats')).answer as unknown as { name: string; computed: number }[];
  expect(stats.find(({ name }) => name === 'voted')?.computed).toBe(2);
});

test('a second data centre answers from KV, without a call of the object, until an invalidation', {
  timeout: 30_000,
}, async () => {
  text = 'in KV';
  expect((await ask('a', '/kv?limit=10')).answer?.value).toEqual({ limit: 10, text });
  await wait(500);
  for (const limit of [10, 20, 10]) {
    expect((await ask('b', `/kv?limit=${limit}`)).answer).toMatchObject({ value: { limit, text }, outdated: false });
  }
  expect((await ask('b', '/calls')).answer).toBe(0);
  text = 'changed';
  await ask('a', '/posts', 'PUT');
  for (const place of ['b', 'a'] as const) {
    expect((await ask(place, '/kv?limit=10')).answer?.value).toEqual({ limit: 10, text });
  }
  expect((await ask('b', '/calls')).answer).toBe(1);
});

test('a missing binding and a wrong parameter are named', async () => {
  expect(await ask('alone', '/ranking?limit=10')).toEqual({
    code: 'E_CONFIG',
    message: expect.stringMatching(
      /binding: expected a namespace of Durable Objects bound as TIDEGATE_VIEWS, got nothing; .*"TidegateViews"\]/,
    ),
  });
  expect(await ask('a', '/ranking?limit=11')).toEqual({
    code: 'E_VIEW',
    message: 'expected limit of the view ranking to be one of 10, 20, got "11"',
  });
});
