import { describe, expect, it } from 'vitest';
import { FRESH, gateBench } from '../kit/gate-bench.ts';

describe('a miss and a hit', () => {
  it('stores what it forwards and serves it again', () => {
    const { get, origin, time } = gateBench();
    const first = get('/a');
    origin.last.answer(200, FRESH, 'one');
    expect(first.text).toBe('one');
    expect(first.cacheStatus).toBe('tidegate; fwd=uri-miss; fwd-status=200; stored');
    time.advance(5_000);
    const second = get('/a');
    expect(second.text).toBe('one');
    expect(second.field('age')).toBe('5');
    expect(second.cacheStatus).toBe('tidegate; hit; ttl=3595');
    expect(origin.count).toBe(1);
  });

  it('streams the body as it arrives', () => {
    const { get, origin } = gateBench();
    const client = get('/a');
    origin.last.head(200, FRESH).data('one');
    expect([client.state, client.text]).toEqual(['reading', 'one']);
    origin.last.data(' two').end();
    expect([client.state, client.text]).toEqual(['done', 'one two']);
  });

  it('forwards an unstorable answer and keeps nothing', () => {
    const { get, origin } = gateBench();
    const first = get('/a');
    origin.last.answer(200, ['cache-control', 'no-store'], 'one');
    const status = 'tidegate; fwd=uri-miss; fwd-status=200; stored=?0; detail=no-store';
    expect([first.text, first.cacheStatus]).toEqual(['one', status]);
    const second = get('/a');
    origin.last.answer(200, ['cache-control', 'private'], 'two');
    expect(second.cacheStatus).toContain('stored=?0; detail=private');
    expect(origin.count).toBe(2);
  });

  it('keeps nothing of a body that breaks off, and its client sees it break', () => {
    const { get, origin } = gateBench();
    const client = get('/a');
    origin.last.head(200, FRESH).data('on').fail('E_ORIGIN_RESET');
    expect(client.state).toBe('failed');
    get('/a');
    expect(origin.count).toBe(2);
  });

  it('fills although the client has gone', () => {
    const { get, origin } = gateBench();
    get('/a').leave();
    origin.last.answer(200, FRESH, 'one');
    expect(get('/a').text).toBe('one');
  });

  it('gives up an unstorable answer whose client has gone', () => {
    const { get, origin } = gateBench();
    const client = get('/a');
    origin.last.head(200, ['cache-control', 'no-store']).data('one');
    client.leave();
    expect(origin.last.aborted).toBe(true);
  });
});

describe('validation', () => {
  const TAGGED = ['cache-control', 'max-age=10', 'etag', '"1"'] as const;

  it('freshens a stale entry by a 304', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, TAGGED, 'one');
    time.advance(20_000);
    const second = get('/a');
    expect(origin.last.field('if-none-match')).toBe('"1"');
    origin.last.answer(304, ['etag', '"1"', 'cache-control', 'max-age=100']);
    expect([second.status, second.text]).toEqual([200, 'one']);
    expect(second.cacheStatus).toBe('tidegate; fwd=stale; fwd-status=304; ttl=100; detail=validated');
    time.advance(50_000);
    expect(get('/a').cacheStatus).toBe('tidegate; hit; ttl=50');
  });

  it('asks without conditions when the 304 is for something else', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, TAGGED, 'one');
    time.advance(20_000);
    const second = get('/a');
    origin.last.answer(304, ['etag', '"2"']);
    expect(origin.last.field('if-none-match')).toBeUndefined();
    origin.last.answer(200, ['cache-control', 'max-age=10', 'etag', '"2"'], 'two');
    expect(second.text).toBe('two');
    expect(get('/a').text).toBe('two');
  });

  it('does not validate an invalidated entry by a Last-Modified of one second', async () => {
    const { get, gate, origin, time } = gateBench();
    const date = new Date(time.now()).toUTCString();
    get('/a');
    origin.last.answer(200, [...FRESH, 'last-modified', date, 'date', date], 'one');
    await gate.invalidate({ kind: 'all' });
    get('/a');
    expect(origin.last.field('if-modified-since')).toBeUndefined();
  });

  it('answers the client a 304 from the store', () => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    const second = get('/a', ['if-none-match', '"1"']);
    expect([second.status, second.text, second.field('etag')]).toEqual([304, '', '"1"']);
  });

  it('answers the client a 304 from a fresh fill', () => {
    const { get, origin } = gateBench();
    const first = get('/a', ['if-none-match', '"1"']);
    expect(origin.last.field('if-none-match')).toBeUndefined();
    origin.last.answer(200, [...FRESH, 'etag', '"1"'], 'one');
    expect(first.status).toBe(304);
    expect(get('/a').text).toBe('one');
  });
});

describe('when the origin fails', () => {
  const SIE = ['cache-control', 'max-age=10, stale-if-error=60'] as const;

  it('serves the stale entry within stale-if-error, for a 5xx and for a broken connection', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, SIE, 'one');
    time.advance(20_000);
    const second = get('/a');
    origin.last.answer(503, [], 'sorry');
    expect([second.text, second.outcome?.detail]).toEqual(['one', 'stale-if-error']);
    const third = get('/a');
    origin.last.fail('E_ORIGIN_RESET');
    expect([third.text, third.outcome?.detail]).toEqual(['one', 'stale-if-error']);
  });

  it('serves no entry that was invalidated', async () => {
    const { get, gate, origin, time } = gateBench({ graceMs: 3_600_000 });
    get('/a');
    origin.last.answer(200, SIE, 'one');
    time.advance(20_000);
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    const second = get('/a');
    origin.last.fail('E_ORIGIN_CONNECT');
    expect(second.status).toBe(502);
  });

  it('serves no entry that was invalidated while it was being validated', async () => {
    const { get, gate, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, SIE, 'one');
    time.advance(20_000);
    const second = get('/a');
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    origin.last.fail('E_ORIGIN_CONNECT');
    expect(second.status).toBe(502);
  });

  it('does not replace a usable good answer by an error', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, SIE, 'one');
    time.advance(20_000);
    get('/a');
    origin.last.answer(503, ['cache-control', 'max-age=60'], 'sorry');
    const third = get('/a');
    origin.last.fail('E_ORIGIN_CONNECT');
    expect(third.text).toBe('one');
  });
});

describe('stale-while-revalidate', () => {
  const SWR = ['cache-control', 'max-age=10, stale-while-revalidate=60'] as const;

  it('serves stale and fills once in the background', () => {
    const { get, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, SWR, 'one');
    time.advance(20_000);
    expect(get('/a').text).toBe('one');
    expect(get('/a').outcome?.detail).toBe('stale-while-revalidate');
    expect(origin.count).toBe(2);
    origin.last.answer(200, SWR, 'two');
    expect(get('/a').text).toBe('two');
  });

  it('does not apply to an invalidated entry', async () => {
    const { get, gate, origin, time } = gateBench();
    get('/a');
    origin.last.answer(200, SWR, 'one');
    time.advance(20_000);
    await gate.invalidate({ kind: 'all' });
    const second = get('/a');
    expect(second.state).toBe('waiting');
    origin.last.answer(200, SWR, 'two');
    expect(second.text).toBe('two');
  });
});

describe('a Last-Modified that several versions share', () => {
  it('does not bring an older version back, though 304s have renewed Date since', async () => {
    const { get, gate, origin, time } = gateBench();
    const second = new Date(time.now()).toUTCString();
    const fields = (now: string) => ['cache-control', 'max-age=10', 'last-modified', second, 'date', now];
    get('/a');
    origin.last.answer(200, fields(second), 'one');
    time.advance(300_000);
    get('/a');
    // The origin has a second version of the same second by now, and cannot tell.
    origin.last.answer(304, fields(new Date(time.now()).toUTCString()));
    await gate.invalidate({ kind: 'url', uri: 'http://example.org/a' });
    get('/a');
    expect(origin.last.field('if-modified-since')).toBeUndefined();
  });
});
