// The imitation of the Workers Cache keeps what the platform documents of keys, of what is kept, and of its layers.

import { describe, expect, it } from 'vitest';
import { imitationBench } from './imitation-bench.ts';
import { live } from './platform/living.ts';

const held = imitationBench();

describe('the key', () => {
  it('is path with query in their order, and neither host nor method', async () => {
    const stored = held.bench.deployed();
    const texts = [
      await held.bench.textOf(stored),
      await held.bench.textOf(stored, { url: 'https://b.example/x?b=1&a=2' }),
      await held.bench.textOf(stored, { url: 'https://a.example/x?a=2&b=1' }),
    ];
    expect(texts).toEqual(['1', '1', '2']);
    expect((await held.bench.ask(stored, { method: 'HEAD' })).headers.get('cf-cache-status')).toBe('HIT');
  });

  it('has the entrypoint, its version and the props of the caller', async () => {
    const other = held.bench.deployed({ name: 'Other' });
    const next = held.bench.deployed({ version: 'v2' });
    const texts = [
      await held.bench.textOf(held.bench.deployed()),
      await held.bench.textOf(other),
      await held.bench.textOf(next),
    ];
    texts.push(
      await held.bench.textOf(held.bench.deployed(), { props: { a: 1 } }),
      await held.bench.textOf(held.bench.deployed()),
    );
    expect(texts).toEqual(['1', '2', '3', '4', '1']);
  });

  it('has no version where the entrypoint is kept across versions', async () => {
    const before = held.bench.deployed({ crossVersion: true });
    const after = held.bench.deployed({ crossVersion: true, version: 'v2' });
    expect([await held.bench.textOf(before), await held.bench.textOf(after)]).toEqual(['1', '1']);
  });

  it('has cf.cacheKey in place of path and query', async () => {
    const stored = held.bench.deployed();
    const texts = [
      await held.bench.textOf(stored, { cacheKey: '/k' }),
      await held.bench.textOf(stored, { cacheKey: '/k', url: 'https://a/y' }),
    ];
    expect([...texts, await held.bench.textOf(stored)]).toEqual(['1', '1', '2']);
  });
});

describe('what is kept', () => {
  it('is asked before the entrypoint held.bench.runs, except for a method that is neither GET nor HEAD', async () => {
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    expect([
      await held.bench.textOf(stored),
      await held.bench.textOf(stored, { method: 'POST' }),
      held.bench.runs,
    ]).toEqual(['1', '2', 2]);
  });

  it('a 200 without Cache-Control is kept for two hours', async () => {
    held.bench.headers = {};
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    held.bench.time.advance('119m');
    expect(await held.bench.textOf(stored)).toBe('1');
    held.bench.time.advance('2m');
    expect(await held.bench.textOf(stored)).toBe('2');
  });

  it.each([
    { 'cache-control': 'no-store' },
    { 'cache-control': 'private, max-age=60' },
    { 'cache-control': 'max-age=60', vary: '*' },
  ])('%o is not kept', async (given) => {
    held.bench.headers = given;
    const stored = held.bench.deployed();
    expect([await held.bench.textOf(stored), await held.bench.textOf(stored)]).toEqual(['1', '2']);
  });

  it('goes by the targeted field first, then s-maxage', async () => {
    held.bench.headers = { 'cache-control': 'max-age=0', 'cdn-cache-control': 'max-age=60' };
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    expect(await held.bench.textOf(stored)).toBe('1');
    held.bench.headers = { 'cache-control': 'max-age=60, s-maxage=1' };
    await held.bench.ask(stored, { cacheKey: '/s' });
    held.bench.time.advance(2_000);
    expect(await held.bench.textOf(stored, { cacheKey: '/s' })).toBe('3');
  });

  it('is told apart by what Vary names', async () => {
    held.bench.headers = { 'cache-control': 'max-age=60', vary: 'Accept-Language' };
    const stored = held.bench.deployed();
    const inDutch = { headers: { 'accept-language': 'nl' } };
    expect([
      await held.bench.textOf(stored),
      await held.bench.textOf(stored, inDutch),
      await held.bench.textOf(stored),
    ]).toEqual(['1', '2', '1']);
    expect(await held.bench.textOf(stored, inDutch)).toBe('2');
  });

  it('serves parts of a 200, and a 304 to who has it', async () => {
    const run = () => new Response('abcdef', { headers: { ...held.bench.headers, etag: '"1"' } });
    const stored = held.bench.deployed({ run });
    const part = await held.bench.ask(stored, { headers: { range: 'bytes=1-2' } });
    expect([part.status, part.text, part.headers.get('content-range')]).toEqual([206, 'bc', 'bytes 1-2/6']);
    expect((await held.bench.ask(stored, { headers: { range: 'bytes=9-' } })).status).toBe(416);
    expect((await held.bench.ask(stored, { headers: { 'if-none-match': '"1"' } })).status).toBe(304);
  });

  it('is served stale while it is validated, and freshened by a 304', async () => {
    const asked: (string | null)[] = [];
    const run = (request: Request) => {
      asked.push(request.headers.get('if-none-match'));
      const again = asked.length > 1;
      const fields = { 'cache-control': 'max-age=1, stale-while-revalidate=60', etag: '"1"' };
      return new Response(again ? null : 'one', { status: again ? 304 : 200, headers: fields });
    };
    const stored = held.bench.deployed({ run });
    await held.bench.ask(stored);
    held.bench.time.advance(2_000);
    expect((await held.bench.ask(stored)).headers.get('cf-cache-status')).toBe('UPDATING');
    await held.bench.pass(100);
    expect(asked).toEqual([null, '"1"']);
    expect((await held.bench.ask(stored)).headers.get('cf-cache-status')).toBe('HIT');
  });

  it('a body that is cut is not kept', async () => {
    const { run, say, cut } = held.bench.slowRun();
    const stored = held.bench.deployed({ run });
    const answer = stored.at('ams').fetch(new Request('https://a/x'));
    const response = await live(held.bench.time, answer);
    say('one');
    cut();
    await expect(live(held.bench.time, response.text())).rejects.toThrow('Network connection lost');
    await held.bench.pass(1_000);
    void stored.at('ams').fetch(new Request('https://a/x'));
    await held.bench.pass(100);
    expect(held.bench.runs).toBe(2);
  });
});

describe('the layers', () => {
  it('what one data centre stores reaches the others by the upper layer, later', async () => {
    const stored = held.bench.deployed();
    await held.bench.ask(stored);
    expect(await held.bench.textOf(stored, { at: 'sin' })).toBe('2');
    await held.bench.pass(100);
    expect([await held.bench.textOf(stored, { at: 'iad' }), held.bench.cache.counts.upperHits]).toEqual(['2', 1]);
    expect(await held.bench.textOf(stored)).toBe('1');
  });

  it('requests for one key in one data centre wait for one run, and read it as it arrives', async () => {
    const { run, say, end } = held.bench.slowRun();
    const stored = held.bench.deployed({ run });
    const fetch = (at: string) => stored.at(at).fetch(new Request('https://a/x'));
    const [one, two, elsewhere] = [fetch('ams'), fetch('ams'), fetch('sin')];
    const readers = [
      (await live(held.bench.time, one)).body?.getReader(),
      (await live(held.bench.time, two)).body?.getReader(),
    ];
    await live(held.bench.time, elsewhere);
    expect([held.bench.runs, held.bench.cache.counts.joins]).toEqual([2, 1]);
    say('first');
    for (const reader of readers) expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('first');
    end();
    for (const reader of readers) expect((await reader?.read())?.done).toBe(true);
  });

  it('who has waited for an answer that is not kept asks for itself', async () => {
    held.bench.headers = { 'cache-control': 'no-store' };
    const stored = held.bench.deployed();
    const texts = await Promise.all([held.bench.textOf(stored), held.bench.textOf(stored), held.bench.textOf(stored)]);
    expect(texts.sort()).toEqual(['1', '2', '3']);
  });
});
