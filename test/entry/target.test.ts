import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalPath, normalTarget } from '../../src/entry/key.ts';
import type { QueryRule } from '../../src/site/router.ts';
import { normaliseTarget } from '../../src/site/router.ts';

type Rules = Parameters<typeof normaliseTarget>[1];

const ALL: QueryRule = undefined;
const keep = (...names: string[]): Rules => ({ query: (name) => names.includes(name), sortQuery: false });
const drop = (...names: string[]): Rules => ({ query: (name) => !names.includes(name), sortQuery: false });
const sorted: Rules = { query: ALL, sortQuery: true };

/** Text as a client may send it, rich in what parsers disagree about. */
const wild = fc.string({ unit: fc.constantFrom(...'ab&=;%+?/.6126zZ', '%61', '%c3%a9', '%FF'), maxLength: 24 });
const target = fc.tuple(wild, wild).map(([path, query]) => `/${path}?${query}`);
const names = fc.array(fc.constantFrom('a', 'b', 'ab', 'a b', 'é', '', 'a;b'), { maxLength: 4 });
const rules: fc.Arbitrary<Rules> = fc.record({
  query: fc.oneof(
    fc.constant(ALL),
    names.map((list) => (name: string) => (list as string[]).includes(name)),
    names.map((list) => (name: string) => !(list as string[]).includes(name)),
  ),
  sortQuery: fc.boolean(),
});

/** Any spelling of a name: each byte as it is, or percent-encoded in either case. */
function spellings(name: string): fc.Arbitrary<string> {
  const bytes = [...Buffer.from(name, 'utf8')];
  return fc.array(fc.nat(2), { minLength: bytes.length, maxLength: bytes.length }).map((ways) =>
    bytes
      .map((byte, at) => {
        const plain = byte === 0x20 ? '+' : String.fromCharCode(byte);
        if (ways[at] === 0 && /[A-Za-z0-9+;]/.test(plain)) return plain;
        const hex = byte.toString(16).padStart(2, '0');
        return `%${ways[at] === 1 ? hex.toUpperCase() : hex}`;
      })
      .join(''),
  );
}

describe('normaliseTarget', () => {
  test.each<[string, Rules, string]>([
    ['/p?b=1&a=2', { query: ALL, sortQuery: false }, '/p?b=1&a=2'],
    ['/p?', { query: ALL, sortQuery: false }, '/p?'],
    ['/p?b=1&a=2&b=0', sorted, '/p?a=2&b=1&b=0'],
    ['/p?b&%61=2&a=1', sorted, '/p?a=2&a=1&b'],
    ['/p?a=1&utm=x', drop('utm'), '/p?a=1'],
    ['/p?utm=x', drop('utm'), '/p'],
    ['/p?', drop('utm'), '/p'],
    ['/p?&a=1&&', drop('utm'), '/p?a=1'],
    ['/p?%75tm=x&utm&UTM=1', drop('utm'), '/p?UTM=1'],
    ['/p?a+b=1&a%20b=2', drop('a b'), '/p'],
    ['/p?%C3%A9=1&%c3%a9=2', drop('é'), '/p'],
    ['/p?%C1%A1=1', drop('a'), '/p?%C1%A1=1'],
    ['/p?%=1&%6=2&%zz=3', drop('%', '%zz'), '/p?%256=2'],
    ['/p?%2561=1', drop('a'), '/p?%2561=1'],
    ['/p?a=1;utm=2', drop('utm'), '/p?a=1;utm=2'],
    ['/p?a=1;utm=2', keep('a'), '/p?a=1;utm=2'],
    ['/p?a=?&b=1', keep('a'), '/p?a=?'],
    ['/p?b=2&a=%31&c', keep('a', 'b'), '/p?b=2&a=1'],
    ['/p?a=1', keep(), '/p'],
    ['/utm=1/a&utm=2', drop('utm'), '/utm=1/a&utm=2'],
    ['*', sorted, '*'],
  ])('%s', (given, rule, expected) => {
    expect(normaliseTarget(given, rule)).toBe(expected);
  });

  test('is idempotent', () => {
    fc.assert(
      fc.property(target, rules, (given, rule) => {
        const once = normaliseTarget(given, rule);
        expect(normaliseTarget(once, rule)).toBe(once);
      }),
    );
  });

  test('the target takes the one form that all its equivalents have (RFC 3986 §6.2.2), and no other', () => {
    fc.assert(
      fc.property(target, rules, (given, rule) => {
        expect(normaliseTarget(given, rule).split('?')[0]).toBe(normalPath(given));
      }),
    );
    const path = (given: string) => normaliseTarget(given, { query: ALL, sortQuery: false });
    expect(path("/%75sers'/%2f/%e2?q=%75'&%2b")).toBe("/users'/%2F/%E2?q=u%27&%2B");
    expect(path('/a/./b/../c?x')).toBe('/a/c?x');
    expect(path('/a;b=c//d|e?x')).toBe('/a;b=c//d%7Ce?x');
  });

  test('without sorting, what stays is a subsequence of what came', () => {
    fc.assert(
      fc.property(target, rules, (given, { query }) => {
        const kept = parametersOf(normaliseTarget(given, { query, sortQuery: false })).filter((text) => text !== '');
        const came = parametersOf(normalTarget(given));
        for (const text of kept) {
          const at = came.indexOf(text);
          expect(at).toBeGreaterThanOrEqual(0);
          came.splice(0, at + 1);
        }
      }),
    );
  });

  test('a dropped name is gone in every spelling, and only it', () => {
    const name = fc.constantFrom('a', 'user', 'a b', 'é', 'a;b');
    const spelt = name.chain((given) => fc.tuple(fc.constant(given), spellings(given)));
    fc.assert(
      fc.property(spelt, fc.boolean(), ([given, spelling], sortQuery) => {
        const rule: Rules = { ...drop(given), sortQuery };
        expect(normaliseTarget(`/p?x=1&${spelling}=2&y=3&${spelling}`, rule)).toBe('/p?x=1&y=3');
        expect(normaliseTarget(`/p?x=1&${spelling}=2`, keep(given))).toBe(normalTarget(`/p?${spelling}=2`));
      }),
    );
  });

  test('no parser of form data finds a dropped name, nor one that was not to be kept', () => {
    fc.assert(
      fc.property(target, rules, (given, rule) => {
        const { query } = rule;
        const after = normaliseTarget(given, rule);
        const mark = after.indexOf('?');
        if (query === undefined || mark < 0) return;
        // URLSearchParams takes one leading "?" away, so it gets the mark: the query itself may begin with one.
        for (const name of new URLSearchParams(after.slice(mark)).keys()) expect(query(name)).toBe(true);
      }),
    );
  });

  test('sorting makes one target of every order of different names', () => {
    const different = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'ab', '%64'), { minLength: 1 });
    const shuffled = different.chain((list) =>
      fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
    );
    fc.assert(
      fc.property(shuffled, ([one, other]) => {
        expect(normaliseTarget(`/?${one.join('&')}`, sorted)).toBe(normaliseTarget(`/?${other.join('&')}`, sorted));
      }),
    );
  });
});

function parametersOf(given: string): string[] {
  const mark = given.indexOf('?');
  return mark < 0 ? [] : given.slice(mark + 1).split('&');
}

describe('normalPath', () => {
  test.each([
    ['/a/b', '/a/b'],
    ['/a?b=/../c', '/a'],
    ['/%61dmin/%7Ex', '/admin/~x'],
    ['/a%2fb%2a', '/a%2Fb%2A'],
    ['/%2561', '/%2561'],
    ['/%e9%', '/%E9%25'],
    ['/%2%35', '/%2525'],
    ['/x/../admin', '/admin'],
    ['/x/%2e%2E/admin', '/admin'],
    ['/a/b/c/./../../g', '/a/g'],
    ['/../../a', '/a'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a//../b', '/a/b'],
    ['*', '*'],
    ['', ''],
  ])('%s', (given, expected) => {
    expect(normalPath(given)).toBe(expected);
  });

  test('is idempotent, and agrees with the URL parser about dots and letters', () => {
    const path = fc
      .array(fc.constantFrom('a', 'b', '.', '..', '', '%2e', '%2E.', 'a.b', '%61'), { maxLength: 8 })
      .map((segments) => `/${segments.join('/')}`);
    fc.assert(
      fc.property(path, (given) => {
        const once = normalPath(given);
        expect(normalPath(once)).toBe(once);
        expect(once).toBe(new URL(`http://h${given}`).pathname.replaceAll('%61', 'a'));
      }),
    );
  });

  test('decodes a name as bytes of UTF-8, a byte-order mark and broken bytes included', () => {
    const unit = fc.constantFrom(
      'a',
      '+',
      '%',
      '%4',
      ...'e2 82 ac f0 9f 98 80 ff ef bb bf ed a0'.split(' ').map((hex) => `%${hex}`),
    );
    fc.assert(
      fc.property(fc.string({ unit, minLength: 1, maxLength: 8 }), (raw) => {
        const bytes = raw
          .replaceAll('+', ' ')
          .replace(/%([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
        const name = Buffer.from(bytes, 'latin1').toString('utf8');
        expect(normaliseTarget(`/p?${raw}=1`, drop(name))).toBe('/p');
        expect(normaliseTarget(`/p?${raw}=1`, drop(`${name}x`))).not.toBe('/p');
      }),
    );
  });
});
