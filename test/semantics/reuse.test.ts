import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { NO_DEMANDS, type RequestDemands } from '../../src/semantics/cache-control.ts';
import type { ReuseTerms } from '../../src/semantics/freshness.ts';
import { ageSeconds, decideReuse, REUSE_REASONS, ttlSeconds } from '../../src/semantics/reuse.ts';

const TERMS: ReuseTerms = {
  lifetimeMs: 10_000,
  source: 'max-age',
  noCache: false,
  mustRevalidate: false,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  graceMs: 0,
};

interface Situation {
  readonly ageMs: number;
  readonly demands?: Partial<RequestDemands>;
  readonly terms?: Partial<ReuseTerms>;
  readonly outdated?: boolean;
}

function decide({ ageMs, demands, terms, outdated = false }: Situation) {
  const asked = demands === undefined ? NO_DEMANDS : { ...NO_DEMANDS, ...demands };
  return decideReuse(asked, { bornMs: 1000, terms: { ...TERMS, ...terms } }, { now: 1000 + ageMs, outdated });
}

describe('without demands', () => {
  it('serves what is fresh', () => {
    expect(decide({ ageMs: 9999 })).toEqual({ kind: 'serve', reason: 'fresh' });
  });

  it('validates at the very end of the lifetime', () => {
    expect(decide({ ageMs: 10_000 })).toEqual({ kind: 'validate', reason: 'stale', onError: 'nothing' });
  });

  it('serves and validates within stale-while-revalidate', () => {
    const terms = { staleWhileRevalidateMs: 5000 };
    expect(decide({ ageMs: 14_999, terms }).kind).toBe('serve-and-validate');
    expect(decide({ ageMs: 15_000, terms }).kind).toBe('validate');
  });

  it('falls back on any failure within stale-if-error, on an unreachable origin within grace', () => {
    const terms = { staleIfErrorMs: 5000, graceMs: 8000 };
    expect(decide({ ageMs: 14_999, terms })).toMatchObject({ onError: 'serve-stale-if-error' });
    expect(decide({ ageMs: 15_000, terms })).toMatchObject({ onError: 'serve-in-grace' });
    expect(decide({ ageMs: 18_000, terms })).toMatchObject({ onError: 'nothing' });
  });

  it('validates no-cache before every use, with nothing to fall back on', () => {
    const expected = { kind: 'validate', reason: 'no-cache', onError: 'nothing' };
    expect(decide({ ageMs: 0, terms: { noCache: true } })).toEqual(expected);
  });

  it('allocates no decision', () => {
    expect(decide({ ageMs: 1 })).toBe(decide({ ageMs: 2 }));
    expect(decide({ ageMs: 20_000 })).toBe(decide({ ageMs: 30_000 }));
    expect(Object.isFrozen(decide({ ageMs: 1 }))).toBe(true);
  });
});

describe('with demands', () => {
  it('validates for no-cache, with nothing to fall back on', () => {
    const expected = { kind: 'validate', reason: 'request-no-cache', onError: 'nothing' };
    expect(decide({ ageMs: 0, demands: { noCache: true }, terms: { graceMs: 9 } })).toEqual(expected);
  });

  it('validates what is older than max-age', () => {
    expect(decide({ ageMs: 5000, demands: { maxAgeMs: 5000 } }).kind).toBe('serve');
    expect(decide({ ageMs: 5001, demands: { maxAgeMs: 5000 } })).toMatchObject({ reason: 'request-max-age' });
  });

  it('validates for max-age=0, however new the response is', () => {
    expect(decide({ ageMs: 0, demands: { maxAgeMs: 0 } })).toMatchObject({ reason: 'request-max-age' });
  });

  it('falls back on what is fresh when only the client wanted it newer', () => {
    expect(decide({ ageMs: 1, demands: { maxAgeMs: 0 } })).toMatchObject({ onError: 'serve-stale-if-error' });
  });

  it('validates what does not stay fresh for min-fresh', () => {
    expect(decide({ ageMs: 5000, demands: { minFreshMs: 5000 } }).kind).toBe('serve');
    expect(decide({ ageMs: 5001, demands: { minFreshMs: 5000 } })).toMatchObject({ reason: 'request-min-fresh' });
  });

  it('serves stale within max-stale', () => {
    const demands = { maxStaleMs: 2000 };
    expect(decide({ ageMs: 12_000, demands })).toEqual({ kind: 'serve', reason: 'max-stale' });
    expect(decide({ ageMs: 12_001, demands })).toMatchObject({ kind: 'validate', reason: 'stale' });
    expect(decide({ ageMs: 999_999, demands: { maxStaleMs: Infinity } }).kind).toBe('serve');
  });

  it('does not serve stale for max-stale where must-revalidate forbids it', () => {
    const decision = decide({ ageMs: 12_000, demands: { maxStaleMs: 9000 }, terms: { mustRevalidate: true } });
    expect(decision.kind).toBe('validate');
  });

  it('serves nothing stale to a client that sends max-age or min-fresh without max-stale', () => {
    const terms = { staleWhileRevalidateMs: 5000 };
    expect(decide({ ageMs: 11_000, demands: { maxAgeMs: 60_000 }, terms }).kind).toBe('validate');
    expect(decide({ ageMs: 11_000, demands: { minFreshMs: 1 }, terms }).kind).toBe('validate');
    expect(decide({ ageMs: 11_000, demands: { noStore: true }, terms }).kind).toBe('serve-and-validate');
  });

  it('refuses only-if-cached where it would have to validate', () => {
    const demands = { onlyIfCached: true };
    expect(decide({ ageMs: 1, demands }).kind).toBe('serve');
    expect(decide({ ageMs: 10_000, demands })).toEqual({ kind: 'refuse', reason: 'only-if-cached' });
    expect(decide({ ageMs: 1, demands, outdated: true }).kind).toBe('refuse');
  });
});

const anyMs = fc.constantFrom(0, 1, 5000, 20_000, Infinity);
const anyDemands = fc.record({
  noStore: fc.boolean(),
  noCache: fc.boolean(),
  onlyIfCached: fc.boolean(),
  maxAgeMs: fc.option(anyMs, { nil: undefined }),
  maxStaleMs: anyMs,
  minFreshMs: anyMs,
});
const anyTerms = fc.record({
  lifetimeMs: anyMs,
  source: fc.constant('max-age' as const),
  noCache: fc.boolean(),
  mustRevalidate: fc.boolean(),
  staleWhileRevalidateMs: anyMs,
  staleIfErrorMs: anyMs,
  graceMs: anyMs,
});
const anyAge = fc.integer({ min: -100, max: 50_000 });

describe('for all demands and terms', () => {
  it('an outdated response is served by no decision and no fallback', () => {
    fc.assert(
      fc.property(fc.option(anyDemands, { nil: undefined }), anyTerms, anyAge, (demands, terms, ageMs) => {
        const decision = decide({ ageMs, terms, outdated: true, ...(demands && { demands }) });
        expect(['validate', 'refuse']).toContain(decision.kind);
        if (decision.kind === 'validate') expect(decision).toMatchObject({ reason: 'outdated', onError: 'nothing' });
      }),
    );
  });

  it('a no-cache response is not served before it is validated', () => {
    fc.assert(
      fc.property(anyDemands, anyTerms, anyAge, (demands, terms, ageMs) => {
        const decision = decide({ ageMs, demands, terms: { ...terms, noCache: true } });
        expect(['validate', 'refuse']).toContain(decision.kind);
      }),
    );
  });

  it('demands of nothing decide as no demands do', () => {
    fc.assert(
      fc.property(anyTerms, anyAge, (terms, ageMs) => {
        expect(decide({ ageMs, demands: {}, terms })).toBe(decide({ ageMs, terms }));
      }),
    );
  });

  it('every reason has its section and sentence', () => {
    fc.assert(
      fc.property(anyDemands, anyTerms, anyAge, (demands, terms, ageMs) => {
        const { section, sentence } = REUSE_REASONS[decide({ ageMs, demands, terms }).reason];
        expect(section).toMatch(/^RFC \d+ §\d/);
        expect(sentence).toMatch(/\.$/);
      }),
    );
  });
});

describe('seconds for the wire', () => {
  it('cut off parts of a second of the age', () => {
    expect(ageSeconds(1000, 2999)).toBe(1);
    expect(ageSeconds(1000, 500)).toBe(0);
  });

  it('are negative for the lifetime of what is stale', () => {
    expect(ttlSeconds({ bornMs: 0, terms: TERMS }, 1000)).toBe(9);
    expect(ttlSeconds({ bornMs: 0, terms: TERMS }, 10_001)).toBe(-1);
  });
});
