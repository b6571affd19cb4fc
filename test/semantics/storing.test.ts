import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/semantics/fields.ts';
import { type CachePolicy, CONFORMANCE_POLICY, SAFE_POLICY } from '../../src/semantics/policy.ts';
import { decideStoring, STORING_REFUSALS } from '../../src/semantics/storing.ts';

const URI = 'http://example.org/a?b=1';
const DATE = formatHttpDate(Date.UTC(2026, 10, 21));
const MODIFIED = ['last-modified', formatHttpDate(Date.UTC(2026, 10, 20)), 'date', DATE];
const FRESH = ['cache-control', 'max-age=60'];

interface Exchange {
  readonly method?: string;
  readonly request?: string[];
  readonly status?: number;
  readonly policy?: CachePolicy;
  readonly delimited?: boolean;
}

/** 'store', or the reason of the refusal. */
function decide(fields: string[], exchange: Exchange = {}): string {
  const { method = 'GET', request = [], status = 200, policy = SAFE_POLICY, delimited = true } = exchange;
  const decision = decideStoring({ method, uri: URI, fields: request }, { status, fields }, { policy, delimited });
  return decision.kind === 'store' ? 'store' : decision.reason;
}

const CONFORMANCE = { policy: CONFORMANCE_POLICY };

describe('the method', () => {
  it('is GET', () => {
    expect(decide(FRESH)).toBe('store');
    for (const method of ['HEAD', 'PUT', 'QUERY', 'M-SEARCH']) expect(decide(FRESH, { method })).toBe('method');
  });

  const post = (fields: string[], status = 200) => decide(fields, { method: 'POST', status });

  it('may be POST with explicit freshness and Content-Location equal to the target URI', () => {
    for (const location of [URI, '/a?b=1', '?b=1', '']) {
      expect(post([...FRESH, 'content-location', location])).toBe('store');
    }
    expect(post(['expires', formatHttpDate(Date.UTC(2027, 0)), 'date', DATE, 'content-location', URI])).toBe('store');
  });

  it.each([
    ['another Content-Location', [...FRESH, 'content-location', '/b'], 200],
    ['no Content-Location', FRESH, 200],
    ['heuristic freshness', [...MODIFIED, 'content-location', URI], 200],
    ['a status other than 200', [...FRESH, 'content-location', URI], 201],
  ])('may not be POST with %s', (_, fields, status) => {
    expect(post(fields, status)).toBe('post-without-content-location');
  });
});

describe('the status', () => {
  it.each([200, 203, 204, 299, 301, 302, 303, 307, 308, 404, 410, 499, 500, 502, 503, 504, 599])(
    'may be %i with explicit freshness',
    (status) => {
      expect(decide(FRESH, { status })).toBe('store');
    },
  );

  it.each([100, 101, 103])('may not be %i', (status) => {
    expect(decide(FRESH, { status })).toBe('status-not-final');
  });

  it('may not be 304', () => expect(decide(FRESH, { status: 304 })).toBe('not-modified'));

  it.each([428, 429, 431, 511])('may not be %i, which RFC 6585 forbids to store', (status) => {
    expect(decide(FRESH, { status, ...CONFORMANCE })).toBe('status-never-stored');
  });

  it.each([407, 408, 412, 416, 417, 421, 425])('may not be %i, which is about one request', (status) => {
    expect(decide(FRESH, { status, ...CONFORMANCE })).toBe('status-of-one-request');
  });

  it.each([400, 411, 413, 415, 422])('may be %i, which one client can cause, for conformance only', (status) => {
    expect(decide(FRESH, { status })).toBe('status-of-one-request');
    expect(decide(FRESH, { status, ...CONFORMANCE })).toBe('store');
  });
});

describe('a 206', () => {
  const part = (fields: string[], exchange: Exchange = {}) =>
    decide([...FRESH, ...fields], { status: 206, request: ['range', 'bytes=0-4'], ...exchange });

  it('is stored with one Content-Range', () => {
    expect(part(['content-range', 'bytes 0-4/10'])).toBe('store');
    expect(part(['content-range', 'bytes 0-4/*', 'content-length', '5'])).toBe('store');
  });

  it.each([
    ['none', []],
    ['an invalid one', ['content-range', 'bytes 4-2/10']],
    ['one beyond the end', ['content-range', 'bytes 0-10/10']],
    ['two', ['content-range', 'bytes 0-4/10', 'content-range', 'bytes 0-4/10']],
    ['another unit', ['content-range', 'lines 0-4/10']],
    ['an unsatisfied one', ['content-range', 'bytes */10']],
    ['one that contradicts Content-Length', ['content-range', 'bytes 0-4/10', 'content-length', '6']],
  ])('is not stored with %s', (_, fields) => {
    expect(part(fields)).toBe('content-range');
  });

  it('is not stored as multipart/byteranges', () => {
    expect(part(['content-type', 'multipart/byteranges; boundary=x'])).toBe('content-range');
  });

  it('is not stored when the request had no Range', () => {
    expect(part(['content-range', 'bytes 0-4/10'], { request: [] })).toBe('content-range');
  });

  it('does not keep a 200 to a request with Range from being stored', () => {
    expect(decide(FRESH, { request: ['range', 'bytes=0-4'] })).toBe('store');
  });
});

describe('directives', () => {
  it.each([
    ['no-store, max-age=60', 'no-store'],
    ['private, max-age=60', 'private'],
    ['private=", max-age=60', 'private'],
    ['private="a", max-age=60', 'store'],
    ['no-cache="a", max-age=60', 'store'],
    ['no-store, must-understand, max-age=60', 'store'],
  ])('%s: %s', (value, expected) => {
    expect(decide(['cache-control', value])).toBe(expected);
  });

  it('of the request: no-store', () => {
    expect(decide(FRESH, { request: ['cache-control', 'no-store'] })).toBe('request-no-store');
  });

  it('must-understand refuses a status that is not understood', () => {
    const fields = ['cache-control', 'max-age=60, no-store, must-understand'];
    expect(decide(fields, { status: 599, ...CONFORMANCE })).toBe('must-understand');
    expect(decide(['cache-control', 'max-age=60, must-understand'], { status: 599 })).toBe('must-understand');
  });

  it('of a targeted field replace those of Cache-Control', () => {
    expect(decide(['cache-control', 'no-store', 'cdn-cache-control', 'max-age=60'])).toBe('store');
    expect(decide([...FRESH, 'cdn-cache-control', 'no-store'])).toBe('no-store');
    expect(decide([...FRESH, 'cdn-cache-control', 'private'])).toBe('private');
    expect(decide(['cache-control', 'no-store', 'cdn-cache-control', 'max-age=60, &&&'])).toBe('no-store');
  });

  it('are not lifted by an override of the lifetime', () => {
    const policy = { ...SAFE_POLICY, ttlMs: 60_000 };
    expect(decide([], { policy })).toBe('store');
    expect(decide(['cache-control', 'no-store'], { policy })).toBe('no-store');
    expect(decide(['cache-control', 'private'], { policy })).toBe('private');
  });

  const FORBIDDING = ['no-store', 'private'];
  const OTHERS = ['max-age=60', 's-maxage=60', 'public', 'must-revalidate', 'no-cache', 'private="a"', 'x="y, z"'];

  it('no-store and private forbid, whatever stands beside them and in whatever order', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FORBIDDING),
        fc.shuffledSubarray(OTHERS),
        fc.nat(OTHERS.length),
        (word, beside, at) => {
          const value = beside.toSpliced(at, 0, word).join(', ');
          expect(decide(['cache-control', value, 'etag', '"a"'], CONFORMANCE)).toBe(word);
        },
      ),
    );
  });

  it('leave each of their subsets with one decision that is explained', () => {
    const all = [...FORBIDDING, ...OTHERS];
    for (let subset = 0; subset < 2 ** all.length; subset++) {
      const value = all.filter((_, at) => subset & (1 << at)).join(', ');
      const expected = value.includes('no-store') ? 'no-store' : /private(?!=)/.test(value) ? 'private' : 'store';
      expect(decide(['cache-control', value, 'etag', '"a"'])).toBe(expected);
    }
  });
});

describe('sharing', () => {
  it.each([
    ['max-age=60', 'authorization'],
    ['max-age=60, proxy-revalidate', 'authorization'],
    ['max-age=60, public', 'store'],
    ['max-age=60, must-revalidate', 'store'],
    ['s-maxage=60', 'store'],
  ])('a request with Authorization and a response with %s: %s', (value, expected) => {
    expect(decide(['cache-control', value], { request: ['authorization', 'x'] })).toBe(expected);
  });

  it('is impossible with Vary: *, on whichever line', () => {
    expect(decide([...FRESH, 'vary', '', 'vary', '*'])).toBe('vary-any');
    expect(decide([...FRESH, 'vary', 'foo'])).toBe('store');
  });

  it('of Set-Cookie is impossible in the safe profile', () => {
    const fields = ['set-cookie', 'a=b', 'cache-control'];
    for (const control of ['max-age=60', 'max-age=60, public', 'public, s-maxage=60, must-revalidate']) {
      expect(decide([...fields, control])).toBe('set-cookie');
      expect(decide([...fields, control], CONFORMANCE)).toBe('store');
    }
  });

  const GIVEN = [{ ttlMs: 9 }, { defaultTtlMs: 9 }, { negativeTtlMs: 9 }, { editsFreshness: true }];

  it.each(GIVEN)(
    'where the route gives freshness (%j) is not of what was made for a cookie or a credential',
    (given) => {
      const said = ['cache-control', 'public, max-age=60'];
      for (const base of [SAFE_POLICY, CONFORMANCE_POLICY]) {
        const policy = { ...base, ...given };
        expect(decide(said, { policy })).toBe('store');
        expect(decide(said, { policy, request: ['authorization', 'x'] })).toBe('authorization');
        expect(decide(said, { policy, request: ['cookie', 'a=b'] })).toBe('cookie-without-freshness');
        expect(decide([...said, 'vary', 'Cookie'], { policy, request: ['cookie', 'a=b'] })).toBe('store');
        expect(decide([...said, 'set-cookie', 'a=b'], { policy })).toBe('set-cookie');
        expect(decide(said, { policy: base, request: ['cookie', 'a=b'] })).toBe('store');
      }
    },
  );

  it('is harmless where Set-Cookie is not stored', () => {
    expect(decide(['set-cookie', 'a=b', 'cache-control', 'max-age=60, private="Set-Cookie"'])).toBe('store');
  });
});

describe('a body that ends with the connection', () => {
  it('is stored in the conformance profile only', () => {
    expect(decide(FRESH, { delimited: false })).toBe('not-delimited');
    expect(decide(FRESH, { delimited: false, ...CONFORMANCE })).toBe('store');
  });
});

describe('freshness', () => {
  it.each([200, 203, 204, 404, 405, 410, 414, 501])('of %i may be guessed in the conformance profile', (status) => {
    expect(decide(MODIFIED, { status, ...CONFORMANCE })).toBe('store');
  });

  it.each([201, 202, 302, 403, 502, 503, 504, 599])('of %i may not be guessed', (status) => {
    expect(decide(MODIFIED, { status, ...CONFORMANCE })).toBe('status-not-cacheable');
  });

  it('of any status may be guessed when the response is public', () => {
    expect(decide([...MODIFIED, 'cache-control', 'public'], { status: 599, ...CONFORMANCE })).toBe('store');
  });

  it.each([404, 405, 410, 414, 501])('of %i has to be explicit in the safe profile', (status) => {
    expect(decide(MODIFIED, { status })).toBe('error-without-freshness');
  });

  it("of 404 may be the route's in the safe profile", () => {
    expect(decide([], { status: 404, policy: { ...SAFE_POLICY, negativeTtlMs: 1000 } })).toBe('store');
    expect(decide([], { status: 405, policy: { ...SAFE_POLICY, negativeTtlMs: 1000 } })).toBe(
      'error-without-freshness',
    );
  });

  it('or a validator is needed', () => {
    expect(decide([])).toBe('no-freshness');
    expect(decide([], CONFORMANCE)).toBe('no-freshness');
    expect(decide(['etag', '"a"'])).toBe('store');
    expect(decide(['cache-control', 'no-cache'])).toBe('no-freshness');
    expect(decide(['cache-control', 'no-cache', 'etag', '"a"'])).toBe('store');
    expect(decide(['cache-control', 'max-age=0'])).toBe('no-freshness');
    expect(decide(['cache-control', 'max-age=0, stale-if-error=9'])).toBe('store');
  });
});

describe('every refusal', () => {
  it('has its section and sentence', () => {
    for (const { section, sentence } of Object.values(STORING_REFUSALS)) {
      expect(section).toMatch(/^RFC \d+ §\d/);
      expect(sentence).toMatch(/\.$/);
    }
  });

  it('is a decision and no exception, whatever the fields hold', () => {
    const fields = fc.array(
      fc.tuple(
        fc.constantFrom(
          'cache-control',
          'cdn-cache-control',
          'expires',
          'date',
          'vary',
          'content-range',
          'content-location',
        ),
        fc.string(),
      ),
    );
    fc.assert(
      fc.property(fields, fc.constantFrom('GET', 'POST'), fc.constantFrom(200, 206, 404), (lines, method, status) => {
        const reason = decide(lines.flat(), { method, status, request: ['range', 'x'] });
        expect(reason === 'store' || reason in STORING_REFUSALS).toBe(true);
      }),
    );
  });
});
