// The lifetime that a tenant gives what was read from a tracked source: for whoever comes without credentials.

import { expect, test } from 'vitest';
import type { Fields } from '../../src/semantics/fields.ts';
import { Client } from '../kit/clients.ts';
import { gateBench } from '../kit/gate-bench.ts';

function tracked(policy: Parameters<typeof gateBench>[0] = {}) {
  const bench = gateBench(policy);
  const { gate, origin } = bench;
  const route = { ...bench.route, trackedTtlMs: 3_600_000 };
  let token: string | undefined;
  let sequence = 0;
  const report = async (tags: readonly string[] = []) => {
    const told = { source: 'shop', session: 's1', sequence: ++sequence, leaseMs: 2_000, tags };
    ({ token } = await gate.reportSource({ ...told, ...(token !== undefined && { token }) }));
  };
  const get = (path: string, fields: Fields = []) => Client.ask(gate, route, { path, fields });
  const fill = (path: string, fields: Fields, asked: Fields = []) => {
    const client = get(path, asked);
    origin.last.answer(200, fields, 'one');
    return client;
  };
  return { ...bench, route, report, get, fill, live: () => report().then(() => report()) };
}

const TRACKED: Fields = ['cache-tag', 'q1, tg-source:shop'];
const COOKIE: Fields = ['cookie', 'sid=1'];
const TOKEN: Fields = ['authorization', 'Bearer x'];

test('it stands where the answer states none and carries the tag of a source, and ends with a change as any', async () => {
  const { get, fill, live, report, time } = tracked();
  await live();
  fill('/plain', []);
  fill('/stated', ['cache-control', 'max-age=1', ...TRACKED]);
  fill('/a', TRACKED);
  expect(get('/plain').state).toBe('waiting');
  for (let times = 0; times < 3_600; times++) {
    time.advance(500);
    await report();
  }
  expect(get('/stated').state).toBe('waiting');
  expect(get('/a').text).toBe('one');
  await report(['q1']);
  expect(get('/a').state).toBe('waiting');
});

test.each([COOKIE, TOKEN])(
  'a request with %s %s passes by it, and changes nothing for the others',
  async (...asked) => {
    const { gate, route, origin, get, fill, live } = tracked();
    await live();
    fill('/a', TRACKED);
    const known = get('/a', asked);
    expect(known.state).toBe('waiting');
    origin.last.answer(200, [...TRACKED, 'etag', '"mine"'], 'mine');
    expect(known.text).toBe('mine');
    expect(known.field('cache-status')).toContain('detail=credentials');
    expect(get('/a').text).toBe('one');
    const uri = 'http://example.org/a';
    const explained = await gate.explain({ route, method: 'GET', uri, fields: asked, bypass: false });
    expect(explained).toMatchObject({
      verdict: 'forward',
      reason: expect.stringContaining('Authorization or a cookie'),
    });
  },
);

test.each([COOKIE, TOKEN])('an answer to a request with %s %s gets none', async (...asked) => {
  const { get, fill, live } = tracked();
  await live();
  expect(fill('/a', [...TRACKED, 'etag', '"mine"'], asked).text).toBe('one');
  expect(get('/a').state).toBe('waiting');
});

test('who has credentials does not wait for the answer of who has none', async () => {
  const { get, origin, live } = tracked();
  await live();
  const anonymous = get('/a');
  const first = origin.last;
  const known = get('/a', COOKIE);
  first.answer(200, TRACKED, 'one');
  expect(anonymous.text).toBe('one');
  expect(known.state).toBe('waiting');
  origin.last.answer(200, TRACKED, 'mine');
  expect(known.text).toBe('mine');
  expect(get('/a').text).toBe('one');
});

test('what the answer states is for all, by RFC 9111', async () => {
  const { get, fill, live } = tracked();
  await live();
  fill('/stated', ['cache-control', 'max-age=60', ...TRACKED]);
  expect(get('/stated', COOKIE).text).toBe('one');
});
