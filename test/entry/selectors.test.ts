import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OPERATOR_MEMBERS } from '../../src/admin/changes.ts';
import { parseSelectors, RESPONSE_MEMBERS } from '../../src/entry/selectors.ts';

const parse = (value: unknown) => parseSelectors(value, OPERATOR_MEMBERS);
const LATIN1 = 'caf\u00c3\u00a9';

describe('a url selector takes the form that URIs have in cache keys', () => {
  test.each([
    ['http://example.org/a?b=c', 'http://example.org/a?b=c'],
    ['HTTP://Example.ORG/Path', 'http://example.org/Path'],
    ['http://example.org:80/', 'http://example.org/'],
    ['https://example.org:443/', 'https://example.org/'],
    ['https://example.org:80/', 'https://example.org:80/'],
    ['http://example.org:/', 'http://example.org/'],
    ['http://example.org:08080/', 'http://example.org:8080/'],
    ['http://example.org', 'http://example.org/'],
    ['http://example.org?q=1', 'http://example.org/?q=1'],
    ['http://example.org/a#part', 'http://example.org/a'],
    ['http://example.org/a?q=1#part', 'http://example.org/a?q=1'],
    ['http://[2001:DB8::1]:80/', 'http://[2001:db8::1]/'],
    ['http://example.org/%2F/../x', 'http://example.org/x'],
    ['http://example.org/%7eann/%c3%a9?q=%c3%41', 'http://example.org/~ann/%C3%A9?q=%C3A'],
    ['http://example.org/a b/é{1}', 'http://example.org/a%20b/%C3%A9%7B1%7D'],
    ['http://BÜCHER.example/', 'http://xn--bcher-kva.example/'],
  ])('%s', (url, uri) => {
    expect(parse({ url })).toEqual([{ kind: 'url', uri }]);
  });

  test('and stays as it is the second time', () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        const first = parse({ url });
        expect(parse({ urls: first.map((one) => (one as { uri: string }).uri) })).toEqual(
          expect.arrayContaining([...first]),
        );
      }),
      { numRuns: 40 },
    );
  });
});

test.each([
  [{ tag: 'user:1' }, [{ kind: 'tag', tag: 'user:1' }]],
  [{ tag: 'two words' }, [{ kind: 'tag', tag: 'two words' }]],
  [{ tag: 'café' }, ['café', LATIN1].map((tag) => ({ kind: 'tag', tag }))],
  [{ tag: 'a, b' }, ['a, b', 'a', 'b'].map((tag) => ({ kind: 'tag', tag }))],
  [{ tags: ['a', 'b'] }, ['a', 'b'].map((tag) => ({ kind: 'tag', tag }))],
  [{ prefix: 'http://Example.org/Users' }, [{ kind: 'prefix', prefix: 'http://example.org/Users' }]],
  [{ prefix: 'http://example.org:80/a' }, [{ kind: 'prefix', prefix: 'http://example.org/a' }]],
  [
    { prefix: 'http://example.org:80' },
    ['http://example.org:80', 'http://example.org/'].map((prefix) => ({ kind: 'prefix', prefix })),
  ],
  [{ prefix: 'http://exam' }, [{ kind: 'prefix', prefix: 'http://exam' }]],
  [{ prefix: 'http://example.org/x/../a/%7e' }, [{ kind: 'prefix', prefix: 'http://example.org/a/~' }]],
  [
    { prefix: ['http://a.example/', 'http://b.example/'] },
    ['http://a.example/', 'http://b.example/'].map((prefix) => ({ kind: 'prefix', prefix })),
  ],
  [{ pattern: '*/users/?' }, [{ kind: 'pattern', pattern: '*/users/?' }]],
  [
    { pattern: 'http*://Example.org/U*' },
    ['http*://Example.org/U*', 'http*://example.org/U*'].map((pattern) => ({ kind: 'pattern', pattern })),
  ],
  [{ pattern: 'HTTP://Example.org:80/%7eU/*' }, [{ kind: 'pattern', pattern: 'http://example.org/~U/*' }]],
  [{ pattern: 'http://example.org' }, [{ kind: 'pattern', pattern: 'http://example.org/' }]],
  [
    { pattern: '*Example.org:80/*' },
    ['*Example.org:80/*', '*Example.org/*', '*example.org:80/*', '*example.org/*'].map((pattern) => ({
      kind: 'pattern',
      pattern,
    })),
  ],
  [{ origin: 'demo' }, [{ kind: 'origin', origin: 'demo' }]],
  [{ all: true }, [{ kind: 'all' }]],
])('%j is understood', (value, selectors) => {
  expect(parse(value)).toEqual(selectors);
});

test.each([
  [
    undefined,
    'expected an object that names entries by url, urls, tag, tags, prefix, pattern, all, origin, got nothing',
  ],
  [null, 'got null'],
  ['http://example.org/', 'expected an object'],
  [[], 'expected an object'],
  [{}, 'expected at least one of url'],
  [{ tags: [], url: undefined }, 'expected at least one of url'],
  [{ tga: 'a' }, 'expected only url, urls'],
  [JSON.parse('{"__proto__": "a"}'), 'expected only url, urls'],
  [{ constructor: 'a' }, 'expected only url, urls'],
  [{ tags: 'a' }, 'expected a list of texts as "tags", got "a"'],
  [{ tags: ['a', 1] }, 'expected text as "tags", got 1'],
  [{ tag: 1 }, 'expected text as "tag", got 1'],
  [{ tag: '' }, 'expected text as "tag"'],
  [{ tag: ' a' }, 'expected a tag of 1 to 1024 characters'],
  [{ tag: 'a\r\nb' }, 'expected a tag of'],
  [{ tag: 'a\0' }, 'expected a tag of'],
  [{ tag: 'a'.repeat(1025) }, 'expected a tag of'],
  [{ url: '/users' }, 'expected an absolute http or https URL'],
  [{ url: 'ftp://example.org/' }, 'expected an absolute http or https URL'],
  [{ url: 'http:///users' }, 'expected an absolute http or https URL'],
  [{ url: 'http://user@example.org/' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org:99999/' }, 'expected an absolute http or https URL'],
  [{ url: 'http://127.1/' }, 'expected an absolute http or https URL, its host in the usual form'],
  [{ url: 'http://example.org/\n' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org/a\\b' }, 'expected a URL without a backslash'],
  [{ prefix: '/users' }, 'expected the beginning of a URL'],
  [{ prefix: '' }, 'expected text as "prefix"'],
  [{ prefix: ['http://a/', 5] }, 'expected text as "prefix", got 5'],
  [{ prefix: 'http://example.org/a#b' }, 'expected the beginning of a URL'],
  [{ prefix: 'http://example.org/a%2' }, 'expected a prefix that ends with a whole %XX'],
  [{ prefix: 'http://example.org/a?q=%c' }, 'expected a prefix that ends with a whole %XX'],
  [{ prefix: 'http://example.org/a/..' }, 'expected a prefix that does not end with a dot segment'],
  [{ pattern: '/users/*' }, 'expected a glob over whole URLs'],
  [{ pattern: 'users/*' }, 'expected a glob over whole URLs'],
  [{ pattern: 'ftp://*' }, 'expected a glob over whole URLs'],
  [{ pattern: 'http:///users/*' }, 'expected a glob over whole URLs'],
  [{ pattern: '*/a%4*' }, 'expected a glob in which each %XX is whole'],
  [{ pattern: `http://h/${'*'.repeat(8_192)}` }, 'expected a glob of up to 8192 characters'],
  [{ pattern: '*/*/../a' }, 'expected a glob without a dot segment after a wildcard'],
  [{ pattern: '' }, 'expected text as "pattern"'],
  [{ origin: 'two words' }, 'expected the name of an origin'],
  [{ all: false }, 'expected {"all": true}, got false'],
  [{ all: 'true' }, 'expected {"all": true}'],
])('%j is refused, saying what was expected', (value, message) => {
  expect(() => parse(value)).toThrow(expect.objectContaining({ code: 'E_SELECTOR' }));
  expect(() => parse(value)).toThrow(message);
});

test('an origin is named by operators only', () => {
  expect(() => parseSelectors({ origin: 'demo' }, RESPONSE_MEMBERS)).toThrow('expected only url');
});

test('an error shows no more than the beginning of what it got', () => {
  expect(() => parse({ url: `ftp://${'x'.repeat(10_000)}` })).toThrow(/^.{1,260}…"$/);
});

test('whatever the JSON, there are selectors or an E_SELECTOR', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        expect(parse(value)[0]).toHaveProperty('kind');
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_SELECTOR' });
      }
    }),
  );
});

test('a glob of many slashes and stars is read in linear time', () => {
  const began = performance.now();
  for (let at = 0; at < 100; at++) parseSelectors({ pattern: `http://h/${'*/.'.repeat(2_700)}x` });
  expect(performance.now() - began).toBeLessThan(2_000);
});
