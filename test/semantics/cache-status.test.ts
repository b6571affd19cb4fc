import fc from 'fast-check';
import { parseList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import { ENGINE_REFUSALS } from '../../src/engine/http/draft.ts';
import { formatCacheStatus, type Outcome, withCacheStatus } from '../../src/semantics/outcome.ts';
import { STORING_REFUSALS } from '../../src/semantics/storing.ts';

function parsed(text: string): { name: string; params: Record<string, unknown> }[] {
  return parseList(text).map(([name, params]) => ({
    name: String(name),
    params: Object.fromEntries(
      [...params].map(([key, value]) => [key, typeof value === 'object' ? String(value) : value]),
    ),
  }));
}

describe('our member of Cache-Status (RFC 9211 §2)', () => {
  it('is short for a hit', () => {
    expect(formatCacheStatus('tidegate', { hit: true, ttlSeconds: 123 })).toBe('tidegate; hit; ttl=123');
  });

  it('says all of a forward', () => {
    const outcome: Outcome = {
      hit: false,
      forward: 'stale',
      forwardStatus: 304,
      ttlSeconds: 60,
      stored: true,
      collapsed: true,
      detail: 'validated',
    };
    expect(parsed(formatCacheStatus('tidegate', outcome))).toEqual([
      {
        name: 'tidegate',
        params: { fwd: 'stale', 'fwd-status': 304, ttl: 60, stored: true, collapsed: true, detail: 'validated' },
      },
    ]);
  });

  it('never has hit and fwd together', () => {
    expect(formatCacheStatus('t', { hit: true, forward: 'miss' })).toBe('t; hit');
  });

  it('says false where something is known not to have happened, nothing where it is not known', () => {
    expect(formatCacheStatus('t', { hit: false, forward: 'miss', stored: false })).toBe('t; fwd=miss; stored=?0');
    expect(formatCacheStatus('t', { hit: false, detail: 'only-if-cached' })).toBe('t; detail=only-if-cached');
  });

  it('says why nothing was stored, before what else there is to say', () => {
    const outcome = { hit: false, forward: 'uri-miss', stored: false, refusal: 'set-cookie' } as const;
    expect(formatCacheStatus('t', outcome)).toBe('t; fwd=uri-miss; stored=?0; detail=set-cookie');
    expect(formatCacheStatus('t', { ...outcome, detail: 'hit-for-miss' })).toBe(
      't; fwd=uri-miss; stored=?0; detail=set-cookie',
    );
  });

  it('names a token for every refusal', () => {
    const refusals = Object.keys({ ...STORING_REFUSALS, ...ENGINE_REFUSALS });
    expect(refusals.length).toBeGreaterThan(20);
    for (const refusal of refusals) {
      const [member] = parsed(formatCacheStatus('t', { hit: false, stored: false, refusal }));
      expect(member?.params).toEqual({ stored: false, detail: refusal });
    }
  });

  it('has whole seconds, rounded down, negative when stale', () => {
    expect(formatCacheStatus('t', { hit: true, ttlSeconds: 1.9 })).toBe('t; hit; ttl=1');
    expect(formatCacheStatus('t', { hit: true, ttlSeconds: -0.1 })).toBe('t; hit; ttl=-1');
  });

  it('has a quoted name where it is no token', () => {
    expect(formatCacheStatus('my "cache"', { hit: true })).toBe('"my \\"cache\\""; hit');
  });

  it('can be read back for every name and number', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), fc.double(), (name, ttlSeconds) => {
        const [member] = parsed(formatCacheStatus(name, { hit: true, ttlSeconds }));
        expect(member?.name).toBe(name);
        expect(member?.params.hit).toBe(true);
        expect(Number.isInteger(member?.params.ttl)).toBe(true);
      }),
    );
  });
});

describe('Cache-Status of a response', () => {
  it('has our member after those of caches nearer the origin', () => {
    const fields = withCacheStatus(['cache-status', 'inner; hit', 'a', '1'], 'tidegate; fwd=miss');
    expect(fields).toEqual(['cache-status', 'inner; hit', 'a', '1', 'cache-status', 'tidegate; fwd=miss']);
  });
});
