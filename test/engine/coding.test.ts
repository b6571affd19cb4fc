import { describe, expect, it, test } from 'vitest';
import { SharedBudget } from '../../src/memory/budget.ts';
import { Client } from '../kit/clients.ts';
import { codedText, codingBench, TEXT } from '../kit/coding-bench.ts';
import { FRESH, gateBench } from '../kit/gate-bench.ts';
import { MapStore } from '../kit/map-store.ts';
import { turns } from '../kit/slow-log.ts';

const BODY = 'The tide goes out, and the tide comes in again. '.repeat(10);
const BR = ['accept-encoding', 'gzip;q=0.5, br'];
const URL_OF = (path: string) => ({ kind: 'url', uri: `http://example.org${path}` }) as const;

describe('a coded answer', () => {
  it('is made at the first hit that wants it, and served from the next one on', async () => {
    const { get, fill, jobs, origin, gate } = codingBench();
    expect(fill('/a', BODY, ['etag', '"1"']).field('content-encoding')).toBeUndefined();
    expect(jobs).toHaveLength(0);
    const first = get('/a', BR);
    expect([first.text === BODY, first.field('content-encoding'), first.field('etag')]).toEqual([
      true,
      undefined,
      '"1"',
    ]);
    get('/a', BR);
    await turns();
    expect(jobs.map(({ coding, body }) => [coding, body === BODY])).toEqual([['br', true]]);
    await jobs[0]!.done();
    const coded = get('/a', BR);
    expect(coded.text).toBe(codedText('br', BODY));
    expect(coded.field('content-encoding')).toBe('br');
    expect(coded.field('content-length')).toBe(String(codedText('br', BODY).length));
    expect([coded.field('etag'), coded.field('vary')]).toEqual(['"1~br"', 'Accept-Encoding']);
    expect(coded.cacheStatus).toContain('hit');
    expect(get('/a').text === BODY).toBe(true);
    expect(get('/a', ['accept-encoding', 'zstd;q=0, gzip;q=0, *;q=0']).text === BODY).toBe(true);
    expect(origin.count).toBe(1);
    const saved = BODY.length - codedText('br', BODY).length;
    expect(gate.stats().coding).toEqual({ made: 1, bytesSaved: saved, skipped: {} });
  });

  it.each(['done', 'fail'] as const)('counts its body in memory until it is made: %s', async (end) => {
    const budget = new SharedBudget(64 * 2 ** 20);
    const { get, fill, jobs } = codingBench({ budget });
    fill('/a', BODY);
    get('/a', BR);
    await turns();
    expect(budget.stats().bytes.codings).toBe(BODY.length);
    await jobs[0]![end]();
    expect(budget.stats().bytes.codings).toBe(0);
  });

  it('is given at once to a front that asks for hits only', async () => {
    const { gate, route, fill, coded } = codingBench();
    fill('/a', BODY);
    await coded('/a', 'br');
    const request = { route, method: 'GET', uri: 'http://example.org/a', target: '/a', body: undefined, bypass: false };
    const answer = await gate.answerAtOnce({ ...request, fields: BR });
    expect(answer?.kind === 'stored' && answer.entry.key).toBe('- api GET http://example.org/a\n;br');
  });

  it('has an entry for each coding, and each client gets the best it takes', async () => {
    const { get, fill, coded } = codingBench();
    fill('/a', BODY);
    for (const coding of ['br', 'gzip', 'zstd']) await coded('/a', coding);
    const got = ['gzip', 'br, gzip', 'gzip, br, zstd', 'gzip;q=0.9, zstd;q=0.1'].map((value) =>
      get('/a', ['accept-encoding', value]).field('content-encoding'),
    );
    expect(got).toEqual(['gzip', 'br', 'zstd', 'gzip']);
  });

  it('answers HEAD as it answers GET', async () => {
    const { ask, fill, coded } = codingBench();
    fill('/a', BODY);
    await coded('/a', 'br');
    const head = ask({ method: 'HEAD', path: '/a', fields: BR });
    expect([head.status, head.text, head.field('content-encoding')]).toEqual([200, '', 'br']);
    expect(head.field('content-length')).toBe(String(codedText('br', BODY).length));
  });

  it('stands under each variant of its own', async () => {
    const { ask, get, origin, jobs } = codingBench();
    for (const language of ['de', 'en']) {
      get('/a', ['accept-language', language]);
      origin.last.answer(200, [...TEXT, 'vary', 'accept-language, accept-encoding'], `${language} ${BODY}`);
    }
    get('/a', ['accept-language', 'de', ...BR]);
    await turns();
    await jobs[0]!.done();
    expect(get('/a', ['accept-language', 'de', ...BR]).text).toBe(codedText('br', `de ${BODY}`));
    expect(get('/a', ['accept-language', 'en', ...BR]).text).toBe(`en ${BODY}`);
    const head = ask({ method: 'HEAD', path: '/a', fields: ['accept-language', 'de', ...BR] });
    expect(head.field('vary')).toBe('accept-language, accept-encoding');
    expect(origin.count).toBe(2);
  });

  it('follows a client that wants nothing transformed (RFC 9111 §5.2.1.6)', async () => {
    const { get, fill, coded } = codingBench();
    fill('/a', BODY);
    await coded('/a', 'br');
    expect(get('/a', [...BR, 'cache-control', 'no-transform']).field('content-encoding')).toBeUndefined();
  });
});

describe('what is not coded', () => {
  test.each<[string, readonly string[], string]>([
    ['no-transform', ['content-type', 'text/plain', 'cache-control', 'max-age=60, no-transform'], BODY],
    ['encoded', [...TEXT, 'content-encoding', 'br'], BODY],
    ['type', ['content-type', 'image/png', ...FRESH], BODY],
    ['small', TEXT, 'short'],
  ])('%s', async (reason, fields, body) => {
    const { get, origin, jobs, gate } = codingBench();
    get('/a');
    origin.last.answer(200, fields, body);
    const [first, second] = [get('/a', BR), get('/a', BR)];
    await turns();
    expect(jobs).toEqual([]);
    expect([first.text, second.text]).toEqual([body, body]);
    expect(first.field('content-encoding')).toBe(reason === 'encoded' ? 'br' : undefined);
    expect(gate.stats().coding.skipped).toEqual({ [reason]: 1 });
  });

  it('does not become smaller: that is found out once', async () => {
    const { get, fill, jobs, gate } = codingBench();
    fill('/a', BODY);
    get('/a', BR);
    await turns();
    await jobs[0]!.done(BODY.slice(0, Math.ceil(BODY.length * 0.96)));
    expect(get('/a', BR).text === BODY).toBe(true);
    expect(get('/a', ['accept-encoding', 'gzip']).text === BODY).toBe(true);
    await turns();
    expect(jobs).toEqual([]);
    expect(gate.stats().coding).toEqual({ made: 0, bytesSaved: 0, skipped: { 'not-smaller': 1 } });
  });

  it('could not be coded: its clients never notice, the operator does', async () => {
    const faults: unknown[] = [];
    const { get, fill, jobs, gate } = codingBench({ fault: (error) => faults.push(error) });
    fill('/a', BODY);
    get('/a', BR);
    await turns();
    await jobs[0]!.fail();
    expect(get('/a', BR).text === BODY).toBe(true);
    await turns();
    expect([jobs.length, faults.length, gate.stats().coding.skipped]).toEqual([0, 1, { failed: 1 }]);
  });

  it('is too much at once: two at a time, the others wait, and a later hit asks again for what is left', async () => {
    const { get, fill, jobs, gate } = codingBench();
    for (let n = 0; n < 300; n++) fill(`/${n}`, BODY);
    for (let n = 0; n < 300; n++) get(`/${n}`, BR);
    await turns();
    expect(jobs).toHaveLength(2);
    expect(gate.stats().coding.skipped).toEqual({ busy: 300 - 2 - 256 });
    while (jobs.length > 0) await jobs[0]!.done();
    expect(gate.stats().coding.made).toBe(258);
    expect(get('/257', BR).field('content-encoding')).toBe('br');
    get('/299', BR);
    await turns();
    expect(jobs).toHaveLength(1);
  });

  it('may wait however large it is, since what waits holds no body', async () => {
    const { get, fill, jobs, gate } = codingBench({ stores: [new MapStore()] }, { maxBodyBytes: 2 ** 25 });
    const large = 'x'.repeat(17 * 2 ** 20);
    for (let n = 0; n < 4; n++) fill(`/${n}`, large);
    for (let n = 0; n < 4; n++) get(`/${n}`, BR);
    await turns();
    for (let n = 0; n < 4; n++) await jobs[0]!.done('coded');
    expect(gate.stats().coding).toMatchObject({ made: 4, skipped: {} });
  });
});

describe('an operator', () => {
  it('sees, counts and removes coded entries with what they were made from', async () => {
    const { gate, get, fill, coded, route, memory } = codingBench();
    fill('/a', BODY, ['cache-tag', 'tide']);
    await coded('/a', 'br');
    const { entries } = await gate.list({ tag: 'tide' });
    expect(entries.map(({ uri, coding, outdated }) => [uri, coding, outdated])).toEqual([
      ['http://example.org/a', undefined, false],
      ['http://example.org/a', 'br', false],
    ]);
    const asked = { route, method: 'GET', uri: 'http://example.org/a', bypass: false };
    expect((await gate.explain({ ...asked, fields: BR })).coding).toBe('br');
    expect((await gate.explain({ ...asked, fields: [] })).coding).toBeUndefined();
    expect((await gate.invalidate(URL_OF('/a'))).matched).toBe(2);
    expect((await gate.purge(URL_OF('/a'))).matched).toBe(2);
    expect(memory.stats().entries).toBe(0);
    get('/a');
    expect((await gate.list({})).entries).toEqual([]);
  });

  it('finds what an eviction has left without its parent', async () => {
    const { gate, fill, coded, memory, get, origin } = codingBench();
    fill('/a', BODY);
    await coded('/a', 'br');
    memory.delete(['- api GET http://example.org/a']);
    expect(get('/a', BR).state).toBe('waiting');
    expect(origin.count).toBe(2);
    expect((await gate.purge(URL_OF('/a'))).matched).toBe(1);
  });
});

describe('a route without compress', () => {
  it('is as it would be without any of this', async () => {
    const coding = codingBench();
    const plain = gateBench();
    const walk = async (ask: (fields: readonly string[], method?: string) => Client, origin: typeof plain.origin) => {
      const clients = [ask([...BR, 'accept-language', 'de'])];
      origin.last.answer(200, [...TEXT, 'etag', '"1"', 'vary', 'accept-encoding'], BODY);
      clients.push(ask(BR), ask([...BR, 'if-none-match', '"1~br"']), ask([...BR, 'if-none-match', '"1"']));
      clients.push(ask(['accept-encoding', 'gzip']), ask([...BR, 'if-match', '"1~br"'], 'PUT'));
      await turns();
      const forwarded = origin.forwarded.map(({ request: { method, target, fields } }) => ({ method, target, fields }));
      return { forwarded, got: clients.map(({ status, fields, text }) => ({ status, fields, text })) };
    };
    const { compress: _, ...route } = coding.route;
    const off = (fields: readonly string[], method = 'GET') =>
      Client.ask(coding.gate, route, { method, path: '/a', fields });
    const without = (fields: readonly string[], method = 'GET') => plain.ask({ method, path: '/a', fields });
    const seen = await walk(off, coding.origin);
    expect(seen).toEqual(await walk(without, plain.origin));
    expect(seen.forwarded[0]?.fields).toContain('accept-encoding');
    expect(coding.jobs).toEqual([]);
  });
});
