import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldValue } from '../../src/semantics/fields.ts';
import {
  type Part,
  parseContentRange,
  parseRange,
  type RangeAnswer,
  rangeAnswer,
  resolveRanges,
} from '../../src/semantics/ranges.ts';
import { latin1 } from './latin1.ts';
import { bytes, part, ranges, text, whole } from './parts.ts';

const OPEN = Number.POSITIVE_INFINITY;
const BOUNDARY = '-=tidegate=-';

function answer(of: Part, value: string) {
  const made = rangeAnswer(of, ranges(value), BOUNDARY);
  if (made === undefined) return undefined;
  return { status: made.status, range: fieldValue(made.fields, 'content-range'), body: text(made.body) };
}

describe('Range (RFC 9110 §14.2)', () => {
  it.each([
    ['bytes=0-4', [{ first: 0, last: 4 }]],
    ['bytes=6-', [{ first: 6, last: OPEN }]],
    ['bytes=-5', [{ suffix: 5 }]],
    ['Bytes=0-0 , ,-1', [{ first: 0, last: 0 }, { suffix: 1 }]],
    [`bytes=${'9'.repeat(400)}-`, [{ first: Number.MAX_SAFE_INTEGER, last: OPEN }]],
  ])('reads %s', (value, expected) => {
    expect(parseRange(value)).toEqual(expected);
  });

  it.each([
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=4-3',
    'bytes=a-b',
    'bytes=0-1;2-3',
    'lines=0-1',
    'bytes 0-1',
    'bytes=0-1, x',
  ])('ignores "%s"', (value) => {
    expect(parseRange(value)).toBeUndefined();
  });

  it('ignores more ranges than a client can need', () => {
    expect(parseRange(`bytes=${Array(50).fill('0-0').join()}`)).toHaveLength(50);
    expect(parseRange(`bytes=${Array(51).fill('0-0').join()}`)).toBeUndefined();
  });

  it('throws on no value', () => {
    fc.assert(
      fc.property(latin1, fc.stringMatching(/^bytes[= ][\d,*/ -]*$/), (any, near) => {
        for (const value of [any, near, `bytes=${any}`]) {
          parseRange(value);
          parseContentRange(value);
        }
      }),
    );
  });
});

describe('ranges within a representation (RFC 9110 §14.1.2)', () => {
  const spans = (value: string, length: number) =>
    resolveRanges(ranges(value), length).map((span) => [span.first, span.last]);

  it('end where it ends', () => {
    expect(spans('bytes=6-99', 10)).toEqual([[6, 9]]);
    expect(spans('bytes=6-', 10)).toEqual([[6, 9]]);
  });

  it('count a suffix from its end, at most all of it', () => {
    expect(spans('bytes=-3', 10)).toEqual([[7, 9]]);
    expect(spans('bytes=-30', 10)).toEqual([[0, 9]]);
  });

  it('drop what cannot be satisfied', () => {
    expect(spans('bytes=10-,-0,1-1', 10)).toEqual([[1, 1]]);
    expect(spans('bytes=0-,-1', 0)).toEqual([]);
  });

  it('keep the order asked for', () => {
    expect(spans('bytes=8-8,0-0,4-4', 10)).toEqual([
      [8, 8],
      [0, 0],
      [4, 4],
    ]);
  });

  it('are joined when they overlap or touch, at the place of the first', () => {
    expect(spans('bytes=6-7,0-0,8-8,5-6', 10)).toEqual([
      [5, 8],
      [0, 0],
    ]);
    expect(spans('bytes=0-1,5-6,2-4', 10)).toEqual([[0, 6]]);
  });
});

describe('Content-Range (RFC 9110 §14.4)', () => {
  it('is a span and the complete length, when known', () => {
    expect(parseContentRange('bytes 4-9/10')).toEqual({ first: 4, last: 9, complete: 10 });
    expect(parseContentRange('bytes 4-9/*')).toEqual({ first: 4, last: 9, complete: undefined });
  });

  it('is the complete length alone when unsatisfied', () => {
    expect(parseContentRange('bytes */10')).toEqual({ unsatisfied: 10 });
  });

  it.each([
    '',
    'bytes 9-4/10',
    'bytes 4-10/10',
    'bytes */*',
    'lines 0-1/2',
    'bytes=0-1/2',
    'bytes 0-1',
    'bytes 0-1/2, bytes 3-4/5',
  ])('is invalid as "%s"', (value) => {
    expect(parseContentRange(value)).toBeUndefined();
  });
});

describe('the answer to a range (RFC 9110 §15.3.7)', () => {
  it('is a 206 with Content-Range and the length of the part', () => {
    const made = rangeAnswer(whole('0123456789', ['content-length', '10', 'a', '1']), ranges('bytes=1-3'), BOUNDARY);
    expect(made).toMatchObject({
      status: 206,
      fields: ['a', '1', 'content-length', '3', 'content-range', 'bytes 1-3/10'],
    });
  });

  it('drops digests of the whole content', () => {
    const made = rangeAnswer(whole('01', ['content-md5', 'x', 'content-digest', 'y']), ranges('bytes=0-0'), BOUNDARY);
    expect(made?.fields).toEqual(['content-length', '1', 'content-range', 'bytes 0-0/2']);
  });

  it('comes from a stored part as from the whole', () => {
    expect(answer(part('0123456789', 4, 10), 'bytes=6-8')).toEqual({ status: 206, range: 'bytes 6-8/10', body: '678' });
  });

  it('is undefined where the part lacks bytes', () => {
    expect(answer(part('0123456789', 4, 10), 'bytes=3-8')).toBeUndefined();
  });

  it('is 416 with the complete length when nothing is satisfiable (RFC 9110 §15.5.17)', () => {
    expect(answer(whole('0123456789'), 'bytes=10-')).toEqual({ status: 416, range: 'bytes */10', body: '' });
    expect(answer(whole('0123456789'), 'bytes=-0')?.status).toBe(416);
    expect(answer(whole(''), 'bytes=0-0')).toEqual({ status: 416, range: 'bytes */0', body: '' });
  });

  it('is 416 without the validators and freshness of the representation', () => {
    const fields = [
      'etag',
      '"a"',
      'cache-control',
      'max-age=9',
      'content-type',
      'a/b',
      'access-control-allow-origin',
      '*',
    ];
    const made = rangeAnswer(whole('0', fields), ranges('bytes=9-'), BOUNDARY);
    expect(made?.fields).toEqual([
      'access-control-allow-origin',
      '*',
      'content-length',
      '0',
      'content-range',
      'bytes */1',
    ]);
  });

  it('is the empty whole when its end is asked for', () => {
    expect(answer(whole(''), 'bytes=-5')).toEqual({ status: 200, range: undefined, body: '' });
  });

  it('is multipart/byteranges for ranges that lie apart (RFC 9110 §14.6)', () => {
    const made = rangeAnswer(whole('0123456789', ['content-type', 'text/plain']), ranges('bytes=0-1,-1'), 'B');
    expect(text(made?.body as Uint8Array)).toBe(
      '\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/10\r\n\r\n01' +
        '\r\n--B\r\nContent-Type: text/plain\r\nContent-Range: bytes 9-9/10\r\n\r\n9' +
        '\r\n--B--\r\n',
    );
    expect(made?.fields).toEqual([
      ...['content-type', 'multipart/byteranges; boundary=B'],
      ...['content-length', String(made?.body.length)],
    ]);
  });

  it('has every byte asked for and no other, single or multipart', () => {
    const position = fc.nat({ max: 25 });
    const spec = fc.oneof(
      fc.tuple(position, position).map(([one, other]) => `${Math.min(one, other)}-${Math.max(one, other)}`),
      position.map((first) => `${first}-`),
      position.map((suffix) => `-${suffix}`),
    );
    const body = fc.uint8Array({ minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(body, fc.array(spec, { minLength: 1, maxLength: 6 }), (content, specs) => {
        const made = rangeAnswer(whole(text(content)), ranges(`bytes=${specs.join()}`), BOUNDARY);
        const wanted = new Set(specs.flatMap((one) => positions(one, content.length)));
        const got = sentBytes(made as RangeAnswer);
        expect(new Set(got.keys())).toEqual(wanted);
        for (const [at, byte] of got) expect(byte).toBe(content[at]);
        expect(made?.status).toBe(wanted.size === 0 ? 416 : 206);
      }),
    );
  });
});

/** Positions that one range names, counted without the code under test. */
function positions(spec: string, length: number): number[] {
  const [from, to] = spec.split('-') as [string, string];
  return [...Array(length).keys()].filter((at) => {
    if (from === '') return at >= length - Number(to);
    return at >= Number(from) && (to === '' || at <= Number(to));
  });
}

/** The bytes of a 206 by position, read back as a client would; each must be sent once. */
function sentBytes(made: RangeAnswer): Map<number, number> {
  const sent = new Map<number, number>();
  if (made.status !== 206) return sent;
  expect(fieldValue(made.fields, 'content-length')).toBe(String(made.body.length));
  const single = fieldValue(made.fields, 'content-range');
  if (single !== undefined) {
    take(sent, single, made.body);
    return sent;
  }
  let rest = text(made.body);
  for (;;) {
    const [, head] = /^\r\n--(.*?)\r\n\r\n/s.exec(rest) ?? [];
    if (head === undefined) break;
    const [first, last] = (/bytes (\d+)-(\d+)/.exec(head) ?? []).slice(1).map(Number) as [number, number];
    const start = head.length + 8;
    take(sent, `bytes ${first}-${last}/*`, bytes(rest.slice(start, start + last - first + 1)));
    rest = rest.slice(start + last - first + 1);
  }
  expect(rest).toBe(`\r\n--${BOUNDARY}--\r\n`);
  return sent;
}

function take(into: Map<number, number>, contentRange: string, body: Uint8Array): void {
  const range = parseContentRange(contentRange);
  if (range === undefined || !('first' in range)) throw new Error(`no range: ${contentRange}`);
  expect(body.length).toBe(range.last - range.first + 1);
  for (const [at, byte] of body.entries()) {
    expect(into.has(range.first + at)).toBe(false);
    into.set(range.first + at, byte);
  }
}
