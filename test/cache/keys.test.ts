import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { digest128 } from '../../src/cache/keys/digest.ts';
import { KeySpace, listKey } from '../../src/cache/keys/key-space.ts';
import { toMs } from '../../src/options/durations.ts';
import { codeOf, errorOf } from './bench.ts';

const newSeen = () => ({ digests: false, versions: false });
const root = (version?: string) => KeySpace.ofCache(version, newSeen());
const path = (names: readonly string[], version?: string) =>
  names.reduce((space, name) => space.within(name, undefined), root(version));

/** Any UTF-16, with much of what matters to keys. */
const anyText = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        'a',
        'b',
        ':',
        '§',
        '%',
        '#',
        '*',
        '?',
        '\\',
        '\n',
        '\u2028',
        '\u202e',
        '\ud800',
        '\udc00',
        'é',
        '😀',
      ),
      fc.nat(0xffff).map((code) => String.fromCharCode(code)),
    ),
    { minLength: 1, maxLength: 12 },
  )
  .map((parts) => parts.join(''));

describe('a whole key', () => {
  test('is the key itself, or prefix, key and version', () => {
    expect(root().whole('user:1')).toBe('user:1');
    expect(path(['a', 'b']).whole('x')).toBe('a:b:x');
    expect(root('2').whole('x')).toBe('x§2');
    expect(root('2').within('a', '7').whole('x')).toBe('a:x§2§7');
    expect(root().within('a', '7').whole('x')).toBe('a:x§§7');
  });

  test('is never shared by two keys', () => {
    const spaces = [root(), root('1'), path(['a']), path(['a'], '1'), root().within('a', '1'), path(['a', 'b'])];
    fc.assert(
      fc.property(anyText, anyText, fc.constantFrom(...spaces), (one, other, space) => {
        expect(space.whole(one) === space.whole(other)).toBe(one === other);
      }),
      { numRuns: 5000 },
    );
  });

  test('is never shared by two versions, nor by a version and none', () => {
    const version = fc.option(fc.oneof(anyText, fc.constantFrom('#', `#${'0'.repeat(32)}`)), { nil: undefined });
    fc.assert(
      fc.property(anyText, anyText, fc.tuple(version, version), (one, other, [v, w]) => {
        fc.pre(v !== w || one !== other);
        expect(root(v).whole(one)).not.toBe(root(w).whole(other));
      }),
      { numRuns: 3000 },
    );
  });

  test('of one namespace never lies in a neighbour', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (a, b, key) => {
        fc.pre(a !== b);
        expect(
          path([a])
            .whole(key)
            .startsWith(path([b]).prefix),
        ).toBe(false);
      }),
      { numRuns: 3000 },
    );
    for (const [a, b] of [
      ['a', 'a:b'],
      ['a', 'ab'],
      ['ab', 'a:b'],
      ['a*', 'a'],
      ['%3a', ':'],
    ] as const) {
      expect(
        path([a])
          .whole('b:x')
          .startsWith(path([b]).prefix),
      ).toBe(false);
      expect(
        path([b])
          .whole('b:x')
          .startsWith(path([a]).prefix),
      ).toBe(false);
    }
  });

  test('of a nested namespace lies in the outer one', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (a, b, key) => {
        expect(
          path([a, b])
            .whole(key)
            .startsWith(path([a]).prefix),
        ).toBe(true);
      }),
    );
  });

  test('fits: at most 512 bytes of UTF-8, one line, and text that UTF-8 keeps', () => {
    const long = fc.tuple(anyText, fc.nat(400)).map(([text, times]) => text.repeat(times + 1));
    fc.assert(
      fc.property(fc.oneof(anyText, long), (key) => {
        const whole = path(['some', 'names'], 'v1').whole(key);
        expect(new TextEncoder().encode(whole).length).toBeLessThanOrEqual(512);
        expect(whole).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
        expect(new TextDecoder().decode(new TextEncoder().encode(whole))).toBe(whole);
      }),
      { numRuns: 1000 },
    );
  });

  test('is kept as it is up to the limit, to the byte', () => {
    for (const [character, bytes] of [
      ['a', 1],
      ['é', 2],
      ['€', 3],
      ['😀', 4],
    ] as const) {
      const fitting = character.repeat(Math.floor(512 / bytes));
      expect(root().whole(fitting)).toBe(fitting);
      const longer = root().whole(fitting + character);
      expect(longer).toMatch(/^.+§#[0-9a-f]{32}$/u);
      expect(longer.startsWith(character.repeat(64))).toBe(true);
    }
    expect(root().whole(`${'a'.repeat(600)}1`)).not.toBe(root().whole(`${'a'.repeat(600)}2`));
  });

  test('is refused where it is empty or no text', async () => {
    for (const key of ['', undefined, null, 1, {}] as unknown as string[]) {
      expect(await codeOf(() => root().whole(key))).toBe('E_KEY');
      expect(await codeOf(() => root().within(key, undefined))).toBe('E_KEY');
    }
    expect(await codeOf(() => root(''))).toBe('E_KEY');
    expect(await codeOf(() => root('v'.repeat(200)))).toBe('E_KEY');
    expect(await codeOf(() => path(['n'.repeat(300)]))).toBe('E_KEY');
  });

  test('is turned back into the key of its namespace', () => {
    const space = root('2').within('a', '7');
    expect(space.keyOf(space.whole('x:y'))).toBe('x:y');
    expect(root().keyOf('a:x')).toBe('a:x');
  });
});

describe('a digest', () => {
  test('is SHA-256 over the code units, cut', () => {
    const lengths = fc
      .integer({ min: 0, max: 300 })
      .chain((n) => fc.array(fc.nat(0xffff), { minLength: n, maxLength: n }));
    fc.assert(
      fc.property(lengths, (codes) => {
        const bytes = Buffer.from(codes.flatMap((code) => [code >> 8, code & 0xff]));
        const expected = createHash('sha256').update(bytes).digest('hex').slice(0, 32);
        expect(digest128(codes.map((code) => String.fromCharCode(code)).join(''))).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('the key of a list', () => {
  test('is the same whatever the order of names, and whether what is undefined is there', () => {
    expect(listKey('users', { limit: 10, q: 'x' })).toBe(listKey('users', { q: 'x', limit: 10, page: undefined }));
    expect(listKey('users', { where: { a: 1, b: 2 } })).toBe(listKey('users', { where: { b: 2, a: 1 } }));
    expect(listKey('users')).toMatch(/^users:list:[0-9a-f]{32}$/);
  });

  test('differs where a value or its type does', () => {
    const parameters = [
      ...[{}, { a: 1 }, { a: '1' }, { a: 1n }, { a: true }, { a: null }, { a: [1] }, { a: ['1'] }, { a: { 0: 1 } }],
      ...[{ a: [] }, { a: {} }, { a: ['a,b'] }, { a: ['a', 'b'] }, { a: ['b', 'a'] }, { a: [undefined] }, { a: [[1]] }],
      ...[{ a: new Date(1) }, { a: new Set([1]) }, { a: new Map([[1, 2]]) }, { a: new Uint8Array([1]) }, { 'a:': 1 }],
      ...[{ a: ['x', 'y'] }, { a: ['xy'] }, { a: ['', 'xy'] }, { a: 'b' }, { ab: '' }, { a: 'n1;' }, { a: '}b' }],
      ...[{ a: 's1:x' }, { a: 'x', b: 's' }, { a: Number.NaN }, { a: '' }, { a: 'undefined' }, { b: 1 }],
    ];
    expect(new Set(parameters.map((one) => listKey('users', one))).size).toBe(parameters.length);
  });

  test('is the same exactly for what is equal', () => {
    const value = fc.object({ maxDepth: 3, values: [fc.string(), fc.integer(), fc.boolean(), fc.constant(null)] });
    fc.assert(
      fc.property(value, value, (one, other) => {
        const equal = JSON.stringify(ordered(one)) === JSON.stringify(ordered(other));
        expect(listKey('x', one as Record<string, unknown>) === listKey('x', other as Record<string, unknown>)).toBe(
          equal,
        );
      }),
      { numRuns: 2000 },
    );
  });

  test('is refused for what is no plain data, with its place', async () => {
    const own: Record<string, unknown> = {};
    own.self = own;
    for (const bad of [() => 1, Symbol('x'), new URL('http://h/'), new Date(Number.NaN), own]) {
      expect(await codeOf(() => listKey('users', { a: bad }))).toBe('E_KEY');
    }
    expect((await errorOf(() => listKey('users', { where: { at: () => 1 } }))).message).toContain('where.at');
  });
});

/** In the order of names, throughout. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return Object.is(value, -0) ? 0 : value;
  const properties = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return { object: properties.map(([name, inner]) => [name, ordered(inner)]) };
}

describe('a duration', () => {
  test('is ms, or a number with a unit', () => {
    expect(['250ms', '30s', '5m', '1.5h', '7d'].map((text) => toMs(text as '5m', 'ttl'))).toEqual([
      250, 30_000, 300_000, 5_400_000, 604_800_000,
    ]);
    expect([0, 1.5, Number.POSITIVE_INFINITY].map((ms) => toMs(ms, 'ttl'))).toEqual([0, 1.5, Number.POSITIVE_INFINITY]);
    expect(toMs('5m', 'ttl')).toBe(300_000);
  });

  test('of another form is refused, with the option and what was got', async () => {
    for (const bad of [-1, Number.NaN, '5', '5 m', '-5m', '5w', '', 'm', '1e3s', '0x1s', '5M', null, {}, true, 5n]) {
      const error = await errorOf(() => toMs(bad as number, 'timeouts.soft'));
      expect(error.code).toBe('E_TTL');
      expect(error.message).toContain('timeouts.soft');
    }
    expect((await errorOf(() => toMs('5 minutes' as '5m', 'ttl'))).message).toContain('"5 minutes"');
  });

  test('made up a thousand times costs no memory for ever', () => {
    for (let n = 0; n < 1000; n++) expect(toMs(`${n}s`, 'ttl')).toBe(n * 1000);
  });
});
