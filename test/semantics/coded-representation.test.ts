import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import {
  CODINGS,
  type CodingRules,
  codedEtag,
  codedFields,
  codingChooser,
  codingRefusal,
  isCompressibleType,
  originEtags,
  withVaryByCoding,
} from '../../src/semantics/content-coding.ts';
import { fieldLines, fieldValue } from '../../src/semantics/fields.ts';

const rules: CodingRules = { accepted: codingChooser(CODINGS), minBytes: 100, takesType: isCompressibleType };

describe('which responses are put in a coding', () => {
  test.each<[number, readonly string[], number | undefined, string | undefined]>([
    [200, ['content-type', 'text/html'], 100, undefined],
    [200, ['content-type', 'Application/JSON; charset=utf-8'], undefined, undefined],
    [404, ['content-type', 'text/plain'], 100, undefined],
    [200, ['content-type', 'text/html'], 99, 'small'],
    [200, ['content-type', 'image/png'], 1000, 'type'],
    [200, ['content-type', 'text/event-stream'], 1000, 'type'],
    [200, [], 1000, 'type'],
    [206, ['content-type', 'text/html'], 1000, 'status'],
    [204, ['content-type', 'text/html'], 0, 'status'],
    [200, ['content-type', 'text/html', 'content-encoding', 'br'], 1000, 'encoded'],
    [200, ['content-type', 'text/html', 'cache-control', 'max-age=1, No-Transform'], 1000, 'no-transform'],
    [
      200,
      ['content-type', 'text/html', 'cache-control', 'max-age=1', 'cache-control', 'no-transform'],
      1000,
      'no-transform',
    ],
    [200, ['content-type', 'text/html', 'cache-control', 'x="no-transform"'], 1000, undefined],
  ])('%i %j of %s bytes: %s', (status, fields, bytes, expected) => {
    expect(codingRefusal({ status, fields }, rules, bytes)).toBe(expected);
  });

  test.each([
    ['application/geo+json', true],
    ['image/svg+xml', true],
    ['application/wasm', true],
    ['application/json', true],
    ['application/jsonl', true],
    ['application/jsonx', false],
    ['application/x-sh', true],
    ['application/x-shockwave-flash', false],
    ['image/x-icon', true],
    ['text/css', true],
    ['font/ttf', true],
    ['font/woff2', false],
    ['application/zip', false],
    ['video/mp4', false],
    ['application/octet-stream', false],
  ])('%s: %s', (type, expected) => {
    expect(isCompressibleType(type)).toBe(expected);
  });
});

describe('Vary', () => {
  const vary = (fields: readonly string[], status = 200) =>
    fieldLines(withVaryByCoding({ status, fields: ['content-type', 'text/html', ...fields] }, rules), 'vary');

  it('gets Accept-Encoding once, behind what stands there', () => {
    expect(vary([])).toEqual(['Accept-Encoding']);
    expect(vary(['vary', 'Accept-Language', 'vary', 'cookie'])).toEqual(['Accept-Language, cookie, Accept-Encoding']);
    expect(vary(['vary', 'cookie, accept-encoding'])).toEqual(['cookie, accept-encoding']);
    expect(vary(['vary', '*'])).toEqual(['*']);
  });

  it('stays as it is where nothing is ever coded', () => {
    expect(vary(['content-length', '99'])).toEqual([]);
    expect(vary(['content-encoding', 'gzip'])).toEqual([]);
    expect(vary(['cache-control', 'no-transform'])).toEqual([]);
    expect(vary([], 304)).toEqual([]);
  });

  it('is the same for a part as for the whole', () => {
    expect(vary(['content-range', 'bytes 0-9/100', 'content-length', '10'], 206)).toEqual(['Accept-Encoding']);
    expect(vary(['content-range', 'bytes 0-9/99', 'content-length', '10'], 206)).toEqual([]);
  });
});

describe('the fields of a coded response', () => {
  it('say its coding and length, and nothing of the bytes it was made from', () => {
    const fields = [
      ...['content-type', 'text/css', 'content-length', '900', 'etag', '"v1"', 'accept-ranges', 'bytes'],
      ...['content-md5', 'Q2hlY2sgSW50ZWdyaXR5IQ==', 'digest', 'a', 'content-digest', 'b', 'repr-digest', 'c'],
      ...['last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
    ];
    expect(codedFields(fields, 'br', 300)).toEqual([
      ...['content-type', 'text/css', 'etag', '"v1~br"', 'last-modified', 'Sun, 06 Nov 1994 08:49:37 GMT'],
      ...['content-encoding', 'br', 'content-length', '300'],
    ]);
    expect(fieldValue(fields, 'content-length')).toBe('900');
  });
});

describe('entity tags', () => {
  test.each([
    ['"v1"', '"v1~gzip"'],
    ['W/"v1"', 'W/"v1~gzip"'],
    ['""', '"~gzip"'],
    ['bare', 'bare~gzip'],
    ['"v1~br"', '"v1~br~gzip"'],
  ])('%s becomes %s, and again what it was', (etag, coded) => {
    expect(codedEtag(etag, 'gzip')).toBe(coded);
    expect(originEtags(coded)).toBe(etag);
  });

  test.each([
    ['*', '*'],
    ['"a"', '"a"'],
    ['"a~br", W/"b~zstd" ,"c~gzip","d~deflate"', '"a", W/"b" ,"c","d~deflate"'],
    ['"~brb"', '"~brb"'],
  ])('the list %s is %s to the origin', (list, expected) => {
    expect(originEtags(list)).toBe(expected);
  });

  test('whatever the tag: each coding has one of its own, and the way back is exact', () => {
    const etag = fc
      .tuple(fc.constantFrom('', 'W/'), fc.stringMatching(/^[!#-~]{0,12}$/))
      .map(([weak, text]) => `${weak}"${text}"`);
    fc.assert(
      fc.property(fc.uniqueArray(etag, { maxLength: 4 }), (etags) => {
        const coded = etags.flatMap((one) => CODINGS.map((coding) => codedEtag(one, coding)));
        expect(new Set(coded).size).toBe(coded.length);
        for (const one of etags) for (const coding of CODINGS) expect(originEtags(codedEtag(one, coding))).toBe(one);
      }),
    );
  });
});
