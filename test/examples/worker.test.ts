// The example of a Worker in workerd, bundled with the sources in place of the package.

import { join } from 'node:path';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from './kit.ts';

test('worker.ts runs in workerd without Node, as it does where it asks itself', { timeout: 60_000 }, async () => {
  const bundle = await rolldown({
    input: join(ROOT, 'examples', 'worker.ts'),
    resolve: { alias: { 'tidegate/fetch': join(ROOT, 'src', 'web', 'fetch.ts') } },
    platform: 'browser',
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const script = output[0].code;
  expect(script).not.toMatch(/(?:from|import\(|require\()\s*["'](?:node:|tidegate)/);
  const worker = new Miniflare({ modules: true, script, compatibilityDate: '2025-06-01', kvNamespaces: ['PRICES'] });
  onTestFinished(() => worker.dispose());
  const ask = async (init?: { readonly method: string; readonly body: string }) => {
    const response = await worker.dispatchFetch('https://shop.example/lamp', init);
    return [await response.text(), response.headers.get('cache-status')];
  };
  await ask({ method: 'PUT', body: '40' });
  expect(await ask()).toEqual(['40', expect.stringMatching(/; stored/)]);
  expect(await ask()).toEqual(['40', expect.stringContaining('; hit')]);
  await ask({ method: 'PUT', body: '45' });
  expect(await ask()).toEqual(['45', expect.stringContaining('detail=outdated')]);
});
