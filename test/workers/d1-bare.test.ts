// What a handler reads and writes by a binding that it has not of its own env, in workerd.

import { fileURLToPath } from 'node:url';
import { Miniflare, type Response } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Dice } from '../sim/dice.ts';

type Place = 'a' | 'b';

let workers: Miniflare;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('d1-bare-app.ts', import.meta.url)),
    platform: 'browser',
    external: ['cloudflare:workers'],
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const worker = (name: string) => ({
    ...{ name, modules: true, script: output[0].code, compatibilityDate: '2026-06-01' },
    d1Databases: { DB: 'shop', OTHER: 'other' },
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', scriptName: 'a', useSQLite: true } },
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
  const untracked = (response.headers.get('tidegate-untracked') ?? '').replaceAll(/:[^;]*/g, '');
  return { status: response.status, text: await response.text(), isHit, untracked };
}

const put = (place: Place, path: string, n: number) => ask(place, path, { method: 'PUT', body: String(n) });
const KNOWN = ['drizzle', 'list', 'batch', 'later', 'own'];

describe.each(KNOWN)('what is read by way of %s', (way) => {
  test('is stored with what it depends on', async () => {
    await ask('a', `/${way}/2`);
    expect(await ask('a', `/${way}/2`)).toMatchObject({ isHit: true, untracked: '' });
    await put('b', '/drizzle/2', 25);
    const { text, isHit } = await ask('a', `/${way}/2`);
    expect([text.includes('25'), isHit]).toEqual([true, false]);
    await put('b', '/drizzle/2', 20);
  });
});

test.each([
  ['early', 'unseen; after-write'],
  ['early-batch', 'after-write'],
  ['session', 'unseen; after-write'],
  ['session-batch', 'unseen; after-write'],
  ['exec', 'unknown-call'],
  ['other', 'unseen'],
  ['other-session', 'unseen'],
  ['other-exec', 'unseen'],
])('what is read by way of %s is not stored, and says so', async (way, reason) => {
  for (let times = 0; times < 2; times++) {
    const { status, isHit, untracked } = await ask('a', `/${way}/1`);
    expect({ status, isHit, untracked }).toEqual({
      status: 200,
      isHit: false,
      untracked: reason,
    });
  }
});

test('a read of a database without a tracker invalidates nothing', async () => {
  await ask('a', '/own/1');
  await ask('a', '/other/1');
  expect((await ask('a', '/own/1')).isHit).toBe(true);
});

test.each(['drizzle', 'returning', 'batch', 'session', 'exec'])(
  'a write by way of %s is seen by every isolate once it is answered',
  async (way) => {
    for (const n of [60, 61]) {
      await ask('b', '/own/1');
      await put('a', `/${way}/1`, n);
      expect((await ask('b', '/own/1')).text).toBe(String(n));
    }
  },
);

test('a statement is counted once', async () => {
  const counted = async () => JSON.parse((await ask('a', '/stats')).text);
  await ask('a', '/own/999');
  const before = await counted();
  await ask('a', '/drizzle/998');
  await put('a', '/drizzle/998', 1);
  const { reads, writes, opaqueWrites } = await counted();
  expect([reads - before.reads, writes - before.writes, opaqueWrites - before.opaqueWrites]).toEqual([1, 1, 0]);
});

test('what no request of the gate sends leaves unstored what is being made meanwhile, if a tracker has its database', async () => {
  const meanwhile = async (path: string) => {
    const made = ask('a', `/own/3?slow&${path}`);
    await new Promise((done) => setTimeout(done, 200));
    expect((await ask('a', path)).status).toBe(200);
    return (await made).untracked;
  };
  expect(await meanwhile('/past-the-gate')).toBe('outside-request');
  expect(await meanwhile('/past-the-gate/other')).toBe('');
});

test('none of 600 answers is outdated, whichever way is read and written', async () => {
  const dice = new Dice(7);
  const place = () => dice.pick<Place>(['a', 'b']);
  const truth = new Map(JSON.parse((await ask('a', '/list/0')).text).map((n: number, at: number) => [at + 1, n]));
  const outdated: string[] = [];
  let hits = 0;
  for (let step = 0; step < 600; step++) {
    const id = dice.pick([1, 2, 3]);
    if (dice.chance(0.2)) {
      await put(place(), `/${dice.pick(['drizzle', 'returning', 'batch'])}/${id}`, step + 100);
      truth.set(id, step + 100);
      continue;
    }
    const way = dice.pick(KNOWN);
    const { text, isHit } = await ask(place(), `/${way}/${id}`);
    const expected = way === 'list' ? JSON.stringify([...truth.values()]) : String(truth.get(id));
    if (isHit) hits++;
    if (text !== expected && text !== `[{"n":${expected}}]`) outdated.push(`${step} ${way} ${text}, not ${expected}`);
  }
  expect(outdated).toEqual([]);
  expect(hits).toBeGreaterThan(100);
}, 60_000);
