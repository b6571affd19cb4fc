import fc from 'fast-check';
import { serializeList } from 'structured-headers';
import { describe, expect, it } from 'vitest';
import type { Fields } from '../../src/semantics/fields.ts';
import { groupsInvalidated, MAX_TAG_LENGTH, MAX_TAGS, tagsOf } from '../../src/semantics/invalidation.ts';
import { latin1 } from './latin1.ts';

const URI = 'http://a.example/page?q';

function tags(...fields: string[]): readonly string[] {
  return tagsOf(fields, URI).tags;
}

describe('plain tags', () => {
  it('stand between commas in Cache-Tag', () => {
    expect(tags('cache-tag', 'a, b c ,,D')).toEqual(['a', 'b c', 'D']);
  });

  it('stand between spaces in Surrogate-Key', () => {
    expect(tags('surrogate-key', ' a  b,c\td ')).toEqual(['a', 'b,c', 'd']);
  });

  it('stand between spaces or commas, or on lines of their own, in xkey', () => {
    expect(tags('xkey', 'a b,c', 'xkey', 'd')).toEqual(['a', 'b', 'c', 'd']);
  });

  it('are named once, though several fields have them', () => {
    expect(tags('cache-tag', 'a,b', 'surrogate-key', 'b a', 'cache-tag', 'a')).toEqual(['a', 'b']);
  });

  it('are none without a tag field', () => {
    expect(tagsOf(['etag', '"a"'], URI)).toEqual({ tags: [], overflow: false });
  });
});

describe('overflow', () => {
  const many = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`).join(' ');

  it('is told when there are more tags than are kept', () => {
    expect(tagsOf(['surrogate-key', many(MAX_TAGS)], URI).overflow).toBe(false);
    const { tags: kept, overflow } = tagsOf(['surrogate-key', many(MAX_TAGS + 1)], URI);
    expect([kept.length, overflow]).toEqual([MAX_TAGS, true]);
  });

  it('is told when a tag is longer than is kept', () => {
    expect(tagsOf(['cache-tag', 'x'.repeat(MAX_TAG_LENGTH)], URI).overflow).toBe(false);
    expect(tagsOf(['cache-tag', `a,${'x'.repeat(MAX_TAG_LENGTH + 1)}`], URI)).toEqual({ tags: ['a'], overflow: true });
  });

  it('leaves no tag out unsaid', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[!-+\--~]{1,1200}$/), { maxLength: 40 }), (names) => {
        const { tags: kept, overflow } = tagsOf(['cache-tag', names.join(',')], URI);
        if (!overflow) expect(new Set(kept)).toEqual(new Set(names));
      }),
      { numRuns: 30 },
    );
  });
});

describe('cache groups (RFC 9875)', () => {
  const invalidated = (field: string, method = 'POST', uri = URI) =>
    groupsInvalidated({ method, uri }, ['cache-group-invalidation', field]);

  it('become tags that hold the origin', () => {
    expect(tags('cache-groups', '"a", "b c";p=1')).toEqual(['group:http://a.example/a', 'group:http://a.example/b c']);
  });

  it('are read over several lines', () => {
    expect(tags('cache-groups', '"a"', 'cache-groups', '"b"')).toHaveLength(2);
  });

  it.each(['a', '"a', '"a", b', '"a",', '("a")', '"a", 1', '"é"'])(
    'are ignored as a whole when malformed: %s',
    (value) => {
      expect(tags('cache-groups', value)).toEqual([]);
      expect(invalidated(value)).toEqual([]);
    },
  );

  it('are invalidated under the same tags', () => {
    expect(invalidated('"a", "a", "b"')).toEqual(tags('cache-groups', '"a", "b"'));
  });

  it('are the same on every page of an origin, whatever its default port', () => {
    expect(invalidated('"a"', 'PUT', 'http://A.example:80/other')).toEqual(tags('cache-groups', '"a"'));
  });

  it.each(['https://a.example/', 'http://b.example/', 'http://a.example:81/'])('of %s are others', (uri) => {
    expect(invalidated('"a"', 'POST', uri)).not.toEqual(tags('cache-groups', '"a"'));
  });

  it('are not invalidated by the answer to a safe request (RFC 9875 §3)', () => {
    expect(invalidated('"a"', 'GET')).toEqual([]);
  });

  it('cannot name another origin in the name of a group', () => {
    const uri = fc.constantFrom('http://a.example/', 'http://b.example/', 'http://a.example:81/', 'https://a.example/');
    const name = fc.oneof(fc.constantFrom('a', '81/a', '81:a', ':81/a', '/a'), fc.string());
    fc.assert(
      fc.property(uri, name, uri, name, (one, oneName, other, otherName) => {
        const [tag] = tagsOf(['cache-groups', serializeList([[oneName, new Map()]])], one).tags;
        const [gone] = invalidated(serializeList([[otherName, new Map()]]), 'POST', other);
        expect(tag === gone).toBe(one === other && oneName === otherName);
      }),
    );
  });
});

it('reading tags throws on no value', () => {
  const name = fc.constantFrom('cache-tag', 'surrogate-key', 'xkey', 'cache-groups', 'cache-group-invalidation');
  fc.assert(
    fc.property(fc.array(fc.tuple(name, latin1)), fc.constantFrom(URI, '', 'x', 'mailto:a'), (lines, uri) => {
      const fields: Fields = lines.flat();
      tagsOf(fields, uri);
      groupsInvalidated({ method: 'POST', uri }, fields);
    }),
  );
});
