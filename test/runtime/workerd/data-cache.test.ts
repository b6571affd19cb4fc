// The data cache in workerd, as a Worker uses it. What differs from Node: a request that is over takes with it the fills it
// began, and nobody is told.

import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let script: string;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('data-app.ts', import.meta.url)),
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  script = output[0].code;
}, 60_000);

describe.each(['2025-06-01', '2024-01-01'])('in workerd as of %s', { timeout: 30_000 }, (compatibilityDate) => {
  let worker: Miniflare;

  beforeAll(async () => {
    worker = new Miniflare({ modules: true, script, compatibilityDate });
    await worker.ready;
  }, 60_000);

  afterAll(() => worker?.dispose());

  async function ask(path: string) {
    const response = await worker.dispatchFetch(`http://app.example${path}`);
    const text = await response.text();
    if (response.status !== 200) throw new Error(`${response.status} ${text}`);
    return JSON.parse(text).value;
  }

  test('a second request is a hit, until an invalidation', async () => {
    expect(await ask('/value?name=a')).toBe('1');
    expect(await ask('/value?name=a')).toBe('1');
    await ask('/invalidate');
    expect(await ask('/value?name=a')).toBe('2');
  });

  test('requests at the same time share a fill', async () => {
    expect(await Promise.all([ask('/value?name=b'), ask('/value?name=b'), ask('/value?name=b')])).toEqual([
      '1',
      '1',
      '1',
    ]);
  });

  test('a fill that takes seconds is waited for', async () => {
    expect(await Promise.all([ask('/slow?name=c'), ask('/slow?name=c')])).toEqual(['1', '1']);
  });

  test('a fill that ends with its request keeps nobody waiting: another is run, and shared', async () => {
    await ask('/leave?name=d');
    expect(await Promise.all([ask('/value?name=d'), ask('/value?name=d'), ask('/value?name=d')])).toEqual([
      '2',
      '2',
      '2',
    ]);
    expect(await ask('/value?name=d')).toBe('2');
    expect((await ask('/stats')).fillsInFlight).toBe(0);
  });

  test('a value is filled again in the background, though such fills end with their requests', async () => {
    expect(await ask('/early?name=e')).toBe('1');
    // Its fill is not waited for, and ends; nobody hears of that.
    expect(await ask('/early?name=e')).toBe('1');
    await new Promise((done) => setTimeout(done, 700));
    await ask('/early?name=e');
    expect((await ask('/stats')).fillFailures).toBeGreaterThan(0);
    await ask('/invalidate');
    expect(await ask('/value?name=e')).not.toBe('1');
  });

  test('what is asked after an invalidation does not get what was read before it', async () => {
    const before = ask('/slow?name=f');
    await expect.poll(async () => (await ask('/stats')).fillsInFlight, { interval: 5 }).toBeGreaterThan(0);
    await ask('/invalidate');
    expect(await Promise.all([ask('/value?name=f'), before])).toEqual(['2', '1']);
    expect(await ask('/value?name=f')).toBe('2');
  });
});
