// A rule over paths holds for every spelling that the origin may read as its path; what a route permits, only if every reading takes it.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { pathTrap } from '../../src/entry/path-readings.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import type { Origin } from '../../src/ports.ts';
import { compileSite } from '../../src/site/compile-site.ts';
import { evasions } from '../../src/site/evasions.ts';
import type { OriginPathsConfig } from '../../src/site/route-types.ts';
import { allowedInstead, requestOnRoute } from '../../src/site/router.ts';

type Routes = NonNullable<TidegateConfig['routes']>;

const origin: Origin = {
  forward() {
    throw new Error('no request is forwarded here');
  },
};

function resolved(routes: Routes, paths?: OriginPathsConfig) {
  return resolveConfig({ origins: { app: { url: 'http://127.0.0.1:3000', paths } }, routes }, { env: {} });
}

function site(routes: Routes, paths?: OriginPathsConfig) {
  return compileSite(resolved(routes, paths), new Map([['app', origin]]));
}

const README: Routes = [
  { name: 'account', match: { path: ['/account', '/account/*'] }, bypass: [{}] },
  { name: 'site', staleIfError: '1h' },
];

const EVASIONS: readonly (readonly [path: string, rule: keyof OriginPathsConfig])[] = [
  ['//account/x', 'mergeSlashes'],
  ['/account%2Fx', 'decodeSlash'],
  ['/account%5cx', 'decodeSlash'],
  ['/account;a/x', 'parameters'],
  ['/account%3ba', 'parameters'],
  ['/ACCOUNT/x', 'caseInsensitive'],
  ['/Account', 'caseInsensitive'],
];

describe('a route of its own for what is private', () => {
  test.each(EVASIONS)('%s goes past the cache', (path, rule) => {
    expect(site(README).match('h', path)?.request.bypass('GET', path, [])).toBe('ambiguous-path');
    expect(
      site(README, { [rule]: false })
        .match('h', path)
        ?.request.bypass('GET', path, []),
    ).toBe(false);
  });

  test.each(['/', '/accounts', '/a/account', '/Products/AbC%C3%A9', '/a%2Fb', '/a;b=1'])('%s does not', (path) => {
    const found = site(README).match('h', path);
    expect(found?.name).toBe('site');
    expect(found?.request.bypass('GET', path, [])).toBe(false);
  });

  test('also where the rule has capitals and the request none', () => {
    const found = site([{ match: { path: '/Account/*' }, bypass: [{}] }, {}]).match('h', '/account/x');
    expect(found?.request.bypass('GET', '/account/x', [])).toBe('ambiguous-path');
  });
});

test.each(EVASIONS)('a bypass rule with a path takes %s', (path, rule) => {
  const routes: Routes = [{ bypass: [{ method: 'GET', path: '/account*' }] }];
  for (const method of ['GET', 'HEAD']) {
    expect(site(routes).match('h', path)?.request.bypass(method, path, []), method).toBe(true);
  }
  const isSame = path.startsWith('/account');
  expect(
    site(routes, { [rule]: false })
      .match('h', path)
      ?.request.bypass('GET', path, []),
  ).toBe(isSame);
});

test('what one of the routes does not take is not taken', () => {
  const routes: Routes = [
    { match: { path: '/admin/*' }, methods: ['GET', 'POST'] },
    { methods: ['GET', 'DELETE'], upgrade: true },
  ];
  const plain = site(routes).match('h', '/x');
  const ambiguous = site(routes).match('h', '//admin/x');
  expect(plain && allowedInstead('DELETE', plain)).toBeUndefined();
  expect(ambiguous && allowedInstead('DELETE', ambiguous)).toBe('GET');
  expect([plain?.request.upgrade, ambiguous?.request.upgrade]).toEqual([true, false]);
});

test('what one of the routes takes off is taken off, and what only one adds is not added', () => {
  const router = site([
    {
      match: { path: '/internal/*' },
      request: { remove: ['x-admin'], set: { 'x-zone': 'inner', 'x-gate': '1' } },
      response: { remove: ['x-secret'] },
      query: { drop: ['debug'] },
    },
    { request: { set: { 'x-gate': '1', 'x-open': '1' } }, query: { keep: ['q', 'debug'] }, showTags: true },
  ]);
  const { route, request } = router.match('h', '//internal/x')!;
  const sent = requestOnRoute(
    {
      method: 'GET',
      target: '//internal/x?q=1&debug=1&z=1',
      fields: ['x-admin', '1', 'x-zone', 'mine'],
      bypass: false,
    },
    { name: '', route, request },
    () => false,
  );
  expect(sent).toEqual({ target: '//internal/x?q=1', fields: ['x-gate', '1'], bypass: 'ambiguous-path' });
  expect([...route.responseFields.remove]).toEqual(['x-secret']);
  expect(route.showTags).toBe(false);
  // Bounds on clients count by the route.
  expect(router.match('h', '//internal/y')?.route).toBe(route);
  expect(router.match('h', '/x')?.request.fields.set).toEqual(['x-gate', '1', 'x-open', '1']);
});

test('a reading without a route leaves the request without one', () => {
  const router = site([{ match: { path: '/public*' } }]);
  expect(router.match('h', '/public/a')?.name).toBe('route-1');
  expect(router.match('h', '/PUBLIC/a')).toBeUndefined();
  expect(site([{ match: { path: '*.css' } }]).match('h', '/account;x.css')).toBeUndefined();
});

test('no spelling that some server reads as a private path is stored', () => {
  const router = site(README);
  const slash = fc.constantFrom('/', '//', '%2f', '%2F', '%5c', '///');
  const word = fc.constantFrom('account', 'Account', 'ACCOUNT', 'a%63count', 'accoun%54');
  const tail = fc.constantFrom('', ';', ';a=1', '%3Bx', ';a;b');
  const path = fc
    .tuple(fc.constantFrom('/', '//', '/;x/', '/%2F'), word, tail, slash, fc.constantFrom('', 'me', 'Me;b', 'x.css'))
    .map((parts) => parts.join(''))
    .filter((one) => pathTrap(one) === undefined);
  fc.assert(
    fc.property(path, (one) => {
      expect(router.match('h', one)?.request.bypass('GET', one, [])).not.toBe(false);
    }),
    { numRuns: 2_000 },
  );
});

describe('check', () => {
  test('says nothing of rules that hold', () => {
    expect(evasions(resolved(README))).toEqual([]);
    expect(evasions(resolved([{}]))).toEqual([]);
    expect(evasions(resolved([{ bypass: [{ path: '/account*', cookie: 'session' }] }]))).toEqual([]);
  });

  test.each(['mergeSlashes', 'decodeSlash', 'parameters', 'caseInsensitive'] as const)(
    'names them without %s',
    (rule) => {
      const spelling = EVASIONS.find(([, of]) => of === rule)?.[0] as string;
      expect(evasions(resolved(README, { [rule]: false }))).toContain(
        `route account: "/account/*" does not cover ${rule === 'caseInsensitive' ? '/ACCOUNT/X' : spelling}, which takes route site and gets more`,
      );
    },
  );

  test('names a path without its folder, and one that goes on with a slash', () => {
    expect(evasions(resolved([{ match: { path: '/account' }, bypass: [{}] }, { name: 'rest' }]))).toEqual([
      'route route-1: "/account" does not cover /account/, which takes route rest and gets more',
    ]);
    expect(evasions(resolved([{ name: 'all', bypass: [{ path: '/me', cookie: 's' }] }]))).toEqual([
      'route all: "/me" does not cover /me/, which takes route all and gets more',
    ]);
  });

  test('names a spelling that keeps what the pattern removes', () => {
    const routes: Routes = [{ match: { path: '/admin' }, request: { remove: ['x-admin'] } }, { name: 'rest' }];
    expect(evasions(resolved(routes))).toEqual([
      'route route-1: "/admin" does not cover /admin/, which takes route rest and gets more',
    ]);
  });

  test('names a spelling that takes more methods', () => {
    const routes: Routes = [{ match: { path: '/admin' }, methods: ['GET'] }, { name: 'rest' }];
    expect(evasions(resolved(routes))).toEqual([
      'route route-1: "/admin" does not cover /admin/, which takes route rest and gets more',
    ]);
  });
});
