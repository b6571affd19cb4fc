import { describe, expect, test } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminRequest, PopulateApi, PopulateStart } from '../../src/admin/contract.ts';
import { fakeGate, JOB } from './fake-gate.ts';

async function ask(asked: Partial<AdminRequest> & { path: string }, overrides: Partial<PopulateApi> = {}) {
  const begun: PopulateStart[] = [];
  const given: unknown[] = [];
  const { deps } = fakeGate();
  const populate: PopulateApi = {
    ...deps.populate,
    begin: (start) => {
      begun.push(start);
      return JOB;
    },
    give: (...args) => void given.push(args),
    ...overrides,
  };
  const api = createAdminApi({ ...deps, populate });
  const answer = await api({ method: 'GET', query: '', fields: [], bodyText: '', ...asked });
  return { answer, begun, given, json: answer.body === '' ? undefined : JSON.parse(answer.body) };
}

const post = (body: unknown, path = '/populate') => ({ path, method: 'POST', bodyText: JSON.stringify(body) });

describe('POST /populate', () => {
  test('begins with URLs, counting what is none', async () => {
    const urls = ['HTTP://Example.org/a#x', { url: 'http://example.org/b', fields: { Accept: 'x' }, hits: 5 }, '/c', 7];
    const { answer, json, begun } = await ask(post({ urls, cause: 'publish', concurrency: 2, ratePerSecond: 9 }));
    expect([answer.status, json]).toEqual([202, JOB]);
    expect(begun).toEqual([
      {
        ...{ cause: 'publish', concurrency: 2, ratePerSecond: 9, more: false },
        refused: ['/c', '7'].map((url) => ({ url, reason: 'not-a-url' })),
        items: [{ uri: 'http://example.org/a' }, { uri: 'http://example.org/b', fields: ['accept', 'x'], hits: 5 }],
      },
    ]);
  });

  test.each([
    [{ sitemap: 'http://Example.org/s.xml' }, { kind: 'sitemap', url: 'http://example.org/s.xml', fields: [] }],
    [{ manifest: true }, { kind: 'stored', name: 'manifest', selectors: [{ kind: 'all' }] }],
    [{ tag: 'a' }, { kind: 'stored', selectors: [{ kind: 'tag', tag: 'a' }] }],
    [{ prefix: 'http://a/' }, { kind: 'stored', selectors: [{ kind: 'prefix', prefix: 'http://a/' }] }],
  ])('begins with %j', async (body, source) => {
    const { begun } = await ask(post(body));
    expect(begun).toMatchObject([{ cause: 'operator', source }]);
  });

  test('gives a job more', async () => {
    const { given, answer } = await ask(post({ job: JOB.id, urls: ['http://a/'], more: true }));
    expect(answer.status).toBe(202);
    expect(given).toEqual([[JOB.id, { items: [{ uri: 'http://a/' }], refused: [], more: true }]]);
    expect((await ask(post({ job: 'none', urls: [] }))).answer.status).toBe(404);
  });

  test.each([
    [{}, 'expected exactly one of urls, sitemap'],
    [{ urls: [], sitemap: 'http://a/' }, 'got "urls and sitemap"'],
    [{ urls: 'http://a/' }, 'expected a list as "urls"'],
    [{ sitemap: '/sitemap.xml' }, 'expected an absolute http or https URL'],
    [{ manifest: 'yes' }, 'expected {"manifest": true}'],
    [{ urls: [], cause: 'whim' }, 'expected one of operator, publish, missing as cause'],
    [{ urls: [], concurrency: 0 }, 'expected an integer, 1 or more, as "concurrency", got 0'],
    [{ urls: [], speed: 1 }, 'expected only the keys'],
    [{ urls: [], fields: { host: 'x' } }, 'expected fields that a client can send, got "host"'],
    [{ manifest: true, fields: { accept: 'x' } }, 'expected fields beside urls or sitemap only'],
    ['x', 'expected an object'],
  ])('%j is refused', async (body, message) => {
    const { answer, json, begun } = await ask(post(body));
    expect([answer.status, json.error.code, begun]).toEqual([400, 'E_SELECTOR', []]);
    expect(json.error.message).toContain(message);
  });
});

describe('GET /populate', () => {
  test('shows all, or one', async () => {
    expect((await ask({ path: '/populate' })).json.jobs).toEqual([JOB]);
    expect((await ask({ path: '/populate', query: `job=${JOB.id}` })).json).toEqual(JOB);
    expect((await ask({ path: '/populate', query: 'job=none' })).answer.status).toBe(404);
    expect((await ask({ path: '/populate', query: 'follow' })).answer.status).toBe(400);
  });

  test('follows one until it is over, or the client has left', async () => {
    let stopped = 0;
    const follow: PopulateApi['follow'] = (_id, listener) => {
      listener(JOB);
      listener({ ...JOB, state: 'done' });
      return () => void stopped++;
    };
    const { answer } = await ask({ path: '/populate', query: `job=${JOB.id}&follow` }, { follow });
    const lines: string[] = [];
    let ended = 0;
    const left = answer.stream?.(
      (text) => void lines.push(text),
      () => void ended++,
      () => 0,
    );
    expect(lines.map((line) => JSON.parse(line).state)).toEqual(['running', 'done']);
    expect([answer.contentType, ended, lines[0]?.endsWith('\n')]).toEqual(['application/x-ndjson', 1, true]);
    left?.();
    expect(stopped).toBe(1);
  });
});

test('POST /populate/cancel cancels, and knows its jobs', async () => {
  const cancelled: string[] = [];
  const cancel = (id: string) => cancelled.push(id) > 0;
  const { json } = await ask(post({ job: JOB.id }, '/populate/cancel'), { cancel });
  expect([json.cancelled, cancelled]).toEqual([true, [JOB.id]]);
  expect((await ask(post({ job: 'none' }, '/populate/cancel'), { cancel })).answer.status).toBe(404);
  expect((await ask(post({}, '/populate/cancel'), { cancel })).answer.status).toBe(400);
});
