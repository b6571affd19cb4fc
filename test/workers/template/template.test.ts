// The project that `tidegate init workers` writes, in workerd: the same scenario there and on the demo in Node has the same
// answers, read after read and write after write, though the Worker serves most of its reads from its cache.

import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RunningDemo, startDemoOrigin } from '../../../examples/demo/demo.ts';
import { INIT } from '../../../src/node/operator/cli/init-command.ts';
import type { KvNamespace } from '../../../src/store/kv/kv-store.ts';
import { NODE, type Ran, ROOT, run, runWell, tempFolder } from '../../runtime/node/kit.ts';

const TEMPLATE = new URL('../../../templates/workers/', import.meta.url);

const folder = tempFolder();
const project = join(folder.path, 'shop');

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
  const io = { print: () => undefined, printError: () => undefined, exit: () => expect.unreachable() };
  await INIT.commands?.[0]?.run?.({ io, argument: project, options: {} } as never);
  symlinkSync(join(ROOT, 'node_modules'), join(project, 'node_modules'));
  Object.assign(VARIABLES, parseEnv(readFileSync(join(project, '.dev.vars'), 'utf8')));
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
  folder.remove();
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

/** A command in the folder of the project. */
function tidegate(by: typeof run, args: readonly string[]): Promise<Ran> {
  const sources = join(ROOT, 'test/examples/from-sources.ts');
  const command = ['--import', sources, join(ROOT, 'src/node/bin.ts'), ...args];
  return by(NODE, command, { cwd: project, env: { TIDEGATE_ADMIN: '', TIDEGATE_ADMIN_TOKEN: '' } });
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

  test('answers the commands of its folder', async () => {
    const { origin } = await worker.ready;
    const url = `${origin}/v1/users/9`;
    await (await worker.dispatchFetch(url)).text();
    const admin = ['--admin', `${origin}/.tidegate`];
    const told = async (...args: string[]) => (await tidegate(runWell, [...args, ...admin])).text;
    expect(await told('stats')).toMatch(/bill +\$/);
    expect(await told('list')).toContain(url);
    expect(await told('explain', url)).toMatch(/verdict +serve/);
    expect(await told('deps', url)).toContain('user-9');
    expect(await told('invalidate', '--tag', 'user-9')).toMatch(/^invalidated: /);
    expect(await told('explain', url)).toContain('It was invalidated after it was filled');
    expect(await told('purge', '--url', url)).toMatch(/^purged: /);
    expect((await tidegate(run, ['stats', ...admin, '--token', 'other'])).stderr).toContain('got a wrong one (401)');
  });

  test('is right, as `tidegate check` says, and what is wrong in an environment is named', {
    timeout: 60_000,
  }, async () => {
    const file = join(project, 'wrangler.jsonc');
    const right = readFileSync(file, 'utf8');
    const check = ['check', '--platform', 'workers'];
    expect((await tidegate(runWell, check)).text).toMatch(/tiers: memory, cache-api, kv\n[\s\S]*is right\.\n$/);
    const wrong = async (...edits: readonly (readonly [place: string, from: string, to: string])[]) => {
      const text = edits.reduce((edited, [place, from, to]) => {
        const at = edited.indexOf(from, place === '' ? 0 : edited.indexOf(place));
        expect(at).toBeGreaterThan(0);
        return edited.slice(0, at) + to + edited.slice(at + from.length);
      }, right);
      writeFileSync(file, text);
      const { code, stderr } = await tidegate(run, check);
      expect(code).toBe(1);
      return stderr.trim().split('\n  ').slice(1);
    };
    const kv = '{ "binding": "TIDEGATE_KV" }';
    const shared = kv.replace(' }', ', "id": "1" }');
    expect(await wrong(['"production": {', kv, ''], ['', '"name": "TIDEGATE_LOG"', '"name": "LOG"'])).toEqual([
      expect.stringMatching(/^coherence\.binding: expected .* bound as TIDEGATE_LOG, got nothing; it comes by /),
      expect.stringMatching(
        /^env\.production: kv\.binding: expected .* bound as TIDEGATE_KV, got nothing; it comes by /,
      ),
    ]);
    expect(await wrong(['"preview": {', kv, shared], ['"production": {', kv, shared])).toEqual([
      expect.stringMatching(
        /^env\.production: kv\.binding: expected a namespace of its own .*, got that of env\.preview$/,
      ),
    ]);
    expect(
      await wrong(
        ['', '"CACHE_DEFAULT_TTL": "1h"', '"CACHE_DEFAULT_TTL": "3600"'],
        ['"preview": {', '"CACHE_KV_ENABLED": "true"', '"CACHE_KV_ENABLED": "yes"'],
        ['"production": {', '"CACHE_MAX_MEMORY_SIZE"', '"CACHE_MAX_MEMORY"'],
      ),
    ).toEqual([
      expect.stringMatching(
        /^expected CACHE_DEFAULT_TTL .*, got "3600"; write 3600s for seconds or 3600ms for milliseconds$/,
      ),
      'env.preview: expected CACHE_KV_ENABLED to be true or false, 1 or 0, got "yes"',
      expect.stringMatching(/^env\.production: .*, got CACHE_MAX_MEMORY; did you mean "CACHE_MAX_MEMORY_SIZE"\?$/),
    ]);
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
