import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NO_DEMANDS,
  parseCacheControl,
  requestDemands,
  responseDirectives,
} from '../../src/semantics/cache-control.ts';

const CDN = ['cdn-cache-control'];

describe('parseCacheControl', () => {
  it('overlooks the case of names', () => {
    expect(parseCacheControl('No-StOrE, MaX-aGe=3')).toMatchObject({ noStore: true, maxAgeMs: 3000 });
  });

  it('ignores unknown directives', () => {
    expect(parseCacheControl('foobar, immutable, max-age=3')).toEqual(parseCacheControl('max-age=3'));
  });

  it.each(['"3600"', '003600', '3600'])('reads max-age=%s', (argument) => {
    expect(parseCacheControl(`max-age=${argument}`).maxAgeMs).toBe(3_600_000);
  });

  it.each(["'3600'", '3600.0', '-3600', 'a3600', '3600a', '', ' 3600', '""'])('cannot read max-age=%s', (argument) => {
    expect(parseCacheControl(`max-age=${argument}`).maxAgeMs).toBe('invalid');
  });

  it('cannot read max-age without an argument or with a space before its =', () => {
    expect(parseCacheControl('max-age').maxAgeMs).toBe('invalid');
    expect(parseCacheControl('max-age =3').maxAgeMs).toBe('invalid');
  });

  it('takes deltas beyond 2^31 for 2^31', () => {
    expect(parseCacheControl('max-age=99999999999').maxAgeMs).toBe(2 ** 31 * 1000);
  });

  it('does not look for directives in quoted strings', () => {
    expect(parseCacheControl('extension="max-age=3600, no-store", max-age=1')).toEqual(parseCacheControl('max-age=1'));
  });

  it('sees a directive behind a quoted string that never ends', () => {
    expect(parseCacheControl('extension="a, no-store').noStore).toBe(true);
    expect(parseCacheControl('max-age=1, private="\\').isPrivate).toBe(true);
  });

  it('takes equal duplicates as one and differing ones as invalid', () => {
    expect(parseCacheControl('max-age=3, max-age=3').maxAgeMs).toBe(3000);
    expect(parseCacheControl('max-age=3, max-age=4').maxAgeMs).toBe('invalid');
    expect(parseCacheControl('max-age=3, max-age=4, max-age=4').maxAgeMs).toBe('invalid');
  });

  it('tells the qualified forms of no-cache and private from the unqualified ones', () => {
    expect(parseCacheControl('no-cache="A, b", private=C')).toMatchObject({
      noCache: false,
      noCacheFields: ['a', 'b'],
      isPrivate: false,
      privateFields: ['c'],
    });
    expect(parseCacheControl('no-cache="a", no-cache')).toMatchObject({ noCache: true, noCacheFields: ['a'] });
  });

  it.each(['no-cache=""', 'no-cache="a b"', 'no-cache="a', 'no-cache='])('takes %s for unqualified', (value) => {
    expect(parseCacheControl(value).noCache).toBe(true);
  });

  it('takes max-stale without an argument for any staleness', () => {
    expect(parseCacheControl('max-stale').maxStaleMs).toBe(Infinity);
  });

  it('never throws, and never loses a no-store beside whatever came before', () => {
    fc.assert(fc.property(fc.string(), (text) => parseCacheControl(`no-store, ${text}`).noStore));
    fc.assert(fc.property(fc.stringMatching(/^[a-z="\\, ]*$/), (text) => void parseCacheControl(text)));
  });
});

describe('responseDirectives', () => {
  it('takes Cache-Control, its lines combined, where no targeted field is', () => {
    const fields = ['cache-control', 'max-age=1', 'cache-control', 'public'];
    const { directives, field } = responseDirectives(fields, CDN);
    expect(field).toBe('cache-control');
    expect(directives).toMatchObject({ maxAgeMs: 1000, isPublic: true });
  });

  it('lets a targeted field replace Cache-Control', () => {
    const { directives, field } = responseDirectives(
      ['cache-control', 'no-store', 'cdn-cache-control', 'max-age=9'],
      CDN,
    );
    expect(field).toBe('cdn-cache-control');
    expect(directives).toEqual(parseCacheControl('max-age=9'));
  });

  it('takes the first field in the order of precedence', () => {
    const fields = ['cdn-cache-control', 'max-age=1', 'tidegate-cache-control', 'max-age=2'];
    expect(responseDirectives(fields, ['tidegate-cache-control', ...CDN]).field).toBe('tidegate-cache-control');
  });

  it.each(['', 'max-age=10, &&&&&', 'MaX-aGe=10', 'max-age =10', 'max-age= 10', 'max-age=10,'])(
    'ignores a targeted field that is %j',
    (value) => {
      const { field } = responseDirectives(['cache-control', 'max-age=1', 'cdn-cache-control', value], CDN);
      expect(field).toBe('cache-control');
    },
  );

  it.each(['"10"', '10.5', '-10', 'ten', '?1', '(1 2)', ':YQ==:'])('cannot read a targeted max-age=%s', (value) => {
    const { directives } = responseDirectives(['cdn-cache-control', `max-age=${value}`], CDN);
    expect(directives.maxAgeMs).toBe('invalid');
  });

  it('reads lists, flags, parameters and large numbers of a targeted field', () => {
    const value = 'max-age=99999999999;x=1, no-cache="a, b", private, foobar';
    expect(responseDirectives(['cdn-cache-control', value], CDN).directives).toMatchObject({
      maxAgeMs: 2 ** 31 * 1000,
      noCacheFields: ['a', 'b'],
      isPrivate: true,
    });
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void responseDirectives(['cdn-cache-control', text], CDN)));
  });
});

describe('requestDemands', () => {
  it('is the shared value when the request demands nothing', () => {
    expect(requestDemands(['accept', '*/*', 'host', 'a'])).toBe(NO_DEMANDS);
  });

  it('reads the directives', () => {
    const value = 'no-store, no-cache, only-if-cached, max-age=1, max-stale=2, min-fresh=3';
    expect(requestDemands(['cache-control', value])).toEqual({
      noStore: true,
      noCache: true,
      onlyIfCached: true,
      maxAgeMs: 1000,
      maxStaleMs: 2000,
      minFreshMs: 3000,
    });
  });

  it('takes a max-age that cannot be read for 0, and other deltas for absent', () => {
    expect(requestDemands(['cache-control', 'max-age=x, max-stale=x, min-fresh=x'])).toEqual({
      ...NO_DEMANDS,
      maxAgeMs: 0,
    });
  });

  it('takes Pragma: no-cache for no-cache where Cache-Control is absent', () => {
    expect(requestDemands(['pragma', 'x, No-Cache']).noCache).toBe(true);
    expect(requestDemands(['pragma', 'no-cache', 'cache-control', 'max-age=1']).noCache).toBe(false);
    expect(requestDemands(['pragma', 'unknown'])).toBe(NO_DEMANDS);
  });
});
