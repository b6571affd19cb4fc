// Requests and their conditions on a route that codes: what the origin is asked, and what the client is told, of entity
// tags that only the gate knows.

import { describe, expect, it, test } from 'vitest';
import { codingBench, TEXT } from '../kit/coding-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const BODY = 'The tide goes out, and the tide comes in again. '.repeat(10);
const BR = ['accept-encoding', 'gzip;q=0.5, br'];

describe('the origin', () => {
  it('is asked for identity, once for all clients', () => {
    const { get, origin } = codingBench();
    get('/a', ['accept-encoding', 'br']);
    get('/a', ['accept-encoding', 'gzip']);
    get('/a');
    expect(origin.count).toBe(1);
    expect(origin.last.field('accept-encoding')).toBe('identity');
  });

  it('gets what the client takes when the cache is not asked', () => {
    const { ask, origin } = codingBench();
    ask({ path: '/a', fields: BR, bypass: true });
    expect(origin.last.field('accept-encoding')).toBe(BR[1]);
  });

  it('varies by Accept-Encoding in vain: there is one entry', async () => {
    const { get, origin, gate } = codingBench();
    get('/a', ['accept-encoding', 'br']);
    origin.last.answer(200, [...TEXT, 'vary', 'Accept-Encoding'], BODY);
    expect(get('/a', ['accept-encoding', 'gzip']).text === BODY).toBe(true);
    expect((await gate.list({})).entries.map(({ key }) => key)).toEqual(['- api GET http://example.org/a']);
  });

  test.each([
    ['PUT', ['if-match', '"a~br", "b"'], 'if-match', '"a", "b"'],
    ['DELETE', ['if-none-match', 'W/"a~gzip"'], 'if-none-match', 'W/"a"'],
    ['GET', ['if-match', '"a~zstd"'], 'if-match', '"a"'],
    // A part of the coded bytes cannot be had: the origin is not to send a part of others.
    ['GET', ['if-match', '"a~zstd"', 'range', 'bytes=1-2'], 'if-match', '"a~zstd"'],
    ['GET', ['if-range', '"a~br"', 'range', 'bytes=1-2'], 'if-range', '"a~br"'],
    ['PUT', ['if-range', '"a~br"'], 'if-range', '"a~br"'],
    ['HEAD', ['if-none-match', '"a~br"', ...BR], 'if-none-match', '"a"'],
    // A 304 is to name what the client has, and one that it does not take it has for others.
    ['HEAD', ['if-none-match', '"a~br", "b~zstd"', ...BR], 'if-none-match', '"a", "b~zstd"'],
    ['HEAD', ['if-none-match', '"a~br"'], 'if-none-match', '"a~br"'],
  ])('of a %s with %j sees %s: %s', (method, fields, name, expected) => {
    const { ask, origin } = codingBench();
    ask({ method, path: '/a', fields });
    expect(origin.last.field(name)).toBe(expected);
  });

  it('gets the preconditions of a write past the cache in its own tags too', () => {
    const { ask, origin } = codingBench();
    ask({ method: 'PUT', path: '/a', fields: ['if-match', '"a~br"'], bypass: true });
    expect(origin.last.field('if-match')).toBe('"a"');
  });
});

describe('where nothing usable is stored and nobody waits for another', () => {
  test.each([
    ['"a~br"', '"a"', '"a~br"'],
    ['"a", "b~gzip"', '"a", "b"', '"a"'],
  ])('a client that has %s is asked for by %s, and a 304 names %3$s', (has, asked, named) => {
    const { get, origin } = codingBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'no-store'], 'one');
    const client = get('/a', ['if-none-match', has, ...BR]);
    expect(origin.last.field('if-none-match')).toBe(asked);
    origin.last.answer(304, ['etag', '"a"', 'cache-control', 'no-store']);
    expect([client.status, client.field('etag')]).toEqual([304, named]);
  });
});

describe('a 304', () => {
  const tagged = async (etag: string) => {
    const bench = codingBench();
    bench.fill('/a', BODY, ['etag', etag]);
    return bench;
  };

  test.each([
    ['"1~br"', 'br', 304, '"1~br"'],
    ['"1"', 'br', 304, '"1"'],
    ['"0", "1~gzip"', 'br, gzip', 304, '"1~gzip"'],
    ['"1~br", "1~gzip"', 'gzip', 304, '"1~gzip"'],
    ['"1~br", "1"', undefined, 304, '"1"'],
    // A cache that asks for a client of its own would give it what it does not take.
    ['"1~br"', 'gzip', 200, '"1"'],
    ['"1~br"', undefined, 200, '"1"'],
    ['"2~br"', 'br', 200, '"1"'],
    ['*', 'br', 304, '"1"'],
  ])('to If-None-Match: %s, Accept-Encoding: %s: %i with %s', async (noneMatch, accepts, status, etag) => {
    const { get } = await tagged('"1"');
    const fields = ['if-none-match', noneMatch, ...(accepts === undefined ? [] : ['accept-encoding', accepts])];
    const client = get('/a', fields);
    expect([client.status, client.field('etag')]).toEqual([status, etag]);
    expect(client.field('vary')).toBe('Accept-Encoding');
  });

  it('comes whether or not the coded response is there, weak tags too', async () => {
    const { get, coded } = await tagged('W/"1"');
    expect(get('/a', ['if-none-match', 'W/"1~br"', ...BR]).status).toBe(304);
    await coded('/a', 'br');
    expect(get('/a', BR).field('etag')).toBe('W/"1~br"');
    const again = get('/a', ['if-none-match', 'W/"1~br"', ...BR]);
    expect([again.status, again.field('etag'), again.field('content-encoding')]).toEqual([304, 'W/"1~br"', undefined]);
    expect(get('/a', ['if-none-match', '"0"', ...BR]).field('content-encoding')).toBe('br');
  });

  it('is made of a response that arrives, too', () => {
    const { get, origin } = codingBench();
    const client = get('/a', ['if-none-match', '"1~br"', ...BR]);
    expect(origin.last.field('if-none-match')).toBeUndefined();
    origin.last.answer(200, [...TEXT, 'etag', '"1"'], BODY);
    expect([client.status, client.field('etag'), client.field('vary')]).toEqual([304, '"1~br"', 'Accept-Encoding']);
  });

  it('is not made where the origin itself was asked and said otherwise', () => {
    const { get, origin } = codingBench();
    const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
    const client = get('/a', ['if-modified-since', date, 'range', 'bytes=0-1', ...BR]);
    expect(origin.last.field('if-modified-since')).toBe(date);
    origin.last.answer(200, [...TEXT, 'last-modified', date], BODY);
    expect([client.status, client.text === BODY]).toEqual([200, true]);
  });
});

describe('a range', () => {
  const modified = 'Sun, 06 Nov 1994 08:49:37 GMT';
  const dated = ['last-modified', modified, 'date', new Date(new SimulatedTime().now()).toUTCString()];
  const byDate = ['range', 'bytes=4-7', 'if-range', modified];

  it('asked for by a date, which every coding has, is the whole to whom codings are given', async () => {
    const { get, fill, coded } = codingBench();
    fill('/a', BODY, dated);
    await coded('/a', 'br');
    expect(get('/a', BR).field('last-modified')).toBe(modified);
    expect(get('/a', [...byDate, ...BR]).status).toBe(200);
    const part = get('/a', byDate);
    expect([part.status, part.text]).toEqual([206, 'tide']);
  });

  it('asked for by such a date is asked for at the origin as the whole', () => {
    const { ask, origin } = codingBench();
    const seen = (fields: readonly string[], bypass = false) => {
      ask({ path: `/${fields.length}`, fields, bypass });
      return [origin.last.field('range'), origin.last.field('if-range')];
    };
    expect(seen([...byDate, ...BR])).toEqual([undefined, undefined]);
    expect(seen(byDate)).toEqual(['bytes=4-7', modified]);
    expect(seen([...byDate, ...BR], true)).toEqual(['bytes=4-7', modified]);
  });

  it('is taken from the response as the origin gave it', async () => {
    const { get, fill, coded } = codingBench();
    fill('/a', BODY, ['etag', '"1"']);
    await coded('/a', 'br');
    const part = get('/a', ['range', 'bytes=4-7', ...BR]);
    expect([part.status, part.text, part.field('etag')]).toEqual([206, 'tide', '"1"']);
    expect([part.field('content-encoding'), part.field('vary')]).toEqual([undefined, 'Accept-Encoding']);
    expect(get('/a', ['range', 'bytes=4-7', 'if-range', '"1"', ...BR]).status).toBe(206);
  });

  it('of the coded bytes is not to be had: the whole comes', async () => {
    const { get, fill, coded } = codingBench();
    fill('/a', BODY, ['etag', '"1"']);
    await coded('/a', 'br');
    const whole = get('/a', ['range', 'bytes=4-7', 'if-range', '"1~br"', ...BR]);
    expect([whole.status, whole.field('content-encoding')]).toEqual([200, 'br']);
  });
});
