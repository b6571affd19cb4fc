// How errors show what they got.

import { describe, expect, it } from 'vitest';
import { expected, shown } from '../src/errors.ts';

describe('a value that is refused is shown', () => {
  it.each<[unknown, string]>([
    [undefined, 'nothing'],
    [null, 'null'],
    [0.5, '0.5'],
    [Number.NaN, 'NaN'],
    [true, 'true'],
    [10n, '10'],
    [Symbol('a'), 'Symbol(a)'],
    ['a "b"', '"a \\"b\\""'],
    ['', '""'],
    [[], 'an empty list'],
    [[1, 2], 'a list of 2'],
    [{ password: 'secret' }, 'an object'],
    [Promise.resolve(), 'a promise'],
    [() => 'secret', 'a function'],
  ])('%o', (value, text) => {
    expect(shown(value)).toBe(text);
  });

  it('on one line, and no further than its beginning', () => {
    expect(shown('a\nb\u2028c\u202ed\u0085')).toBe('"a\\nb\\u2028c\\u202ed\\u0085"');
    expect(shown('x'.repeat(100))).toBe(`"${'x'.repeat(80)}…"`);
  });

  it('behind what was expected', () => {
    const refusal = { code: 'E_TAG', message: 'expected a tag, got 5' };
    expect(() => expected('E_TAG', 'a tag', 5)).toThrow(expect.objectContaining(refusal));
  });
});
