import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fieldValue } from '../../src/semantics/fields.ts';
import { isComplete, type Part, partCovers, partOf, rangeAnswer } from '../../src/semantics/ranges.ts';
import { combineParts, completionFields, missingRange } from '../../src/semantics/validation.ts';
import { bytes, part, ranges, text, whole } from './parts.ts';

function answer(of: Part, value: string): string | undefined {
  const made = rangeAnswer(of, ranges(value), 'boundary');
  return made === undefined ? undefined : text(made.body);
}

describe('parts (RFC 9111 §3.3)', () => {
  const contradictory = { status: 206, fields: ['content-range', 'bytes 4-9/10'] };

  it('of a 200 are whole', () => {
    expect(isComplete(whole('0123456789'))).toBe(true);
    expect(isComplete(whole(''))).toBe(true);
  });

  it('of a 206 lie where Content-Range says', () => {
    expect(part('0123456789', 4, 7)).toMatchObject({ first: 4, complete: 10, body: bytes('456') });
  });

  it('of a 206 with all the bytes are whole and have no Content-Range', () => {
    const made = part('0123456789', 0, 10);
    expect(isComplete(made)).toBe(true);
    expect(made.fields).toEqual(['etag', '"v"', 'content-length', '10']);
  });

  it('are none for another status, a multipart or a Content-Range that cannot be read', () => {
    const of = (status: number, ...fields: string[]) => partOf({ status, fields }, bytes('01'), 'conformance');
    expect(of(404)).toBeUndefined();
    expect(of(206)).toBeUndefined();
    expect(of(206, 'content-range', 'bytes */2')).toBeUndefined();
    expect(of(206, 'content-range', 'bytes 0-1/9', 'content-range', 'bytes 0-1/9')).toBeUndefined();
  });

  it('are none where Content-Range contradicts the body', () => {
    expect(partOf(contradictory, bytes('01234'), 'safe')).toBeUndefined();
  });

  it('at the end count the bytes that came, in the conformance profile', () => {
    const made = partOf(contradictory, bytes('01234'), 'conformance') as Part;
    expect(answer(made, 'bytes=-5')).toBe('01234');
    expect(answer(made, 'bytes=6-8')).toBe('234');
    expect(answer(made, 'bytes=6-')).toBe('234');
    expect(answer(made, 'bytes=-1')).toBe('4');
    expect(fieldValue(made.fields, 'content-range')).toBe('bytes 4-8/9');
  });

  it('never become whole by such a guess', () => {
    const head = { status: 206, fields: ['content-range', 'bytes 0-9/10'] };
    expect(partOf(head, bytes('01234'), 'conformance')).toBeUndefined();
  });

  it('cover ranges that lie wholly within them', () => {
    const made = part('0123456789', 4, 8);
    expect(partCovers(made, ranges('bytes=4-7'))).toBe(true);
    for (const value of ['bytes=3-5', 'bytes=5-8', 'bytes=5-', 'bytes=-2', 'bytes=4-5,9-9', 'bytes=20-']) {
      expect(partCovers(made, ranges(value))).toBe(false);
    }
  });

  it('of unknown complete length cover only ranges with both ends', () => {
    const made = { fields: [], first: 4, complete: undefined, body: bytes('4567') };
    expect(answer(made, 'bytes=5-7')).toBe('567');
    for (const value of ['bytes=5-', 'bytes=-1', 'bytes=5-8']) expect(answer(made, value)).toBeUndefined();
  });
});

describe('combining parts (RFC 9111 §3.4)', () => {
  const OF = '0123456789';

  it('joins parts that touch or overlap', () => {
    expect(text(combineParts(part(OF, 0, 4), part(OF, 4, 7))?.body as Uint8Array)).toBe('0123456');
    expect(text(combineParts(part(OF, 3, 7), part(OF, 1, 5))?.body as Uint8Array)).toBe('123456');
  });

  it('makes a whole response of the last missing part', () => {
    const made = combineParts(part(OF, 0, 5), part(OF, 5, 10)) as Part;
    expect(isComplete(made)).toBe(true);
    expect(made.fields).toEqual(['etag', '"v"', 'content-length', '10']);
  });

  it('says what it has while some is missing', () => {
    const made = combineParts(part(OF, 0, 5), part(OF, 5, 9)) as Part;
    expect(made.fields).toEqual(['etag', '"v"', 'content-length', '9', 'content-range', 'bytes 0-8/10']);
  });

  it('takes the fields of the newer part', () => {
    const newer = { ...part(OF, 5, 10), fields: ['etag', '"v"', 'a', '2'] };
    const made = combineParts({ ...part(OF, 0, 5), fields: ['etag', '"v"', 'a', '1', 'b', '3'] }, newer) as Part;
    expect(made.fields).toEqual(['etag', '"v"', 'b', '3', 'a', '2', 'content-length', '10']);
  });

  it('learns the complete length from either', () => {
    const unknown = { ...part(OF, 0, 5), complete: undefined };
    expect(combineParts(unknown, part(OF, 5, 9))?.complete).toBe(10);
    expect(combineParts(part(OF, 5, 9), unknown)?.complete).toBe(10);
  });

  it.each([
    ['lie apart', part(OF, 0, 4), part(OF, 5, 7)],
    ['have another ETag', part(OF, 0, 5), { ...part(OF, 5, 10), fields: ['etag', '"w"'] }],
    [
      'have a weak ETag',
      { ...part(OF, 0, 5), fields: ['etag', 'W/"v"'] },
      { ...part(OF, 5, 10), fields: ['etag', 'W/"v"'] },
    ],
    ['have no ETag', { ...part(OF, 0, 5), fields: [] }, { ...part(OF, 5, 10), fields: [] }],
    ['differ in complete length', part(OF, 0, 5), part(`${OF}A`, 5, 10)],
    ['differ where they overlap', part(OF, 0, 5), part('xxxxxxxxxx', 4, 10)],
    ['exceed the complete length', { ...part(OF, 0, 9), complete: undefined }, { ...part(OF, 0, 5), complete: 8 }],
  ])('refuses parts that %s', (_, one, other) => {
    expect(combineParts(one, other)).toBeUndefined();
  });

  it('gives a slice of the original, or nothing when the parts lie apart', () => {
    const span = fc.tuple(fc.nat({ max: 19 }), fc.nat({ max: 19 })).map((pair) => pair.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 20, maxLength: 20 }), span, span, (content, one, other) => {
        const [a = 0, b = 0, c = 0, d = 0] = [...one, ...other];
        const made = combineParts(part(text(content), a, b + 1), part(text(content), c, d + 1));
        expect(made === undefined).toBe(c > b + 1 || a > d + 1);
        if (made === undefined) return;
        expect(made.first).toBe(Math.min(a, c));
        expect([...made.body]).toEqual([...content.subarray(Math.min(a, c), Math.max(b, d) + 1)]);
        expect(isComplete(made)).toBe(made.body.length === 20);
      }),
    );
  });
});

describe('completing a part (RFC 9111 §3.3)', () => {
  const OF = '0123456789';

  it('asks for the end or the beginning that is missing', () => {
    expect(missingRange(part(OF, 0, 5))).toBe('bytes=5-');
    expect(missingRange(part(OF, 5, 10))).toBe('bytes=0-4');
  });

  it('asks for nothing when nothing is missing, or both ends are', () => {
    expect(missingRange(whole(OF))).toBeUndefined();
    expect(missingRange(part(OF, 2, 5))).toBeUndefined();
  });

  it('asks under the strong ETag', () => {
    expect(completionFields(part(OF, 0, 5), 'safe')).toEqual(['range', 'bytes=5-', 'if-range', '"v"']);
  });

  it('asks without one in the conformance profile only', () => {
    const bare = { ...part(OF, 0, 5), fields: [] };
    expect(completionFields(bare, 'safe')).toBeUndefined();
    expect(completionFields(bare, 'conformance')).toEqual(['range', 'bytes=5-']);
  });
});
