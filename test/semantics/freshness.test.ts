import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate } from '../../src/semantics/fields.ts';
import { isHeuristicallyCacheable, reuseTerms } from '../../src/semantics/freshness.ts';
import { type CachePolicy, CONFORMANCE_POLICY, SAFE_POLICY } from '../../src/semantics/policy.ts';
import { currentAgeMs } from '../../src/semantics/reuse.ts';

const NOW = Date.UTC(2026, 10, 21);
const AT_ONCE = { requestTimeMs: NOW, responseTimeMs: NOW };
const DAY_MS = 86_400_000;

const date = (seconds: number) => formatHttpDate(NOW + seconds * 1000);

/** Terms of a response that came at once; `policy` amends the safe one. */
function termsOf(fields: string[], policy: Partial<CachePolicy> = {}, status = 200) {
  return reuseTerms({ status, fields }, { ...SAFE_POLICY, ...policy }, AT_ONCE).terms;
}

const lifetimeOf = (...args: Parameters<typeof termsOf>) => {
  const { lifetimeMs, source } = termsOf(...args);
  return [lifetimeMs, source];
};

describe('the freshness lifetime', () => {
  it('is max-age, whatever Expires says', () => {
    expect(lifetimeOf(['cache-control', 'max-age=5', 'expires', '0', 'date', date(0)])).toEqual([5000, 'max-age']);
  });

  it('is s-maxage before max-age', () => {
    expect(lifetimeOf(['cache-control', 'max-age=5, s-maxage=9'])).toEqual([9000, 's-maxage']);
  });

  it('is that of a targeted field before all others', () => {
    const fields = ['cache-control', 's-maxage=5', 'expires', date(9), 'cdn-cache-control', 'max-age=7'];
    expect(lifetimeOf(fields)).toEqual([7000, 'targeted']);
  });

  it('is none where a targeted field has no lifetime, even if Expires has', () => {
    expect(lifetimeOf(['expires', date(9), 'cdn-cache-control', 'public'])).toEqual([0, 'none']);
  });

  it('is Expires minus Date', () => {
    expect(lifetimeOf(['date', date(10), 'expires', date(20)])).toEqual([10_000, 'expires']);
    expect(lifetimeOf(['date', date(400), 'expires', date(300)])).toEqual([0, 'expires']);
  });

  it('is Expires minus the time of receipt where Date is absent or invalid', () => {
    expect(lifetimeOf(['expires', date(20)])).toEqual([20_000, 'expires']);
    expect(lifetimeOf(['expires', date(20), 'date', 'foo'])).toEqual([20_000, 'expires']);
  });

  it('is invalid for an Expires that is no date or that differs between lines', () => {
    expect(lifetimeOf(['expires', '0'])).toEqual([0, 'invalid']);
    expect(lifetimeOf(['expires', date(20), 'expires', date(21)])).toEqual([0, 'invalid']);
    expect(lifetimeOf(['expires', date(20), 'expires', date(20)])).toEqual([20_000, 'expires']);
  });

  it('is invalid for a max-age that cannot be read, even beside Expires', () => {
    expect(lifetimeOf(['cache-control', 'max-age=a', 'expires', date(20)])).toEqual([0, 'invalid']);
  });

  it('is a tenth of the time since Last-Modified, a day at most, where none is stated', () => {
    expect(lifetimeOf(['last-modified', date(-100), 'date', date(0)])).toEqual([10_000, 'heuristic']);
    expect(lifetimeOf(['last-modified', date(-10_000_000)])).toEqual([DAY_MS, 'heuristic']);
  });

  it('is none without Last-Modified', () => {
    expect(lifetimeOf(['etag', '"a"'])).toEqual([0, 'none']);
  });

  it('is guessed for a status without heuristic freshness only when the response is public', () => {
    expect(lifetimeOf(['last-modified', date(-100)], {}, 201)).toEqual([0, 'none']);
    expect(lifetimeOf(['last-modified', date(-100), 'cache-control', 'public'], {}, 201)).toEqual([
      10_000,
      'heuristic',
    ]);
  });

  it('is the default instead of a heuristic', () => {
    const policy = { defaultTtlMs: 7000 };
    expect(lifetimeOf(['last-modified', date(-100)], policy)).toEqual([7000, 'default']);
    expect(lifetimeOf(['cache-control', 'max-age=1'], policy)).toEqual([1000, 'max-age']);
    expect(lifetimeOf([], policy, 500)).toEqual([0, 'none']);
  });

  it('is the override for answers and not for errors', () => {
    const policy = { ttlMs: 7000 };
    expect(lifetimeOf(['cache-control', 'max-age=1'], policy)).toEqual([7000, 'override']);
    expect(lifetimeOf(['cache-control', 'max-age=1'], policy, 404)).toEqual([1000, 'max-age']);
  });

  it('is the negative one for errors that state none', () => {
    const policy = { negativeTtlMs: 7000 };
    expect(lifetimeOf([], policy, 404)).toEqual([7000, 'negative']);
    expect(lifetimeOf(['cache-control', 'max-age=1'], policy, 404)).toEqual([1000, 'max-age']);
    expect(lifetimeOf([], policy, 500)).toEqual([0, 'none']);
  });

  it('is none for errors that one client may provoke, in the safe profile', () => {
    expect(lifetimeOf([], { negativeTtlMs: 7000 }, 405)).toEqual([0, 'none']);
    expect(lifetimeOf([], { negativeTtlMs: 7000, profile: 'conformance' }, 405)).toEqual([7000, 'negative']);
  });

  it.each([404, 405, 410, 414, 501])('is guessed for %i in the conformance profile only', (status) => {
    const fields = ['last-modified', date(-100)];
    expect(lifetimeOf(fields, {}, status)).toEqual([0, 'none']);
    expect(lifetimeOf(fields, CONFORMANCE_POLICY, status)).toEqual([10_000, 'heuristic']);
  });
});

describe('isHeuristicallyCacheable', () => {
  it('is the list of RFC 9110 §15.1', () => {
    const statuses = Array.from({ length: 500 }, (_, at) => at + 100).filter(isHeuristicallyCacheable);
    expect(statuses).toEqual([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501]);
  });
});

describe('the age', () => {
  const bornOf = (fields: string[], timing = AT_ONCE) =>
    reuseTerms({ status: 200, fields }, SAFE_POLICY, timing).bornMs;

  it('begins with Age and the response delay', () => {
    expect(bornOf(['age', '30'], { requestTimeMs: NOW - 500, responseTimeMs: NOW })).toBe(NOW - 30_500);
  });

  it('begins with the time since Date where that is more', () => {
    expect(bornOf(['age', '30', 'date', date(-100)])).toBe(NOW - 100_000);
    expect(bornOf(['age', '30', 'date', date(100)])).toBe(NOW - 30_000);
  });

  it.each(['abc', '-7200', '7200.0', '7200;foo=bar', ''])('ignores Age: %s', (age) => {
    expect(bornOf(['age', age])).toBe(NOW);
  });

  it('takes the first of several Age values', () => {
    expect(bornOf(['age', '7200, 0'])).toBe(NOW - 7_200_000);
    expect(bornOf(['age', '0', 'age', '7200'])).toBe(NOW);
  });

  it('takes an Age beyond 2^31 for 2^31', () => {
    expect(bornOf(['age', '99999999999'])).toBe(NOW - 2 ** 31 * 1000);
  });

  it('is not negative after the clock was set back', () => {
    expect(currentAgeMs(NOW, NOW - 5)).toBe(0);
    expect(currentAgeMs(NOW, NOW + 5)).toBe(5);
  });

  it('never throws and is never born in the future', () => {
    const fields = fc.record({ age: fc.string(), date: fc.string() });
    fc.assert(fc.property(fields, ({ age, date }) => bornOf(['age', age, 'date', date]) <= NOW));
  });
});

describe('the terms of stale reuse', () => {
  const POLICY = { staleWhileRevalidateMs: 1, staleIfErrorMs: 2, graceMs: 3 };
  const WINDOWS = { staleWhileRevalidateMs: 1, staleIfErrorMs: 2, graceMs: 3 };
  const NONE = { staleWhileRevalidateMs: 0, staleIfErrorMs: 0, graceMs: 0 };

  it("are the policy's where the response says nothing", () => {
    expect(termsOf(['cache-control', 'max-age=5'], POLICY)).toMatchObject(WINDOWS);
  });

  it("are the response's own where it says something", () => {
    const value = 'max-age=5, stale-while-revalidate=8, stale-if-error=9';
    expect(termsOf(['cache-control', value], POLICY)).toMatchObject({
      staleWhileRevalidateMs: 8000,
      staleIfErrorMs: 9000,
      graceMs: 3,
    });
  });

  it('are none where the response says something that cannot be read', () => {
    const value = 'max-age=5, stale-while-revalidate=x';
    expect(termsOf(['cache-control', value], POLICY).staleWhileRevalidateMs).toBe(0);
  });

  const FORBIDDING = ['must-revalidate', 'proxy-revalidate', 's-maxage=9', 'no-cache'];
  const ALLOWING = ['max-age=9', 'public', 'stale-while-revalidate=9', 'stale-if-error=9'];

  it('are none whenever a directive forbids stale answers, whatever stands beside it', () => {
    for (const forbidding of FORBIDDING) {
      for (const beside of fc.sample(fc.subarray([...ALLOWING, ...FORBIDDING]), 40)) {
        expect(termsOf(['cache-control', [...beside, forbidding].join()], POLICY)).toMatchObject(NONE);
      }
    }
  });

  it('say must-revalidate for must-revalidate, proxy-revalidate and s-maxage', () => {
    const said = [...FORBIDDING, ...ALLOWING].filter((value) => termsOf(['cache-control', value]).mustRevalidate);
    expect(said).toEqual(['must-revalidate', 'proxy-revalidate', 's-maxage=9']);
  });

  it('keep no-cache under an override of the lifetime', () => {
    expect(termsOf(['cache-control', 'no-cache'], { ttlMs: 7000 })).toMatchObject({ noCache: true, lifetimeMs: 7000 });
  });

  it('are one frozen value for equal responses', () => {
    expect(termsOf(['cache-control', 'max-age=5'])).toBe(termsOf(['cache-control', 'max-age=5']));
    expect(Object.isFrozen(termsOf([]))).toBe(true);
  });
});
