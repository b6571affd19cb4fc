import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatcher } from '../../src/ledger/glob.ts';

/** The same pattern as a regular expression. */
function toRegExp(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|([*?])|([^*?])/gsu, (_, escaped?: string, wild?: string, plain?: string) => {
    if (wild !== undefined) return wild === '*' ? '[^]*' : '[^]';
    return `\\u${(escaped ?? plain ?? '').charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return new RegExp(`^${source}$`);
}

describe('globMatcher', () => {
  const facts: readonly [pattern: string, text: string, matches: boolean][] = [
    ['', '', true],
    ['', 'a', false],
    ['*', '', true],
    ['**', 'anything', true],
    ['?', '', false],
    ['?*', 'a', true],
    ['http://h/*/b', 'http://h/x/y/b', true],
    ['http://h/*/b', 'http://h/b', false],
    ['/a/*.css', '/a/.css', true],
    ['/a/*.css', '/a/x.css?v=1', false],
    ['ab*ba', 'aba', false],
    ['ab*ba', 'abba', true],
    ['*ab*ab*', 'xabx', false],
    ['*aab*', 'aaab', true],
    ['*a?b*', 'aaab', true],
    ['\\*', '*', true],
    ['\\*', 'x', false],
    ['\\?\\\\', '?\\', true],
    ['a\\', 'a\\', true],
    ['a.c', 'abc', false],
  ];
  for (const [pattern, text, matches] of facts) {
    it(`'${pattern}' ${matches ? 'matches' : 'does not match'} '${text}'`, () => {
      expect(globMatcher(pattern)(text)).toBe(matches);
    });
  }

  it('agrees with a regular expression', () => {
    const pattern = fc.array(fc.constantFrom('a', 'b', '*', '?', '\\*', '\\\\', 'ab'), { maxLength: 14 });
    const text = fc.array(fc.constantFrom('a', 'b', '*', '\\', '\n'), { maxLength: 40 });
    fc.assert(
      fc.property(pattern, text, (parts, chars) => {
        expect(globMatcher(parts.join(''))(chars.join(''))).toBe(toRegExp(parts.join('')).test(chars.join('')));
      }),
      { numRuns: 3_000 },
    );
  });

  it('matches each text that its pattern was made from', () => {
    const part = fc.record({ text: fc.string({ maxLength: 70 }), wild: fc.boolean() });
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const pattern = parts.map(({ text, wild }) =>
          wild ? '*' : text.replace(/[*?\\]/g, '\\$&').replace(/x/g, '?'),
        );
        expect(globMatcher(pattern.join(''))(parts.map(({ text }) => text).join(''))).toBe(true);
      }),
    );
  });

  // Each would run for hours with backtracking.
  const long = 100_000;
  const adversaries: readonly [name: string, pattern: string, text: string][] = [
    ['many stars', `${'a*'.repeat(long)}b`, 'a'.repeat(long)],
    ['many stars and a near miss', `*${'a*'.repeat(long)}b*c`, `${'a'.repeat(long)}b`],
    ['a long segment that repeats itself', `*${'a'.repeat(long / 2)}b*`, 'a'.repeat(long)],
    ['a long segment that fails at its start', `*b${'a'.repeat(long / 2)}*`, 'a'.repeat(long)],
    ['a long segment with question marks on a short text', `*${'?a'.repeat(500_000)}*`, 'a'.repeat(8_192)],
    ['question marks in a long segment', `*${'a?'.repeat(500)}b*`, 'a'.repeat(long)],
  ];
  for (const [name, pattern, text] of adversaries) {
    it(`ends on ${name}`, () => {
      expect(globMatcher(pattern)(text)).toBe(false);
    });
  }
});
