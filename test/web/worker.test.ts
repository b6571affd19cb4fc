// The middleware in workerd, bundled as a Worker is. What differs from Node: no timer and no promise of one request may be
// relied on by another, and a request with nothing under way is ended.

import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

let script: string;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('worker-app.ts', import.meta.url)),
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  script = output[0].code;
}, 60_000);

test('the bundle asks for no module of Node', () => {
  expect(script).not.toMatch(/(?:from|import\(|require\()\s*["']node:/);
});

// Before that of October 2024 a promise that another request resolves goes on as a part of that.
describe.each(['2025-06-01', '2024-01-01'])('in workerd as of %s', { timeout: 30_000 }, (compatibilityDate) => {
  let worker: Miniflare;

  beforeAll(async () => {
    worker = new Miniflare({ modules: true, script, compatibilityDate });
    await worker.ready;
  }, 60_000);

  afterAll(() => worker?.dispose());

  async function ask(path: string, init: { readonly method?: string; readonly body?: string } = {}) {
    const response = await worker.dispatchFetch(`http://app.example${path}`, init);
    return {
      status: response.status,
      body: await response.text(),
      outcome: response.headers.get('cache-status') ?? '',
    };
  }

  test('the second request is a hit, until a write invalidates', async () => {
    expect(await ask('/api/hit')).toMatchObject({ status: 200, body: '1' });
    const second = await ask('/api/hit');
    expect(second).toMatchObject({ status: 200, body: '1' });
    expect(second.outcome).toContain('; hit');
    expect(await ask('/api/hit', { method: 'POST', body: 'content' })).toMatchObject({ body: 'content' });
    expect(await ask('/api/hit')).toMatchObject({ body: '2' });
  });

  test('requests at the same time share a fill, its head and its body', async () => {
    for (const [path, body] of [
      ['/api/slow', '1'],
      ['/api/slow-body', 'one two 1'],
    ] as const) {
      const answers = await Promise.all([ask(path), ask(path), ask(path)]);
      for (const answer of answers) expect(answer).toMatchObject({ status: 200, body });
      expect(answers.filter(({ outcome }) => outcome.includes('collapsed'))).toHaveLength(2);
      expect((await ask(path)).outcome).toContain('; hit');
    }
  });

  test('requests that have waited in vain for what is private are answered each by a call of its own', async () => {
    const answers = await Promise.all([ask('/api/private'), ask('/api/private'), ask('/api/private')]);
    expect(answers.map(({ body }) => body).sort()).toEqual(['1', '2', '3']);
  });

  test('a fill goes on for the others when the client leaves who began it', async () => {
    const aborter = new AbortController();
    const leaves = worker.dispatchFetch('http://app.example/api/slow?left', { signal: aborter.signal });
    leaves.catch(() => undefined);
    await expect.poll(async () => (await stats()).fillsInFlight, { interval: 5 }).toBe(1);
    const others = [ask('/api/slow?left'), ask('/api/slow?left')];
    aborter.abort();
    await expect(leaves).rejects.toThrow();
    const [one, other] = await Promise.all(others);
    expect(one).toMatchObject({ status: 200, body: other?.body });
  });

  const stats = async () => JSON.parse((await ask('/stats')).body) as { readonly fillsInFlight: number };

  test('the background fill goes on after the answer', async () => {
    expect((await ask('/api/swr')).body).toBe('1');
    expect((await ask('/api/swr')).body).toBe('1');
    await expect.poll(async () => (await ask('/api/swr')).body, { timeout: 5_000 }).toBe('2');
  });

  test('an error comes to the error handler of the application', async () => {
    expect(await ask('/api/fails')).toMatchObject({ status: 500, body: 'handled no database' });
  });
});
