import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseSelector, parseSelectors } from '../../src/admin/selectors.ts';

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
    ['http://example.org/%2F/../x', 'http://example.org/%2F/../x'],
  ])('%s', (url, uri) => {
    expect(parseSelector({ url })).toEqual({ kind: 'url', uri });
  });

  test('and stays as it is the second time', () => {
    fc.assert(
      fc.property(fc.webUrl({ withFragments: true, withQueryParameters: true }), (url) => {
        const first = parseSelector({ url }) as { uri: string };
        expect(parseSelector({ url: first.uri })).toEqual(first);
      }),
      { numRuns: 40 },
    );
  });
});

test.each([
  [{ tag: 'user:1' }, { kind: 'tag', tag: 'user:1' }],
  [{ tag: 'two words' }, { kind: 'tag', tag: 'two words' }],
  [{ prefix: 'http://Example.org/Users' }, { kind: 'prefix', prefix: 'http://example.org/Users' }],
  [{ prefix: 'http://example.org:80/a' }, { kind: 'prefix', prefix: 'http://example.org/a' }],
  [{ prefix: 'http://example.org:80' }, { kind: 'prefix', prefix: 'http://example.org:80' }],
  [{ prefix: 'http://exam' }, { kind: 'prefix', prefix: 'http://exam' }],
  [{ pattern: '*/users/?' }, { kind: 'pattern', pattern: '*/users/?' }],
  [{ pattern: 'http*://Example.org/U*' }, { kind: 'pattern', pattern: 'http*://example.org/U*' }],
  [{ origin: 'demo' }, { kind: 'origin', origin: 'demo' }],
  [{ all: true }, { kind: 'all' }],
])('%j is understood', (value, selector) => {
  expect(parseSelector(value)).toEqual(selector);
});

test.each([
  [undefined, 'got nothing'],
  [null, 'got null'],
  ['http://example.org/', 'exactly one of'],
  [[], 'exactly one of'],
  [{}, 'exactly one of'],
  [{ tag: 'a', url: 'http://example.org/' }, 'exactly one of'],
  [{ tga: 'a' }, 'exactly one of'],
  [JSON.parse('{"__proto__": "a"}'), 'exactly one of'],
  [{ constructor: 'a' }, 'exactly one of'],
  [{ tag: 1 }, 'expected text as "tag", got 1'],
  [{ tag: '' }, 'expected a tag of visible ASCII'],
  [{ tag: ' a' }, 'expected a tag of visible ASCII'],
  [{ tag: 'a\r\nb' }, 'expected a tag of visible ASCII'],
  [{ tag: 'a\0' }, 'expected a tag of visible ASCII'],
  [{ tag: 'é' }, 'expected a tag of visible ASCII'],
  [{ url: '/users' }, 'expected an absolute http or https URL'],
  [{ url: 'ftp://example.org/' }, 'expected an absolute http or https URL'],
  [{ url: 'http:///users' }, 'expected an absolute http or https URL'],
  [{ url: 'http://user@example.org/' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org:99999/' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org/a b' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org/é' }, 'expected an absolute http or https URL'],
  [{ url: 'http://example.org/\n' }, 'expected an absolute http or https URL'],
  [{ prefix: '/users' }, 'expected the beginning of a URL'],
  [{ prefix: '' }, 'expected the beginning of a URL'],
  [{ prefix: 'http://example.org/a#b' }, 'expected the beginning of a URL'],
  [{ pattern: '/users/*' }, 'expected a glob over whole URLs'],
  [{ pattern: '' }, 'expected a glob over whole URLs'],
  [{ origin: 'two words' }, 'expected the name of an origin'],
  [{ all: false }, 'expected {"all": true}'],
  [{ all: 'true' }, 'expected {"all": true}'],
])('%j is refused, saying what was expected', (value, message) => {
  expect(() => parseSelector(value)).toThrow(expect.objectContaining({ code: 'E_SELECTOR' }));
  expect(() => parseSelector(value)).toThrow(message);
});

test('an error shows no more than the beginning of what it got', () => {
  expect(() => parseSelector({ url: `ftp://${'x'.repeat(10_000)}` })).toThrow(/^.{1,260}…$/);
});

describe('parseSelectors', () => {
  test('takes one selector', () => {
    expect(parseSelectors({ tag: 'a' })).toEqual({ selectors: [{ kind: 'tag', tag: 'a' }], listed: false });
  });

  test('takes several tags', () => {
    expect(parseSelectors({ tags: ['a', 'b'] })).toEqual({
      selectors: [
        { kind: 'tag', tag: 'a' },
        { kind: 'tag', tag: 'b' },
      ],
      listed: true,
    });
  });

  test.each([[{ tags: [] }], [{ tags: 'a' }], [{ tags: ['a', 1] }], [{ tags: Array(1001).fill('a') }]])(
    'refuses %j',
    (value) => {
      expect(() => parseSelectors(value)).toThrow(expect.objectContaining({ code: 'E_SELECTOR' }));
    },
  );
});

test('whatever the JSON, there is a selector or an E_SELECTOR', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      try {
        expect(parseSelector(value)).toHaveProperty('kind');
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_SELECTOR' });
      }
    }),
  );
});
