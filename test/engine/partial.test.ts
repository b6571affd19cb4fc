import { describe, expect, it } from 'vitest';
import { CONFORMANCE_POLICY } from '../../src/semantics/policy.ts';
import { FRESH, type GateBench, gateBench } from '../kit/gate-bench.ts';

const TAGGED = [...FRESH, 'etag', '"1"'] as const;
const TEXT = '0123456789';

/** Lets a client ask for a range and the origin answer with it. */
function storePart({ get, origin }: GateBench, first: number, last: number): void {
  get('/a', ['range', `bytes=${first}-${last}`]);
  const range = ['content-range', `bytes ${first}-${last}/${TEXT.length}`];
  origin.last.answer(206, [...TAGGED, ...range], TEXT.slice(first, last + 1));
}

describe('ranges from a stored whole', () => {
  it.each([
    ['bytes=0-3', '0123'],
    ['bytes=4-', '456789'],
    ['bytes=-2', '89'],
    ['bytes=8-100', '89'],
  ])('answers %s with %s', (range, text) => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, TAGGED, TEXT);
    const client = get('/a', ['range', range]);
    expect([client.status, client.text]).toEqual([206, text]);
    expect(client.field('content-length')).toBe(String(text.length));
    expect(client.outcome?.hit).toBe(true);
  });

  it('answers several ranges as multipart/byteranges', () => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, TAGGED, TEXT);
    const client = get('/a', ['range', 'bytes=0-1,8-9']);
    expect(client.field('content-type')).toMatch(/^multipart\/byteranges; boundary=/);
    expect(client.text).toMatch(/content-range: bytes 8-9\/10\r\n\r\n89\r\n/i);
  });

  it('answers 416 beyond the end, and the whole when If-Range does not hold', () => {
    const { get, origin } = gateBench();
    get('/a');
    origin.last.answer(200, TAGGED, TEXT);
    expect(get('/a', ['range', 'bytes=10-']).status).toBe(416);
    expect(get('/a', ['range', 'bytes=0-1', 'if-range', '"2"']).text).toBe(TEXT);
    expect(get('/a', ['range', 'bytes=0-1', 'if-range', '"1"']).text).toBe('01');
  });
});

describe('stored parts', () => {
  it('serve ranges that lie within them', () => {
    const bench = gateBench();
    storePart(bench, 2, 6);
    const client = bench.get('/a', ['range', 'bytes=3-4']);
    expect([client.status, client.text, client.field('content-range')]).toEqual([206, '34', 'bytes 3-4/10']);
    expect(bench.origin.count).toBe(1);
  });

  it('forward ranges that do not', () => {
    const bench = gateBench();
    storePart(bench, 2, 6);
    bench.get('/a', ['range', 'bytes=5-8']);
    expect(bench.origin.count).toBe(2);
    expect(bench.origin.last.field('range')).toBe('bytes=5-8');
  });

  it('are added to, under a strong validator', () => {
    const bench = gateBench();
    storePart(bench, 0, 4);
    storePart(bench, 5, 9);
    const whole = bench.get('/a');
    expect([whole.status, whole.text, bench.origin.count]).toEqual([200, TEXT, 2]);
  });

  it('are forgotten when what they lack gets a 416: nobody asked for a range', () => {
    const bench = gateBench();
    const { get, origin } = bench;
    storePart(bench, 0, 4);
    const whole = get('/a');
    origin.last.answer(416, [...TAGGED, 'content-range', 'bytes */5'], 'no such range');
    expect([whole.status, origin.count, origin.last.field('range')]).toEqual([undefined, 3, undefined]);
    origin.last.answer(200, TAGGED, '01234');
    expect([whole.status, whole.text]).toEqual([200, '01234']);
    expect(get('/a').outcome?.hit).toBe(true);
  });

  it('are completed by what they lack', () => {
    const { get, origin, ...bench } = gateBench();
    storePart({ get, origin, ...bench }, 0, 4);
    const whole = get('/a');
    expect([origin.last.field('range'), origin.last.field('if-range')]).toEqual(['bytes=5-', '"1"']);
    origin.last.answer(206, [...TAGGED, 'content-range', 'bytes 5-9/10'], '56789');
    expect([whole.status, whole.text]).toEqual([200, TEXT]);
    expect(get('/a').outcome?.hit).toBe(true);
  });

  it('give way to the whole when the representation has changed', () => {
    const bench = gateBench();
    storePart(bench, 0, 4);
    const whole = bench.get('/a');
    bench.origin.last.answer(200, [...FRESH, 'etag', '"2"'], 'changed');
    expect([whole.text, bench.get('/a').text]).toEqual(['changed', 'changed']);
  });

  it('are filled anew when the rest turns out to be of another version', () => {
    const bench = gateBench();
    storePart(bench, 0, 4);
    const whole = bench.get('/a');
    bench.origin.last.answer(206, [...FRESH, 'etag', '"2"', 'content-range', 'bytes 5-9/10'], 'wrong');
    expect([whole.state, bench.origin.last.field('range')]).toEqual(['waiting', undefined]);
    bench.origin.last.answer(200, [...FRESH, 'etag', '"2"'], 'changed');
    expect(whole.text).toBe('changed');
  });

  it('are not completed across variants by a 206 that leaves Vary out', () => {
    const { get, origin } = gateBench();
    const part = [...TAGGED, 'vary', 'accept-language'];
    get('/a', ['accept-language', 'de', 'range', 'bytes=0-4']);
    origin.last.answer(206, [...part, 'content-range', 'bytes 0-4/10'], '01234');
    get('/a', ['accept-language', 'de']);
    origin.last.answer(206, [...TAGGED, 'content-range', 'bytes 5-9/10'], '56789');
    origin.last.answer(200, part, TEXT);
    expect(get('/a', ['accept-language', 'en']).state).toBe('waiting');
    expect(get('/a', ['accept-language', 'de']).text).toBe(TEXT);
  });

  it('are not served after an invalidation, nor added to by what was read before it', async () => {
    const bench = gateBench();
    storePart(bench, 0, 4);
    await bench.gate.invalidate({ kind: 'all' });
    expect(bench.get('/a', ['range', 'bytes=0-1']).state).toBe('waiting');
  });

  it('are not stored when Content-Range contradicts the body', () => {
    const { get, origin, memory } = gateBench();
    get('/a', ['range', 'bytes=-5']);
    origin.last.answer(206, [...TAGGED, 'content-range', 'bytes 4-9/10'], '56789');
    get('/a', ['range', 'bytes=-5']);
    expect([origin.count, memory.stats().entries]).toEqual([2, 0]);
  });
});

describe('a broken connection to the origin (stale-close-* of the public suite)', () => {
  it.each(['must-revalidate', 'proxy-revalidate', 'no-cache', 's-maxage=2'])(
    'leaves no stale answer under %s',
    (directive) => {
      const { get, origin, time } = gateBench(CONFORMANCE_POLICY);
      get('/a');
      origin.last.answer(200, ['cache-control', `max-age=2, ${directive}`, 'etag', '"1"'], 'one');
      time.advance(3_000);
      const client = get('/a');
      origin.last.fail('E_ORIGIN_RESET');
      expect(client.status).toBe(502);
    },
  );

  it('leaves the stale answer where nothing forbids it, within the grace', () => {
    const { get, origin, time } = gateBench(CONFORMANCE_POLICY);
    get('/a');
    origin.last.answer(200, ['cache-control', 'max-age=2'], 'one');
    time.advance(3_000);
    const client = get('/a');
    origin.last.fail('E_ORIGIN_RESET');
    expect([client.text, client.outcome?.detail]).toEqual(['one', 'grace']);
  });
});
