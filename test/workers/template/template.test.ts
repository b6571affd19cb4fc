// The project that `tidegate init workers` writes, in workerd: the same scenario there and on the demo in Node has the same
// answers, read after read and write after write, though the Worker serves most of its reads from its cache.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningDemo, startDemoOrigin } from '../../../examples/demo/demo.ts';
import type { KvNamespace } from '../../../src/store/kv/kv-store.ts';

const TEMPLATE = new URL('../../../templates/workers/', import.meta.url);

let demo: RunningDemo;
let worker: Miniflare;
let script: string;

const VARIABLES = { ENVIRONMENT: 'dev', CACHE_DEFAULT_TTL: '1h', CACHE_KV_ENABLED: 'true' };

function workerWith(bindings: Readonly<Record<string, string>>): Miniflare {
  return new Miniflare({
    ...{ modules: true, script, bindings, compatibilityDate: '2026-04-01' },
    d1Databases: ['DB'],
    kvNamespaces: ['TIDEGATE_KV'],
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  });
}

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('src/index.ts', TEMPLATE)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    resolve: {
      alias: { 'tidegate/workers': fileURLToPath(new URL('../../../src/workers/index.ts', import.meta.url)) },
    },
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  script = output[0].code;
  worker = workerWith(VARIABLES);
  const database = await worker.getD1Database('DB');
  const sql = readFileSync(new URL('migrations/0001_demo.sql', TEMPLATE), 'utf8');
  const statements = sql.split(/;\n/).filter((text) => text.trim() !== '');
  await database.batch(statements.map((text) => database.prepare(text)));
  demo = await startDemoOrigin();
}, 60_000);

afterAll(async () => {
  await worker?.dispose();
  await demo?.close();
});

const HOST = 'localhost:8787';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly location: string | null;
  readonly allow: string | null;
}

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

async function answerOf(
  response: Pick<Response, 'status' | 'text'> & { headers: { get(name: string): string | null } },
) {
  const text = await response.text();
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
  const { status } = response;
  return { status, type, text, location: response.headers.get('location'), allow: response.headers.get('allow') };
}

const outcomes: string[] = [];

async function ofWorker({ method, path, body }: Asked): Promise<Answer> {
  const response = await worker.dispatchFetch(`http://${HOST}${path}`, { method, ...(body !== undefined && { body }) });
  outcomes.push(response.headers.get('cache-status') ?? '');
  return answerOf(response);
}

async function ofDemo({ method, path, body }: Asked): Promise<Answer> {
  const answer = await answerOf(await fetch(demo.url + path, { method, ...(body !== undefined && { body }) }));
  return { ...answer, text: answer.text.replaceAll(new URL(demo.url).host, HOST) };
}

const get = (path: string): Asked => ({ method: 'GET', path });
const send = (method: string, path: string, content: unknown): Asked => ({
  method,
  path,
  body: JSON.stringify(content),
});

const READS = [
  ...['/v1/users', '/v1/users?limit=3&after=10', '/v1/users?firstName=Gus', '/v1/users?name=La*', '/v1/users?id=1*'],
  ...['/v1/users/count', '/v1/users/count?firstName=Zoe', '/v1/users/7', '/v1/users/51', '/v1/users/50'],
  ...[
    '/v1/orders',
    '/v1/orders?userId=7&limit=2',
    '/v1/orders/count',
    '/v1/orders/1',
    '/v1/orders/121',
    '/v1/orders/7',
  ],
  ...['/v1/users-with-orders?limit=9', '/v1/users-with-orders?after=45', '/sitemap.xml'],
].map(get);

const WRITES = [
  send('PUT', '/v1/users/7', { firstName: 'Zoe' }),
  send('POST', '/v1/users', { firstName: 'Zoe', lastName: 'Yew', email: 'zoe.yew@example.org', note: 'new' }),
  send('POST', '/v1/orders', { userId: 7, product: 'oar', quantity: 3 }),
  { method: 'DELETE', path: '/v1/users/7' },
  { method: 'DELETE', path: '/v1/users/7' },
  send('PUT', '/v1/users/999', { note: 'nobody' }),
  send('PUT', '/v1/users/50', { note: 'not shown' }),
];

const WRONG = [
  ...[
    get('/v1/none'),
    get('/'),
    get('/v1/users/x'),
    get('/v1/users/0'),
    get('/v1/users?limit=101'),
    get('/v1/users?x=1'),
  ],
  ...[
    get('/v1/users?name=a'),
    get('/v1/users?name=a*&id=1*'),
    get('/v1/users?limit=1&limit=2'),
    get('/v1/orders/9?x='),
  ],
  send('POST', '/v1/users', {}),
  send('POST', '/v1/users', { firstName: 'A' }),
  send('POST', '/v1/users', { age: 7 }),
  send('POST', '/v1/users', [1]),
  send('PUT', '/v1/users/8', { email: '' }),
  send('PUT', '/v1/users/8', { email: 'x'.repeat(201) }),
  send('POST', '/v1/orders', { userId: 8, product: 'oar', quantity: 0 }),
  send('POST', '/v1/orders', { userId: 99_999, product: 'oar', quantity: 1 }),
  { method: 'POST', path: '/v1/users', body: '{' },
  { method: 'DELETE', path: '/v1/orders/1' },
  { method: 'PUT', path: '/v1/users', body: '{}' },
];

const named = ({ method, path, body }: Asked) => `${method} ${path} ${body ?? ''}`;

async function expectSame(asked: readonly Asked[]): Promise<void> {
  for (const each of asked)
    expect({ [named(each)]: await ofWorker(each) }).toEqual({ [named(each)]: await ofDemo(each) });
}

describe('the project of `tidegate init workers`', { timeout: 60_000 }, () => {
  test('answers as the demo does, before and after each write', async () => {
    await expectSame([...READS, ...READS]);
    expect(outcomes.filter((outcome) => outcome.includes('; hit')).length).toBeGreaterThanOrEqual(READS.length);
    for (const write of WRITES) await expectSame([write, ...READS]);
    const before = outcomes.length;
    await expectSame(READS);
    for (const outcome of outcomes.slice(before)) expect(outcome).toContain('; hit');
    const namespace = (await worker.getKVNamespace('TIDEGATE_KV')) as unknown as KvNamespace;
    const { keys } = await namespace.list({ prefix: '', limit: 1000 });
    expect(keys.filter(({ name }) => name.includes('/dev/k/')).length).toBeGreaterThanOrEqual(READS.length);
  });

  test('refuses what the demo refuses', async () => {
    await expectSame(WRONG);
  });

  test('fills ahead of requests, by its cron trigger', async () => {
    const { scheduled } = (await worker.getWorker()) as unknown as {
      scheduled(event: { readonly cron: string }): Promise<{ readonly outcome: string }>;
    };
    expect((await scheduled({ cron: '*/5 * * * *' })).outcome).toBe('ok');
  });

  test('does not begin with a variable that is wrong, and names it', async () => {
    const wrong = workerWith({ ...VARIABLES, CACHE_DEFAULT_TTL: '3600', CACHE_KV_ENABLED: 'on' });
    await expect(wrong.ready).rejects.toThrow(
      /CACHE_DEFAULT_TTL .*; write 3600s for[\s\S]*CACHE_KV_ENABLED to be true/,
    );
    // It rejects with the same.
    await wrong.dispose().catch(() => undefined);
  });

  test('asks the API each time where the cache is switched off', async () => {
    const off = workerWith({ ...VARIABLES, CACHE_ENABLED: 'false' });
    try {
      for (let time = 0; time < 2; time++) {
        const response = await off.dispatchFetch(`http://${HOST}/v1/none`);
        expect(response.headers.get('cache-status')).toContain('fwd=bypass');
      }
    } finally {
      await off.dispose();
    }
  });
});
