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
  // One of them may see it before the drain, where it has no lease and so asks its origin.
  await until(async () => (await ask('a', '/t/1')).text === '30' && (await ask('b', '/t/1')).text === '30');
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

describe.each(['binding', 'prepared', 'batch', 'session', 'imported'])('by the %s of an earlier request', (way) => {
  test('what is read is invalidated by each write, also while that request is open', async () => {
    const open = ask('a', `/kept/${way}/2?open`);
    await new Promise((done) => setTimeout(done, 200));
    for (const n of [51, 52]) {
      await put('a', '/t/1?kept', String(n));
      const { text } = await ask('a', `/kept/${way}/1`);
      expect(text).toMatch(new RegExp(`\\b${n}\\b`));
      expect((await ask('a', `/kept/${way}/1`)).text).toBe(text);
      await put('b', '/t/1', String(n + 10));
      expect((await ask('a', `/kept/${way}/1`)).text).toMatch(new RegExp(`\\b${n + 10}\\b`));
    }
    await open;
    await put('b', '/t/2', '77');
    expect((await ask('a', `/kept/${way}/2?open`)).text).toMatch(/\b77\b/);
  });

  test('it is stored, unless a session may read of a replica', async () => {
    await ask('a', `/kept/${way}/1`);
    expect((await ask('a', `/kept/${way}/1`)).isHit).toBe(way !== 'session');
  });
});

test('a body that is read by the binding of an earlier request is never given twice', async () => {
  for (const n of ['81', '82']) {
    await put('b', '/t/1', n);
    expect(await ask('a', '/kept-streamed')).toMatchObject({ text: n, isHit: false });
  }
});

test('nothing went wrong', async () => {
  expect(JSON.parse((await ask('a', '/faults')).text)).toEqual([]);
  expect(JSON.parse((await ask('b', '/faults')).text)).toEqual([]);
});
