// The facts about stores of bytes, in workerd, on KV and on the Cache API.

import { fileURLToPath } from 'node:url';
import { Miniflare } from 'miniflare';
import { rolldown } from 'rolldown';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byteStoreContract } from '../../src/testing/index.ts';

const ALL: string[] = [];
byteStoreContract({ test: (name) => ALL.push(name), makeStore: () => expect.unreachable() });
/** Thousands of calls take half a minute there; test/contract/kv.test.ts has that fact on a namespace in memory. */
const FACTS = ALL.filter((name) => !name.endsWith('removes many at once'));

let worker: Miniflare;

beforeAll(async () => {
  const bundle = await rolldown({
    input: fileURLToPath(new URL('stores-app.ts', import.meta.url)),
    platform: 'browser',
    external: /^node:/,
    logLevel: 'silent',
  });
  const { output } = await bundle.generate({ format: 'esm' });
  const script = output[0].code;
  const asOf = { compatibilityDate: '2026-07-01', compatibilityFlags: ['nodejs_compat'] };
  worker = new Miniflare({ modules: true, script, ...asOf, kvNamespaces: ['KV'] });
  await worker.ready;
}, 60_000);

afterAll(() => worker?.dispose());

describe.each(['/kv', '/cache'])('%s', { timeout: 60_000 }, (path) => {
  test.each(FACTS)('%s', async (fact) => {
    const response = await worker.dispatchFetch(`http://app.example${path}?${new URLSearchParams({ fact })}`);
    const { failure, facts } = (await response.json()) as { readonly failure?: string; readonly facts: string[] };
    expect(failure).toBe(undefined);
    expect(facts).toContain(fact);
  });
});
