import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import { unreachableRoutes } from '../../src/site/unreachable.ts';

const found = (routes: NonNullable<TidegateConfig['routes']>) =>
  unreachableRoutes(resolveConfig({ origins: { api: { url: 'http://127.0.0.1:3000' } }, routes }, { env: {} }));

describe('routes that take no request', () => {
  test.each<[string, NonNullable<TidegateConfig['routes']>, string]>([
    ['behind one that takes all', [{ name: 'all' }, { name: 'api', match: { path: '/api/*' } }], 'all'],
    [
      'behind a wider path',
      [
        { name: 'a', match: { path: '/a*' } },
        { name: 'b', match: { path: ['/a/?', '/ab'] } },
      ],
      'a',
    ],
    [
      'behind several',
      [
        { name: 'a', match: { path: '/a' } },
        { name: 'b', match: { path: '/b' } },
        { name: 'c', match: { path: ['/a', '/b'] } },
      ],
      'a, b',
    ],
    [
      'of one host',
      [
        { name: 'a', match: { host: ['example.org', 'example.com'] } },
        { name: 'b', match: { host: 'example.org', path: '/b' } },
      ],
      'a',
    ],
    [
      'of a wildcard',
      [
        { name: 'a', match: { host: '*.example.org' } },
        { name: 'b', match: { host: '*.example.org', path: '/x\\*' } },
      ],
      'a',
    ],
  ])('%s', (_, routes, takers) => {
    const { name } = routes.at(-1) as { name: string };
    expect(found(routes)).toEqual([
      `route ${name}: takes no request, since ${takers} before it takes all that it matches`,
    ]);
  });

  test.each<[string, NonNullable<TidegateConfig['routes']>]>([
    ['a narrower one first', [{ match: { path: '/api/*' } }, {}]],
    ['one of two paths is its own', [{ match: { path: '/a' } }, { match: { path: ['/a', '/b'] } }]],
    ['another host', [{ match: { host: 'a.example.org' } }, { match: { host: 'b.example.org' } }, {}]],
    ['a host of its own comes first', [{ name: 'all' }, { match: { host: 'example.org' } }]],
    ['one character', [{ match: { path: '/?' } }, { match: { path: '/??' } }, { match: { path: '/a*' } }]],
    ['an escaped star', [{ match: { path: '/a\\*' } }, { match: { path: '/a*' } }]],
  ])('are none: %s', (_, routes) => {
    expect(found(routes)).toEqual([]);
  });
});
