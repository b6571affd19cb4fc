// Fields of a handler's response that do not come to the client, or do.

import { expect, test } from 'vitest';
import { get, simulated, text } from './kit.ts';

const FRESH = { 'cache-control': 'max-age=60' };

test('a response in a coding that fetch does not know stays coded, and says so', async () => {
  const { cache } = simulated();
  const fetched = text('coded', { ...FRESH, 'content-encoding': 'strange' });
  Object.defineProperty(fetched, 'url', { value: 'http://other.example/' });
  const response = await cache.wrap(() => fetched)(get('/a'));
  expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['strange', 'coded']);
});

test("what a response's Connection lists stays behind (RFC 9110 §7.6.1)", async () => {
  const { cache } = simulated();
  const serve = cache.wrap(() => text('a', { ...FRESH, connection: 'one, two', one: '1', two: '2', three: '3' }));
  for (const { headers } of [await serve(get('/a')), await serve(get('/a'))]) {
    expect(['one', 'two', 'three', 'connection'].map((name) => headers.get(name))).toEqual([null, null, '3', null]);
  }
});
