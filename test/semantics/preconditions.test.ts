import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/semantics/fields.ts';
import { evaluatePreconditions, ifRangeHolds, notModifiedFields } from '../../src/semantics/reuse.ts';
import { latin1 } from './latin1.ts';

const MONDAY = 'Mon, 01 Jan 2024 00:00:00 GMT';
const TUESDAY = 'Tue, 02 Jan 2024 00:00:00 GMT';
const WEDNESDAY = 'Wed, 03 Jan 2024 00:00:00 GMT';

function evaluate(request: Fields, stored: Fields, more: { method?: string; status?: number; bornMs?: number } = {}) {
  const { method = 'GET', status = 200, bornMs = 0 } = more;
  return evaluatePreconditions(
    { method, uri: 'http://a.example/', fields: request },
    { status, fields: stored, bornMs },
  );
}

describe('If-None-Match (RFC 9110 §13.1.2)', () => {
  const noneMatch = (value: string, etag: string) => evaluate(['if-none-match', value], ['etag', etag]);

  it('is not-modified when the strong ETag is the same', () => {
    expect(noneMatch('"a"', '"a"')).toBe('not-modified');
  });

  it('proceeds when the ETag differs', () => {
    expect(noneMatch('"a"', '"b"')).toBe('proceed');
  });

  it('compares weakly', () => {
    expect(noneMatch('W/"a"', 'W/"a"')).toBe('not-modified');
    expect(noneMatch('W/"a"', '"a"')).toBe('not-modified');
    expect(noneMatch('"a"', 'W/"a"')).toBe('not-modified');
  });

  it('finds the first, a middle and the last of a list', () => {
    for (const list of ['"a", "1", "2"', '"1", "a", "2"', '"1","2" ,"a"'])
      expect(noneMatch(list, '"a"')).toBe('not-modified');
  });

  it('reads a list that stands on several lines', () => {
    expect(evaluate(['if-none-match', '"1"', 'if-none-match', '"a"'], ['etag', '"a"'])).toBe('not-modified');
  });

  it('takes a comma and a backslash within an entity tag as part of it', () => {
    expect(noneMatch('"a,b"', '"b"')).toBe('proceed');
    expect(noneMatch('"x\\", "a"', '"a"')).toBe('not-modified');
  });

  it('compares obs-text', () => {
    expect(noneMatch('"abcü"', '"abcü"')).toBe('not-modified');
  });

  it('overlooks missing quotes and a small w, as many origins and clients do', () => {
    expect(noneMatch('abc', '"abc"')).toBe('not-modified');
    expect(noneMatch('"abc"', 'abc')).toBe('not-modified');
    expect(noneMatch('w/"abc"', 'W/"abc"')).toBe('not-modified');
  });

  it('takes * as any representation, even one without an ETag', () => {
    expect(evaluate(['if-none-match', ' * '], [])).toBe('not-modified');
  });

  it('proceeds when the stored response has no ETag', () => {
    expect(evaluate(['if-none-match', '"a"'], [])).toBe('proceed');
  });

  it('proceeds on an empty list', () => {
    expect(noneMatch('', '"a"')).toBe('proceed');
  });

  it('hides If-Modified-Since', () => {
    const request = ['if-none-match', '"b"', 'if-modified-since', WEDNESDAY];
    expect(evaluate(request, ['etag', '"a"', 'last-modified', MONDAY])).toBe('proceed');
  });
});

describe('If-Modified-Since (RFC 9110 §13.1.3)', () => {
  const since = (value: string, stored: Fields) => evaluate(['if-modified-since', value], stored);

  it('is not-modified when Last-Modified is the same or earlier', () => {
    expect(since(TUESDAY, ['last-modified', TUESDAY])).toBe('not-modified');
    expect(since(TUESDAY, ['last-modified', MONDAY])).toBe('not-modified');
  });

  it('proceeds when Last-Modified is later', () => {
    expect(since(TUESDAY, ['last-modified', WEDNESDAY])).toBe('proceed');
  });

  it('reads an equivalent RFC 850 date', () => {
    expect(since('Tuesday, 02-Jan-24 00:00:00 GMT', ['last-modified', TUESDAY])).toBe('not-modified');
  });

  it('uses Date where Last-Modified is absent (RFC 9111 §4.3.2)', () => {
    expect(since(TUESDAY, ['date', MONDAY])).toBe('not-modified');
    expect(since(TUESDAY, ['date', WEDNESDAY])).toBe('proceed');
  });

  it('uses the instant of age 0 where Date is absent too', () => {
    expect(evaluate(['if-modified-since', TUESDAY], [], { bornMs: Date.parse(MONDAY) })).toBe('not-modified');
    expect(evaluate(['if-modified-since', TUESDAY], [], { bornMs: Date.parse(WEDNESDAY) })).toBe('proceed');
  });

  it('is ignored when it is not one valid date', () => {
    for (const value of ['yesterday', '', '0', `${TUESDAY}, ${TUESDAY}`]) {
      expect(since(value, ['last-modified', MONDAY])).toBe('none');
    }
  });
});

describe('which preconditions a cache evaluates (RFC 9111 §4.3.2)', () => {
  it('leaves If-Match and If-Unmodified-Since to the origin', () => {
    expect(evaluate(['if-match', '"a"'], ['etag', '"a"'])).toBe('forward');
    expect(evaluate(['if-unmodified-since', TUESDAY], ['last-modified', MONDAY])).toBe('forward');
    expect(evaluate(['if-none-match', '"a"', 'if-match', '"a"'], ['etag', '"a"'])).toBe('forward');
  });

  it('evaluates them for HEAD as for GET', () => {
    expect(evaluate(['if-none-match', '"a"'], ['etag', '"a"'], { method: 'HEAD' })).toBe('not-modified');
  });

  it('evaluates none for other methods', () => {
    expect(evaluate(['if-none-match', '"a"'], ['etag', '"a"'], { method: 'OPTIONS' })).toBe('none');
  });

  it('evaluates none where the answer would not be a success (RFC 9110 §13.2.1)', () => {
    expect(evaluate(['if-none-match', '"a"'], ['etag', '"a"'], { status: 404 })).toBe('none');
  });

  it('says none to a request without preconditions', () => {
    expect(evaluate(['accept', '*/*'], ['etag', '"a"'])).toBe('none');
  });

  it('throws on no value', () => {
    const name = fc.constantFrom('if-none-match', 'if-modified-since', 'if-match');
    fc.assert(
      fc.property(name, latin1, latin1, (field, value, etag) => {
        evaluate([field, value], ['etag', etag, 'last-modified', value]);
        ifRangeHolds(['if-range', value], ['etag', etag, 'last-modified', value, 'date', etag]);
      }),
    );
  });

  it('finds an entity tag in every list that has it', () => {
    const tag = fc.stringMatching(/^(W\/)?"[!#-~]*"$/);
    fc.assert(
      fc.property(fc.array(tag), tag, fc.array(tag), (before, wanted, after) => {
        expect(evaluate(['if-none-match', [...before, wanted, ...after].join(', ')], ['etag', wanted])).toBe(
          'not-modified',
        );
      }),
    );
  });
});

describe('If-Range (RFC 9110 §13.1.5)', () => {
  it('holds when absent', () => {
    expect(ifRangeHolds([], ['etag', '"a"'])).toBe(true);
  });

  it('compares entity tags strongly', () => {
    expect(ifRangeHolds(['if-range', '"a"'], ['etag', '"a"'])).toBe(true);
    expect(ifRangeHolds(['if-range', '"b"'], ['etag', '"a"'])).toBe(false);
    expect(ifRangeHolds(['if-range', 'W/"a"'], ['etag', 'W/"a"'])).toBe(false);
    expect(ifRangeHolds(['if-range', 'a'], ['etag', 'a'])).toBe(false);
  });

  it('takes a date where Last-Modified is that very date, and strong by the Date of its body', () => {
    const stored = ['last-modified', MONDAY, 'date', TUESDAY];
    expect(ifRangeHolds(['if-range', MONDAY], stored, true)).toBe(true);
    expect(ifRangeHolds(['if-range', TUESDAY], stored, true)).toBe(false);
    expect(ifRangeHolds(['if-range', MONDAY], ['date', TUESDAY], true)).toBe(false);
  });

  it('fails for any other date: Date, which would show that it is strong, may be that of a later 304', () => {
    const stored = ['last-modified', MONDAY, 'date', TUESDAY];
    expect(ifRangeHolds(['if-range', MONDAY], stored)).toBe(false);
  });

  it('fails for a Last-Modified date that is not strong (RFC 9110 §8.8.2.2)', () => {
    expect(ifRangeHolds(['if-range', MONDAY], ['last-modified', MONDAY, 'date', MONDAY])).toBe(false);
    expect(ifRangeHolds(['if-range', MONDAY], ['last-modified', MONDAY])).toBe(false);
  });

  it('fails when it cannot be read', () => {
    expect(ifRangeHolds(['if-range', 'soon'], ['last-modified', MONDAY, 'date', TUESDAY])).toBe(false);
  });
});

describe('fields of a 304 (RFC 9110 §15.4.5)', () => {
  it('are those a 200 would have, without representation metadata', () => {
    const required = [
      'cache-control',
      'max-age=1',
      'content-location',
      '/b',
      'date',
      MONDAY,
      'etag',
      '"a"',
      'expires',
      '0',
    ];
    const stored = [
      ...required,
      'vary',
      'accept',
      'content-type',
      'text/html',
      'content-length',
      '3',
      'content-encoding',
      'br',
    ];
    expect(notModifiedFields(stored)).toEqual([...required, 'vary', 'accept']);
  });

  it('have Last-Modified only where there is no ETag', () => {
    expect(notModifiedFields(['last-modified', MONDAY])).toEqual(['last-modified', MONDAY]);
    expect(notModifiedFields(['last-modified', MONDAY, 'etag', '"a"'])).toEqual(['etag', '"a"']);
  });

  it('keep fields that are no representation metadata', () => {
    const stored = ['content-security-policy', "default-src 'self'", 'access-control-allow-origin', '*'];
    expect(notModifiedFields(stored)).toEqual(stored);
  });
});
