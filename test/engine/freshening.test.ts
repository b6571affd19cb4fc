// What a 304 leaves of a stored response: fields for caches stay with them, and a body's own Date stays known.

import { describe, expect, it } from 'vitest';
import { gateBench } from '../kit/gate-bench.ts';
import { SimulatedTime } from '../kit/simulated-time.ts';

const TAGS = ['cache-tag', 'a', 'cache-groups', '"g"', 'surrogate-key', 'b', 'xkey', 'c'];

describe('a 304 that says no-store', () => {
  it('shows its client no tags, neither those of the stored response nor its own', () => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=0', 'etag', '"1"', ...TAGS], 'one');
    const client = get('/a');
    origin.last.answer(304, ['etag', '"1"', 'cache-control', 'no-store', ...TAGS]);
    expect(client.text).toBe('one');
    expect(client.fields.filter((_, at) => at % 2 === 0)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(?:cache-tag|cache-groups|surrogate-key|xkey)$/)]),
    );
  });
});

describe('If-Range by a date', () => {
  const date = (ms: number) => new Date(Math.floor(new SimulatedTime().now() / 1000) * 1000 + ms).toUTCString();
  const [MODIFIED, BEFORE, SAME_MINUTE, BORN] = [date(-120_000), date(-180_000), date(-90_000), date(0)];
  const asked = ['range', 'bytes=1-2', 'if-range', MODIFIED];

  function stored(fields: readonly string[]) {
    const bench = gateBench();
    bench.get('/a');
    bench.origin.last.answer(200, ['cache-control', 'max-age=100', ...fields], 'tide');
    return bench;
  }

  it('holds on a hit where Last-Modified is strong by the Date of the body', () => {
    const { get } = stored(['last-modified', MODIFIED, 'date', BORN]);
    const client = get('/a', asked);
    expect([client.status, client.text]).toEqual([206, 'id']);
  });

  it.each([
    ['Last-Modified is weak', ['last-modified', MODIFIED, 'date', SAME_MINUTE]],
    ['the response had no Date', ['last-modified', MODIFIED]],
    ['Last-Modified is another', ['last-modified', BEFORE, 'date', BORN]],
  ])('does not hold where %s', (_why, fields) => {
    const client = stored(fields).get('/a', asked);
    expect([client.status, client.text]).toEqual([200, 'tide']);
  });

  it.each([
    ['strong before', BORN, [], 206],
    ['strong before, and says the same Last-Modified', BORN, ['last-modified', MODIFIED], 206],
    ['weak before', SAME_MINUTE, [], 200],
  ])('after a 304 is as it was: %s', (_how, born, update, status) => {
    const { get, origin, time } = stored(['last-modified', MODIFIED, 'date', born]);
    time.advance(101_000);
    get('/a');
    expect(origin.last.field('if-modified-since')).toBe(MODIFIED);
    origin.last.answer(304, ['cache-control', 'max-age=600', 'date', date(101_000), ...update]);
    expect(get('/a', asked).status).toBe(status);
  });

  it('does not hold where the route sets Last-Modified', () => {
    const { get, origin, route } = gateBench();
    Object.assign(route, { responseFields: { remove: new Set(['last-modified']), set: ['last-modified', MODIFIED] } });
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=60', 'last-modified', MODIFIED, 'date', BORN], 'tide');
    expect(get('/a', asked).status).toBe(200);
  });
});
