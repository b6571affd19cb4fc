// Drizzle over D1 in workerd, bundled as a Worker is. PostgreSQL's parser is WebAssembly, which workerd does not load from
// bytes: there nothing is cached.

import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, expect, test } from 'vitest';

let worker: Miniflare;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('drizzle-app.ts', import.meta.url)),
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const modules = output.flatMap((chunk) =>
    chunk.type === 'chunk' ? [{ type: 'ESModule' as const, path: chunk.fileName, contents: chunk.code }] : [],
  );
  worker = new Miniflare({ modules, compatibilityDate: '2025-06-01', d1Databases: ['DB'] });
  await worker.ready;
}, 60_000);

afterAll(() => worker?.dispose());

async function ask(path: string) {
  const response = await worker.dispatchFetch(`http://app.example${path}`);
  const text = await response.text();
  if (response.status !== 200) throw new Error(`${response.status} ${text}`);
  return JSON.parse(text).value;
}

test('reads of D1 are cached until a write', async () => {
  expect(await ask('/made')).toEqual([{ id: 1, name: 'Ada' }]);
  expect(await ask('/read')).toEqual([{ id: 1, name: 'Ada' }]);
  expect(await ask('/read')).toEqual([{ id: 1, name: 'Ada' }]);
  expect(await ask('/drop-in')).toEqual([{ id: 1, name: 'Ada' }]);
  await ask('/write');
  expect(await ask('/read')).toEqual([{ id: 1, name: 'Grace' }]);
  expect(await ask('/stats')).toMatchObject({ hits: 1, misses: 2, writes: 2, opaqueWrites: 0, faults: 0 });
}, 30_000);

test('of PostgreSQL nothing is cached, and it is told why', async () => {
  expect(await ask('/postgres')).toEqual([[{ id: 1 }], [{ id: 1 }]]);
  const { stats, faults } = await ask('/told');
  expect(stats).toMatchObject({ hits: 0, faults: 1 });
  expect(faults).toHaveLength(1);
}, 30_000);
