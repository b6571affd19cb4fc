// The demo behind a gate: what is served after a write, and what the terminal says became of the URLs.

import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RunningDemo, startDemoOrigin } from '../../examples/demo/demo.ts';
import { changesText, firstSteps, reportText } from '../../examples/demo/text.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { RunningGate } from '../../src/node/running-gate.ts';
import { startGate } from '../../src/node/serve.ts';

const wait = { timeout: 10_000, interval: 10 };
let demo: RunningDemo;
let gate: RunningGate;
let lines: string[];

beforeEach(async () => {
  lines = [];
  // On a busy machine two seconds are not much.
  demo = await startDemoOrigin({ lease: '30s' });
  const origins = { demo: { url: demo.url } };
  gate = await startGate(
    resolveConfig({ listen: { port: 0 }, admin: { port: 0 }, origins, log: { level: 'silent' } }, { env: {} }),
  );
  await demo.follow(gate.adminUrl, (line) => lines.push(line));
});
afterEach(async () => {
  await gate.close({ grace: 0 });
  await demo.close();
});

async function ask(path: string, init?: RequestInit) {
  const response = await fetch(gate.url + path, init);
  const text = await response.text();
  const cacheStatus = response.headers.get('cache-status') as string;
  // biome-ignore lint/suspicious/noExplicitAny: JSON of any shape, looked into by the tests
  return { status: response.status, cacheStatus, body: (text === '' ? undefined : JSON.parse(text)) as any };
}

const json = (method: string, body: unknown): RequestInit => ({ method, body: JSON.stringify(body) });

const PATHS = [
  '/v1/orders/count',
  '/v1/users-with-orders?limit=10',
  '/v1/users/33',
  '/v1/users/7',
  '/v1/users/count',
  '/v1/users?after=10&limit=10',
  '/v1/users?firstName=Lane',
  '/v1/users?id=4*',
  '/v1/users?limit=10',
  '/v1/users?name=La*',
];

/** Stored, all of them. */
async function warm(): Promise<void> {
  for (const path of PATHS) await ask(path);
  for (const path of PATHS)
    expect([path, (await ask(path)).cacheStatus]).toEqual([path, expect.stringMatching(/; hit/)]);
}

/** What is said of the write, as lists; what the gate serves afterwards is what the origin has. */
async function told(write: () => unknown) {
  await warm();
  const before = lines.length;
  await write();
  await vi.waitFor(() => expect(lines).toHaveLength(before + 1), wait);
  const [, what, invalidated, left] = /^(.*) -> invalidated (.*) \| left (.*)$/.exec(lines.at(-1) as string) ?? [];
  for (const path of PATHS) {
    const { body, cacheStatus } = await ask(path);
    expect(body).toEqual(await (await fetch(demo.url + path)).json());
    if (left?.split(', ').includes(path)) expect(cacheStatus).toMatch(/; hit/);
  }
  expect(
    [invalidated, left]
      .flatMap((list) => list?.split(', '))
      .filter((path) => path !== 'nothing')
      .sort(),
  ).toEqual(PATHS);
  return { what, invalidated };
}

async function byOther(sql: string): Promise<void> {
  const other = new DatabaseSync(demo.path, { timeout: 5_000 });
  other.exec(sql);
  other.close();
}

describe('the terminal names what a write invalidated and what it left', () => {
  test('by PUT: the user, and the lists that show the user', async () => {
    expect(await told(() => ask('/v1/users/7', json('PUT', { firstName: 'Nova' })))).toEqual({
      what: 'PUT /v1/users/7',
      invalidated: '/v1/users-with-orders?limit=10, /v1/users/7, /v1/users?limit=10',
    });
  });

  test('by POST: the lists that the user enters', async () => {
    const user = { firstName: 'Lane', lastName: 'Yew', email: 'lane.yew@example.org' };
    expect(await told(() => ask('/v1/users', json('POST', user)))).toEqual({
      what: 'POST /v1/users',
      invalidated: '/v1/users/count, /v1/users?firstName=Lane, /v1/users?name=La*',
    });
  });

  test('by DELETE: the orders of the user, too', async () => {
    expect(await told(() => ask('/v1/users/33', { method: 'DELETE' }))).toEqual({
      what: 'DELETE /v1/users/33',
      invalidated: '/v1/orders/count, /v1/users/33, /v1/users/count',
    });
  });

  test('by a write that is refused: nothing', async () => {
    expect(await told(() => ask('/v1/users/7', json('PUT', { firstName: 7 })))).toEqual({
      what: 'PUT /v1/users/7',
      invalidated: 'nothing',
    });
  });

  test('by another program', async () => {
    expect(await told(() => byOther("UPDATE users SET firstName = 'Lane' WHERE id = 12"))).toEqual({
      what: 'another program: update users 12',
      invalidated: '/v1/users?after=10&limit=10, /v1/users?firstName=Lane, /v1/users?name=La*',
    });
  });

  test('by a write of a column that no answer shows: nothing', async () => {
    expect(await told(() => byOther("UPDATE users SET note = 'called' WHERE id = 7"))).toEqual({
      what: 'another program: update users 7',
      invalidated: 'nothing',
    });
  });

  test('of the gate, not of its own belief: what an operator has removed is not there', async () => {
    await warm();
    await fetch(`${gate.adminUrl}/purge`, { method: 'POST', body: JSON.stringify({ tag: 'user-33' }) });
    await byOther("UPDATE users SET note = 'called' WHERE id = 7");
    await vi.waitFor(() => expect(lines).toHaveLength(1), wait);
    expect(lines[0]).not.toContain('/v1/users/33');
  });
});

test('writes that overlap are told as one', async () => {
  await warm();
  const ids = [1, 2, 3, 4];
  await Promise.all(ids.map((id) => ask(`/v1/users/${id}`, json('PUT', { lastName: 'Yew' }))));
  const all = () => lines.join('\n');
  await vi.waitFor(() => expect(ids.filter((id) => !all().includes(`PUT /v1/users/${id}`))).toEqual([]), wait);
  expect(
    lines.filter((line) => line.includes('/v1/users?limit=10') && /invalidated[^|]*limit=10/.test(line)),
  ).not.toEqual([]);
  expect((await ask('/v1/users?limit=4')).body.map((user: { lastName: string }) => user.lastName)).toEqual(
    ids.map(() => 'Yew'),
  );
});

test('its tags are plain names, and its sitemap can be filled', async () => {
  const post = (path: string, body: object) =>
    fetch(gate.adminUrl + path, { method: 'POST', body: JSON.stringify(body) }).then((answer) => answer.json());
  const job = await post('/populate', { sitemap: `${gate.url}/sitemap.xml` });
  const followed = await fetch(`${gate.adminUrl}/populate?job=${(job as { id: string }).id}&follow`);
  const last = JSON.parse((await followed.text()).trim().split('\n').at(-1) as string);
  expect(last).toMatchObject({ state: 'done', refused: 0, failed: 0 });
  expect(last.total).toBeGreaterThan(10);
  expect((await ask('/v1/users/11')).cacheStatus).toMatch(/; hit/);
  expect(await post('/invalidate', { tag: 'user-11' })).toMatchObject({ matched: 1 });
});

test('a stored 404 does not outlive the creation of what it denies', async () => {
  await ask('/v1/users/51');
  const denied = await ask('/v1/users/51');
  expect([denied.status, denied.cacheStatus]).toEqual([404, expect.stringMatching(/; hit/)]);
  await byOther("INSERT INTO users VALUES (51, 'A', 'B', 'c', NULL)");
  await vi.waitFor(() => expect(lines).toHaveLength(1), wait);
  expect((await ask('/v1/users/51')).status).toBe(200);
});

test('the file goes with the demo', async () => {
  expect(existsSync(demo.path)).toBe(true);
  await demo.close();
  expect(existsSync(demo.path)).toBe(false);
  demo = await startDemoOrigin();
});

describe('what npm start prints', () => {
  test('names both listeners and the file, and the admin API only where commands would not find it', () => {
    const places = { url: 'http://127.0.0.1:8080', adminUrl: 'http://127.0.0.1:9999', path: '/data/shop.db' };
    const text = firstSteps(places);
    expect(text).toContain('curl -i http://127.0.0.1:8080/v1/users/7\n');
    expect(text).toContain('/data/shop.db');
    expect(text).toContain('tidegate -- explain http://127.0.0.1:8080/v1/users/7 --admin http://127.0.0.1:9999\n');
    expect(text).not.toContain('npx');
    expect(firstSteps({ ...places, adminUrl: 'http://127.0.0.1:8081' })).not.toContain('--admin');
  });

  test('long lists and large changes are cut short', () => {
    const left = Array.from({ length: 15 }, (_, at) => `http://h/${at + 10}`);
    expect(reportText(['a', 'b'], { invalidated: [], left })).toBe(
      'a + b -> invalidated nothing | left /10, /11, /12, /13, /14, /15, /16, /17, /18, /19, /20, /21 and 3 more',
    );
    const table = { name: 't', columns: [], key: [0] };
    const changes = [1, 2, 3, 4, 5].map((id) => ({ kind: 'insert', table, new: [id] }) as const);
    expect(changesText({ position: '', changes })).toBe(
      'another program: insert t 1, insert t 2, insert t 3 and 2 more',
    );
    expect(changesText({ position: '', changes: [{ kind: 'truncate', table }] })).toBe('another program: truncate t');
  });
});
