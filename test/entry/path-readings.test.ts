// What origins may read in a path, and the forms that no rule can be sure of.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { normalPath } from '../../src/entry/key.ts';
import { ANY_READING, otherReadings, pathTrap } from '../../src/entry/path-readings.ts';

const NO_READING = { mergeSlashes: false, decodeSlash: false, parameters: false, caseInsensitive: false };

describe('other readings', () => {
  test.each([
    ['/a/b', []],
    ['//a', ['/a']],
    ['/a%2Fb', ['/a/b']],
    ['/a%5Cb', ['/a/b']],
    ['/a;x=1/b', ['/a/b']],
    ['/a%3Bx/b', ['/a/b']],
    ['/a;x%2Fb', ['/a', '/a/b', '/a;x/b']],
    ['/a%2F%2Fb', ['/a/b', '/a//b']],
    ['/;a//b', ['/;a/b', '///b', '//b', '/b']],
  ])('%s', (path, expected) => {
    expect([...otherReadings(path, ANY_READING)].sort()).toEqual([...expected].sort());
    expect(otherReadings(path, NO_READING)).toEqual([]);
  });

  // Each stands for a server: a sequence of steps that it takes before it looks for a handler.
  const steps: readonly ((path: string) => string)[] = [
    (path) => path.replaceAll('%2F', '/').replaceAll('%5C', '/'),
    (path) =>
      path
        .split('/')
        .map((segment) => segment.split(/;|%3B/)[0])
        .join('/'),
    (path) =>
      `/${path
        .split('/')
        .filter((segment, at, all) => segment !== '' || at === all.length - 1)
        .join('/')}`,
  ];
  const pieces = fc.constantFrom('/', '//', '%2f', '%5C', ';', '%3b', 'a', 'b', ';a=1', 'account');

  test('whatever a server makes of a path by such steps is among them', () => {
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 10 }), fc.array(fc.nat(2), { maxLength: 6 }), (parts, order) => {
        const path = normalPath(`/${parts.join('')}`);
        const read = order.reduce((now, at) => (steps[at] as (path: string) => string)(now), path);
        expect([path, ...otherReadings(path, ANY_READING)]).toContain(read);
      }),
      { numRuns: 2_000 },
    );
  });
});

test.each([
  ['/a', undefined],
  ['/a/../b', undefined],
  ['/a..b/c;d', undefined],
  ['/a%2Eb', undefined],
  ['/a?x=%00&y=/..;/', undefined],
  ['/a%00.css', 'nul'],
  ['/x/..;/account', 'dot-segment'],
  ['/x/..;a=1', 'dot-segment'],
  ['/x/.;/account', 'dot-segment'],
  ['/x/..%3b/account', 'dot-segment'],
  ['/x/%2e%2e/account', 'dot-segment'],
  ['/x/.%2E', 'dot-segment'],
  ['/x/%2e/account', 'dot-segment'],
  ['/x/..%2faccount', 'dot-segment'],
  ['/x%5c..', 'dot-segment'],
] as const)('%s is refused as %s', (target, expected) => {
  expect(pathTrap(target)).toBe(expected);
});
