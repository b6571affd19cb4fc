import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminDeps, AdminRequest } from '../../src/admin/contract.ts';
import { TidegateError } from '../../src/errors.ts';
import { ENTRY, fakeGate, STATS } from './fake-gate.ts';

type Ask = Partial<AdminRequest> & { path: string };

const request = (ask: Ask): AdminRequest => ({ method: 'GET', query: '', fields: [], bodyText: '', ...ask });
const post = (path: string, body: unknown): Ask => ({ method: 'POST', path, bodyText: JSON.stringify(body) });

async function ask(asked: Ask, overrides: Partial<AdminDeps> = {}) {
  const fake = fakeGate(overrides);
  const answer = await createAdminApi(fake.deps)(request(asked));
  return { fake, answer, json: answer.contentType === 'application/json' ? JSON.parse(answer.body) : undefined };
}

const READS = ['/health', '/ready', '/stats', '/metrics', '/entries', '/explain', '/deps'];
const CHANGES = ['/invalidate', '/purge', '/clear'];

describe('reading', () => {
  test('health answers while alive, even when not ready', async () => {
    const { answer, json } = await ask({ path: '/health' }, { isReady: () => ({ ready: false, reason: 'starting' }) });
    expect([answer.status, json]).toEqual([200, { status: 'alive' }]);
  });

  test('health answers whatever the query of a probe', async () => {
    expect((await ask({ path: '/health', query: 't=1' })).answer.status).toBe(200);
  });

  test('ready says 200, or 503 and why not', async () => {
    expect((await ask({ path: '/ready' })).answer.status).toBe(200);
    const { answer, json } = await ask(
      { path: '/ready' },
      { isReady: () => ({ ready: false, reason: 'catching up' }) },
    );
    expect([answer.status, json]).toEqual([503, { ready: false, reason: 'catching up' }]);
  });

  test('stats are those of the gate', async () => {
    expect((await ask({ path: '/stats' })).json).toEqual(STATS);
  });

  test('metrics are text in the Prometheus format', async () => {
    const { answer } = await ask({ path: '/metrics' });
    expect(answer).toMatchObject({
      contentType: 'text/plain; version=0.0.4; charset=utf-8',
      body: 'tidegate_entries 18\n',
    });
  });

  test('HEAD is answered like GET', async () => {
    expect((await ask({ path: '/stats', method: 'HEAD' })).answer.status).toBe(200);
  });
});

describe('entries', () => {
  test('are listed by the page, without the cookies in their keys', async () => {
    const { json, fake } = await ask({ path: '/entries' });
    expect(fake.lists).toEqual([{}]);
    expect(json.entries[0]).toEqual({
      ...ENTRY,
      key: '- demo GET http://example.org/users\naccept: */*\ncookie:(redacted)',
    });
    expect(json.next).toBe(ENTRY.key);
  });

  test('are chosen by prefix, tag, key and limit', async () => {
    const query = new URLSearchParams({ prefix: 'http://Example.org/u', tag: 'a b', after: 'k\nx:y', limit: '1000' });
    const { fake } = await ask({ path: '/entries', query: String(query) });
    expect(fake.lists).toEqual([{ prefix: 'http://example.org/u', tag: 'a b', after: 'k\nx:y', limit: 1000 }]);
  });

  test.each(['limit=0', 'limit=1001', 'limit=1e2', 'limit=', 'limit=-1', 'prefix=/users', 'tag='])(
    '%s is refused',
    async (query) => {
      const { answer, json } = await ask({ path: '/entries', query });
      expect([answer.status, json.error.code]).toEqual([400, 'E_SELECTOR']);
      expect(json.error.message).toMatch(/^expected .*, got /);
    },
  );
});

describe('explain', () => {
  test('asks the gate about the request as the front would make it', async () => {
    const query = 'url=HTTP://Example.org/users?utm=1%23x&header=Accept:%20text/html&header=X-A:b:c';
    const { fake, answer } = await ask({ path: '/explain', query });
    expect(answer.status).toBe(200);
    expect(fake.explained).toEqual([
      { method: 'GET', uri: 'http://example.org/users', fields: ['accept', 'text/html', 'x-a', 'b:c'] },
    ]);
  });

  test('shows no value of a field that authenticates', async () => {
    const { answer } = await ask({ path: '/explain', query: 'url=http://example.org/users' });
    expect(answer.body).not.toContain('CANARY');
    expect(answer.body).toContain('(redacted)');
  });

  test('takes a method', async () => {
    const { fake } = await ask({ path: '/explain', query: 'url=http://example.org/users&method=POST' });
    expect(fake.explained[0]?.method).toBe('POST');
  });

  test('of a URL without a route is 404', async () => {
    const { answer, json } = await ask({ path: '/explain', query: 'url=http://other.test/' });
    expect(answer.status).toBe(404);
    expect(json.error.message).toBe('expected a URL that a route takes, got http://other.test/');
  });

  test.each([
    ['', 'expected the query key url, got nothing'],
    ['url=/users', 'expected an absolute http or https URL'],
    ['url=http://example.org/&header=nocolon', 'expected a header as "Name: value", got "nocolon"'],
    ['url=http://example.org/&header=:v', 'expected a header as "Name: value"'],
    ['url=http://example.org/&header=a:b%0D%0Ac', 'expected a header as "Name: value"'],
    ['url=http://example.org/&header=Host:other.test', 'expected no header Host'],
  ])('%s is refused', async (query, message) => {
    const { answer, json } = await ask({ path: '/explain', query });
    expect([answer.status, json.error.code]).toEqual([400, 'E_SELECTOR']);
    expect(json.error.message).toContain(message);
  });

  test('an error does not repeat the value of a header', async () => {
    const { answer } = await ask({ path: '/explain', query: 'url=http://example.org/&header=Cookie:CANARY%00' });
    expect(answer.status).toBe(400);
    expect(answer.body).not.toContain('CANARY');
  });
});

describe.each(['invalidate', 'purge'])('%s', (name) => {
  test.each([
    [{ url: 'http://other.test/x' }, 'expected a URL that a route takes, got "http://other.test/x"'],
    [{ origin: 'nope' }, 'expected one of api, app, demo as origin, got "nope"'],
    [
      { prefix: 'http://example.org/users?utm=1' },
      'expected a query as its route keeps it, http://example.org/users, got "http://example.org/users?utm=1"',
    ],
  ])('%j, which nothing here could match, is refused', async (body, message) => {
    const { answer, json, fake } = await ask(post(`/${name}`, body));
    expect([answer.status, json.error.code, json.error.message]).toEqual([400, 'E_SELECTOR', message]);
    expect(fake.changes).toEqual([]);
  });

  test.each([
    [{ url: 'HTTP://Example.org:80/users#a' }, { kind: 'url', uri: 'http://example.org/users' }],
    [{ url: 'http://example.org/users?utm=1' }, { kind: 'url', uri: 'http://example.org/users' }],
    [{ tag: 'a' }, { kind: 'tag', tag: 'a' }],
    [{ prefix: 'http://example.org/users?' }, { kind: 'prefix', prefix: 'http://example.org/users?' }],
    [{ prefix: 'http://example.org/a' }, { kind: 'prefix', prefix: 'http://example.org/a' }],
    [{ pattern: '*/a' }, { kind: 'pattern', pattern: '*/a' }],
    [{ origin: 'demo' }, { kind: 'origin', origin: 'demo' }],
    [{ all: true }, { kind: 'all' }],
  ])('%j', async (body, selector) => {
    const { fake, json } = await ask(post(`/${name}`, body));
    expect(fake.changes).toEqual([[name, selector]]);
    expect(json).toEqual({ position: 1, matched: 2 });
  });

  test('several tags: a result for each and the total', async () => {
    const { json } = await ask(post(`/${name}`, { tags: ['a', 'b'] }));
    expect(json).toEqual({
      position: 2,
      matched: 4,
      results: [
        { tag: 'a', position: 1, matched: 2 },
        { tag: 'b', position: 2, matched: 2 },
      ],
    });
  });

  test.each([
    ['', 'expected a selector as JSON, got no content'],
    ['{', 'expected a selector as JSON, got '],
    ['{}', 'expected at least one of url, urls, tag, tags, prefix, pattern, all, origin, got nothing'],
    ['{"tag":"a","all":true}', 'expected exactly one of'],
    ['{"tags":["a",""]}', 'expected text as "tags"'],
    [JSON.stringify({ tags: Array(1001).fill('a') }), 'expected at most 1000 in one call, got 1001'],
  ])('%s is refused and changes nothing', async (bodyText, message) => {
    const { fake, answer, json } = await ask({ method: 'POST', path: `/${name}`, bodyText });
    expect([answer.status, json.error.code]).toEqual([400, 'E_SELECTOR']);
    expect(json.error.message).toContain(message);
    expect(fake.changes).toEqual([]);
  });
});

describe('clear', () => {
  test.each(['', ' ', '{}'])('purges all, given %j', async (bodyText) => {
    const { fake, json } = await ask({ method: 'POST', path: '/clear', bodyText });
    expect(fake.changes).toEqual([['purge', { kind: 'all' }]]);
    expect(json).toEqual({ position: 1, matched: 2 });
  });

  test('refuses a selector, which was meant for purge', async () => {
    const { fake, answer } = await ask(post('/clear', { tag: 'a' }));
    expect(answer.status).toBe(400);
    expect(fake.changes).toEqual([]);
  });
});

describe('what is not there', () => {
  test.each(['/', '/nothing', '/stats/', '/STATS', '/entries/../stats', '//stats'])(
    '%s is 404 with a list',
    async (path) => {
      const { answer, json } = await ask({ path });
      expect(answer.status).toBe(404);
      expect(json.routes).toEqual([
        ...READS.map((read) => `GET ${read}`),
        ...CHANGES.map((change) => `POST ${change}`),
        'GET /v1/stats',
        'GET /v1/stats/history',
        'GET /v1/cluster',
        'GET /populate',
        'POST /populate',
        'POST /populate/cancel',
        'GET /tiers',
        'GET /tiers/check',
        'POST /tiers/clear',
        'GET /tail',
        'GET /sources',
        'POST /sources',
        'GET /invalidations',
        'POST /preview',
        'GET /prober',
        'POST /prove',
      ]);
    },
  );

  test.each([...READS.map((path) => ['POST', path, 'GET, HEAD']), ...CHANGES.map((path) => ['GET', path, 'POST'])])(
    '%s %s is 405 with Allow: %s',
    async (method, path, allow) => {
      const { fake, answer } = await ask({ method: method as string, path: path as string });
      expect([answer.status, answer.fields]).toEqual([405, ['allow', allow]]);
      expect(fake.changes).toEqual([]);
    },
  );

  test.each([...READS.slice(1).map((path) => ['GET', path]), ...CHANGES.map((path) => ['POST', path])])(
    '%s %s refuses an unknown query key',
    async (method, path) => {
      const { fake, answer, json } = await ask({ method: method as string, path: path as string, query: 'lmit=5' });
      expect(answer.status).toBe(400);
      expect(json.error.message).toMatch(/^expected .* got "lmit"$/);
      expect(fake.changes).toEqual([]);
    },
  );

  test('a path of two methods names both', async () => {
    const { answer } = await ask({ path: '/populate', method: 'PUT' });
    expect([answer.status, answer.fields]).toEqual([405, ['allow', 'GET, HEAD, POST']]);
  });

  test('a query key is refused the second time', async () => {
    const { json } = await ask({ path: '/entries', query: 'tag=a&tag=b' });
    expect(json.error.message).toBe('expected one tag, got 2');
  });
});

describe('what fails', () => {
  const failing = (error: unknown): Partial<AdminDeps> => {
    const { gate } = fakeGate().deps;
    return { gate: { ...gate, purge: () => Promise.reject(error) } };
  };

  test('is 500 with the reason', async () => {
    const { answer, json } = await ask(post('/purge', { tags: ['a', 'b'] }), failing(new Error('disk full')));
    expect([answer.status, json.error]).toEqual([500, { code: 'E_ADMIN', message: 'disk full' }]);
  });

  test('keeps its code', async () => {
    const error = new TidegateError('E_ORIGIN_OPEN', 'open');
    expect((await ask(post('/clear', {}), failing(error))).json.error.code).toBe('E_ORIGIN_OPEN');
  });
});
