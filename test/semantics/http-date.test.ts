import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatHttpDate, parseHttpDate } from '../../src/semantics/fields.ts';

const NOW = Date.UTC(2026, 10, 21);
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37);

describe('parseHttpDate', () => {
  it('reads IMF-fixdate', () => {
    expect(parseHttpDate('Sun, 06 Nov 1994 08:49:37 GMT', NOW)).toBe(EXAMPLE);
  });

  it('reads the RFC 850 format', () => {
    expect(parseHttpDate('Sunday, 06-Nov-94 08:49:37 GMT', NOW)).toBe(EXAMPLE);
  });

  it('reads the asctime format', () => {
    expect(parseHttpDate('Sun Nov  6 08:49:37 1994', NOW)).toBe(EXAMPLE);
    expect(parseHttpDate('Wed Nov 16 08:49:37 1994', NOW)).toBe(Date.UTC(1994, 10, 16, 8, 49, 37));
  });

  it('overlooks letter case', () => {
    expect(parseHttpDate('SUN, 06 nov 1994 08:49:37 gmt', NOW)).toBe(EXAMPLE);
  });

  it('takes a two-digit year at most 50 years ahead for the future', () => {
    expect(parseHttpDate('Friday, 20-Nov-76 00:00:00 GMT', NOW)).toBe(Date.UTC(2076, 10, 20));
  });

  it('takes a two-digit year more than 50 years ahead for the past', () => {
    expect(parseHttpDate('Monday, 22-Nov-76 00:00:00 GMT', NOW)).toBe(Date.UTC(1976, 10, 22));
  });

  it('dates two-digit years across the turn of a century', () => {
    expect(parseHttpDate('Friday, 01-Jan-05 00:00:00 GMT', Date.UTC(2098, 0, 1))).toBe(Date.UTC(2105, 0, 1));
  });

  it('reads a leap second as the second after it', () => {
    expect(parseHttpDate('Sat, 31 Dec 2016 23:59:60 GMT', NOW)).toBe(Date.UTC(2017, 0, 1));
  });

  it.each([
    undefined,
    '',
    '0',
    '-1',
    'Sun, 06 Nov 1994 08:49:37 UTC',
    'Sun, 06 Nov 1994 08:49:37',
    'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT',
    'Sun,  06 Nov 1994 08:49:37 GMT',
    'Sun, 06-Nov-1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT',
    'Sun, 06 Nov 1994 8:49:37 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT',
    'Sun, 30 Feb 2020 00:00:00 GMT',
    'Sun, 00 Jan 2020 00:00:00 GMT',
    '1994-11-06T08:49:37Z',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT',
  ])('takes %j for no date', (value) => {
    expect(parseHttpDate(value, NOW)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(fc.property(fc.string(), (text) => void parseHttpDate(text, NOW)));
  });
});

describe('formatHttpDate', () => {
  it('writes IMF-fixdate', () => {
    expect(formatHttpDate(EXAMPLE + 999)).toBe('Sun, 06 Nov 1994 08:49:37 GMT');
  });

  it('writes what parseHttpDate reads back', () => {
    const seconds = fc.integer({ min: 0, max: 253_402_300_799 });
    fc.assert(fc.property(seconds, (s) => parseHttpDate(formatHttpDate(s * 1000), NOW) === s * 1000));
  });
});
