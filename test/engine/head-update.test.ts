// What a HEAD says of a stored response, where a tier takes time to give that response.

import { expect, it } from 'vitest';
import type { Entry } from '../../src/entry/stored-response.ts';
import type { Store } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import { gateBench } from '../kit/gate-bench.ts';

it('a HEAD whose entry is looked up slowly does not bring back what a later GET has replaced', async () => {
  const inner = createMemoryStore({ maxBytes: 2 ** 20 });
  const gets: (() => void)[] = [];
  let isSlow = false;
  const slow: Store = {
    get: (key) => {
      const found = inner.get(key) as Entry | undefined;
      return new Promise((resolve) => {
        if (isSlow) gets.push(() => resolve(found));
        else resolve(found);
      });
    },
    put: (entry) => inner.put(entry),
    delete: (keys) => inner.delete(keys),
    find: (selector) => inner.find(selector),
  };
  const { ask, origin } = gateBench({}, { stores: [slow] });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  const FRESH = ['cache-control', 'max-age=3600'];
  const first = ask({ path: '/a' });
  await turn();
  origin.last.answer(200, [...FRESH, 'last-modified', 'Mon, 01 Jan 2024 00:00:00 GMT'], 'old');
  await turn();
  const head = ask({ method: 'HEAD', path: '/a', fields: ['cache-control', 'no-cache'] });
  await turn();
  const ofHead = origin.last;
  expect(ofHead.request.method).toBe('HEAD');
  const reload = ask({ path: '/a', fields: ['cache-control', 'no-cache'] });
  await turn();
  const ofGet = origin.last;
  expect(ofGet.request.method).toBe('GET');
  isSlow = true;
  ofHead.head(200, [...FRESH, 'last-modified', 'Mon, 01 Jan 2024 00:00:00 GMT', 'content-length', '3']).end();
  await turn();
  ofGet.answer(200, [...FRESH, 'last-modified', 'Tue, 02 Jan 2024 00:00:00 GMT'], 'new');
  await turn();
  isSlow = false;
  for (const go of gets) go();
  await turn();
  const after = ask({ path: '/a' });
  await turn();
  expect([first.text, head.status, reload.text, after.text]).toEqual(['old', 200, 'new', 'new']);
});
