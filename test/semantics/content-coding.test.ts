import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { CODINGS, type Coding, codingChooser } from '../../src/semantics/content-coding.ts';
import { acceptedCodings } from '../../src/semantics/preferences.ts';

describe('Accept-Encoding (RFC 9110 §12.5.3)', () => {
  test.each<[string | undefined, string]>([
    [undefined, 'identity'],
    ['', 'identity'],
    ['identity', 'identity'],
    ['gzip', 'gzip identity'],
    ['GZip', 'gzip identity'],
    ['x-gzip', 'gzip identity'],
    ['gzip, deflate, br, zstd', 'zstd br gzip identity'],
    ['gzip;q=1.0, br;q=0.9', 'gzip br identity'],
    ['br ; q=0.5 , gzip ;\tQ=0.501', 'gzip br identity'],
    ['gzip;q=0', 'identity'],
    ['gzip;q=0.000, br', 'br identity'],
    ['*', 'zstd br gzip identity'],
    ['*;q=0.1, gzip', 'gzip zstd br identity'],
    ['br;q=0, *', 'zstd gzip identity'],
    ['*;q=0, gzip', 'gzip'],
    ['*;q=0', 'identity'],
    ['identity;q=0', 'identity'],
    ['identity;q=0, gzip', 'gzip'],
    ['identity;q=0, deflate', 'identity'],
    ['identity;q=1, gzip;q=0.5', 'identity gzip'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip identity'],
    ['gzip;q=0.001', 'gzip identity'],
    ['deflate, compress', 'identity'],
    // What cannot be read is not wanted; of two statements the more careful one holds.
    ['gzip;q=2', 'identity'],
    ['gzip;q=0.1234', 'identity'],
    ['gzip;level=9', 'identity'],
    ['gzip;q=1;level=9', 'identity'],
    ['gz ip, br', 'br identity'],
    ['gzip, gzip;q=0', 'identity'],
    ['gzip;q=0, gzip', 'identity'],
    [',, gzip,', 'gzip identity'],
  ])('%j takes %s', (value, expected) => {
    expect(acceptedCodings(value, CODINGS).join(' ')).toBe(expected);
  });

  it('offers no more than the server has, in its order', () => {
    expect(acceptedCodings('gzip, br, zstd', ['gzip', 'br'])).toEqual(['gzip', 'br', 'identity']);
    expect(acceptedCodings('*', [])).toEqual(['identity']);
  });

  const name = fc.constantFrom('zstd', 'br', 'gzip', 'identity', '*', 'deflate');
  const weight = fc.integer({ min: 0, max: 1000 });
  const members = fc.uniqueArray(fc.tuple(name, weight), { selector: ([coding]) => coding, maxLength: 6 });
  const offers = fc.shuffledSubarray([...CODINGS]);

  /** The weight of a coding, read off the RFC's words; undefined: nothing is said for it, and it is acceptable. */
  function stated(list: readonly [string, number][], coding: string): number | undefined {
    const own = list.find(([listed]) => listed === coding) ?? list.find(([listed]) => listed === '*');
    return own?.[1] ?? (coding === 'identity' ? undefined : 0);
  }

  test('any weights: what is taken is what is weighed, the best first, and never nothing', () => {
    fc.assert(
      fc.property(members, offers, (list, offered: Coding[]) => {
        const value = list.map(([coding, q]) => `${coding};q=${(q / 1000).toFixed(3)}`).join(', ');
        const accepted = acceptedCodings(value, offered);
        for (const coding of offered) expect(accepted.includes(coding)).toBe((stated(list, coding) as number) > 0);
        const coded = accepted.filter((coding) => coding !== 'identity');
        expect(accepted.includes('identity')).toBe(stated(list, 'identity') !== 0 || coded.length === 0);
        const weights = accepted.map((coding) => stated(list, coding) ?? 0);
        expect(weights).toEqual([...weights].sort((one, other) => other - one));
        for (const [at, coding] of coded.entries()) {
          const next = coded[at + 1];
          if (next === undefined || stated(list, next) !== stated(list, coding)) continue;
          expect(offered.indexOf(coding)).toBeLessThan(offered.indexOf(next));
        }
      }),
    );
  });

  test('any text is read without an exception, and what is remembered is what would be worked out', () => {
    const choose = codingChooser(CODINGS);
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^[a-z*;=, q01."\\]*$/),
      fc.string({ minLength: 101, maxLength: 120 }),
    );
    fc.assert(
      fc.property(fc.array(texts), (values) => {
        for (const value of [...values, ...values]) expect(choose(value)).toEqual(acceptedCodings(value, CODINGS));
      }),
    );
    expect(choose(undefined)).toEqual(['identity']);
  });
});
