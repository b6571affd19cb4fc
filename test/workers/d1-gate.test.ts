// The gate before an application on D1, in workerd: two isolates, one log, one database.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

type Place = 'a' | 'b';

let workers: Miniflare;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('d1-gate-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const worker = (name: string) => ({
    ...{ name, modules: true, script: output[0].code, compatibilityDate: '2026-06-01', d1Databases: { DB: 'shop' } },
    durableObjects: {
      TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true },
      DRAIN: { className: 'Drain', scriptName: 'a', useSQLite: true },
    },
  });
  workers = new Miniflare({ workers: [worker('a'), worker('b')] });
  await workers.ready;
  expect(JSON.parse((await ask('a', '/install')).text)).toEqual([]);
}, 60_000);

afterAll(() => workers?.dispose());

async function ask(place: Place, path: string, init: { method?: string; body?: string } = {}) {
  const { fetch } = (await workers.getWorker(place)) as unknown as {
    fetch(url: string, init: object): Promise<Response>;
  };
  const response = await fetch(`http://shop.example${path}`, init);
  const isHit = /; hit/.test(response.headers.get('cache-status') ?? '');
  const untracked = response.headers.get('tidegate-untracked') ?? '';
  return { status: response.status, text: await response.text(), isHit, untracked };
}

const put = (place: Place, path: string, body: string) => ask(place, path, { method: 'PUT', body });

async function stored(place: Place, path: string): Promise<string> {
  await ask(place, path);
  const { text, isHit, untracked } = await ask(place, path);
  expect({ isHit, untracked }).toEqual({ isHit: true, untracked: '' });
  return text;
}

async function until(is: () => Promise<boolean>): Promise<void> {
  for (let left = 100; left > 0 && !(await is()); left--) await new Promise((done) => setTimeout(done, 50));
}

describe('a write through the gate', () => {
  test('is seen by every isolate once it is answered, and leaves what it cannot change', async () => {
    expect(await stored('a', '/t/1')).toBe('10');
    expect(await stored('b', '/t/1')).toBe('10');
    expect(await stored('b', '/t/2')).toBe('20');
    const list = await stored('b', '/t');
    await put('a', '/t/1', '11');
    expect(await ask('b', '/t/1')).toMatchObject({ text: '11', isHit: false });
    expect(await ask('a', '/t/1')).toMatchObject({ text: '11', isHit: false });
    expect(await ask('b', '/t')).toMatchObject({ text: list.replace('10', '11'), isHit: false });
    expect(await ask('b', '/t/2')).toMatchObject({ text: '20', isHit: true });
  });

  test('is seen when it is done after the answer', async () => {
    await stored('b', '/t/2');
    await put('a', '/t/2?late', '21');
    await until(async () => (await ask('b', '/t/2')).text === '21');
    expect(await ask('b', '/t/2')).toMatchObject({ text: '21' });
  });
});

test('a write of others is seen after the next drain', async () => {
  await stored('a', '/t/1');
  await stored('b', '/t/1');
  const database = await workers.getD1Database('DB', 'a');
  await database.prepare('update t set n = 30 where id = 1').run();
  await until(async () => (await ask('a', '/t/1')).text === '30');
  expect(await ask('a', '/t/1')).toMatchObject({ text: '30' });
  expect(await ask('b', '/t/1')).toMatchObject({ text: '30' });
});

test('what a replica may have served is not stored, and a session that begins at the primary is', async () => {
  await ask('a', '/session');
  expect(await ask('a', '/session')).toMatchObject({
    isHit: false,
    untracked: 'replica',
  });
  await stored('a', '/session?from=first-primary');
});

test('a body that is read of the database after its head is never given twice', async () => {
  const first = await ask('a', '/streamed');
  await put('a', '/t/1', '40');
  expect(first.text).not.toBe('40');
  expect(await ask('a', '/streamed')).toMatchObject({ text: '40', isHit: false });
  expect(await ask('a', '/streamed')).toMatchObject({ text: '40', isHit: false });
});

test('nothing went wrong', async () => {
  expect(JSON.parse((await ask('a', '/faults')).text)).toEqual([]);
  expect(JSON.parse((await ask('b', '/faults')).text)).toEqual([]);
});
