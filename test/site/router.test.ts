import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { TidegateConfig } from '../../src/node/config/config-types.ts';
import type { Origin } from '../../src/ports.ts';
import { CONFORMANCE_POLICY, SAFE_POLICY } from '../../src/semantics/policy.ts';
import { compileSite } from '../../src/site/compile-site.ts';
import type { RouteConfig } from '../../src/site/route-types.ts';
import type { RequestRules, SiteRoute } from '../../src/site/router.ts';

type Routes = NonNullable<TidegateConfig['routes']>;

const origin: Origin = {
  forward() {
    throw new Error('no request is forwarded here');
  },
};

function site(routes: Routes, more: Partial<TidegateConfig> = {}) {
  const config = resolveConfig({ origins: { app: { url: 'http://127.0.0.1:3000' } }, ...more, routes }, { env: {} });
  return compileSite(config, new Map(Object.keys(config.origins).map((name) => [name, origin])));
}

function onlyRoute(route: Routes[number], more: Partial<TidegateConfig> = {}): SiteRoute {
  const found = site([route], more).match('h', '/');
  if (found === undefined) throw new Error('expected a route, got none');
  return found;
}

describe('match', () => {
  const router = site([
    { name: 'any-api', match: { path: '/api/*' } },
    { name: 'exact-x', match: { host: 'example.org', path: '/x' } },
    { name: 'exact', match: { host: 'Example.org', path: ['/e/*', '/*.css'] } },
    { name: 'deep', match: { host: '*.a.example.org' } },
    { name: 'wide', match: { host: '*.example.org' } },
    { name: 'port', match: { host: 'example.org:8443', path: '/p*' } },
    { name: 'port-80', match: { host: 'example.org:80', path: '/p*' } },
    { name: 'port-443', match: { host: 'tls.example:443' } },
    { name: 'v6', match: { host: '[::1]:9000' } },
    { name: 'any-late', match: { path: '/late' } },
  ]);
  test.each([
    ['example.org', '/x', 'exact-x'],
    ['example.org:8080', '/x', 'exact-x'],
    ['example.org', '/e/1', 'exact'],
    ['example.org', '/style.css', 'exact'],
    ['example.org', '/api/1', 'any-api'],
    ['example.org', '/none', undefined],
    ['example.org:8443', '/p1', 'port'],
    ['example.org', '/p1', 'port-80'],
    ['example.org:80', '/p1', 'port-80'],
    ['tls.example', '/', 'port-443'],
    ['tls.example:443', '/', 'port-443'],
    ['tls.example:80', '/', undefined],
    ['example.org:81', '/p1', undefined],
    ['www.example.org', '/api/1', 'wide'],
    ['b.a.example.org', '/', 'deep'],
    ['c.b.a.example.org:1', '/', 'deep'],
    ['a.example.org', '/', 'wide'],
    ['badexample.org', '/', undefined],
    ['[::1]:9000', '/', 'v6'],
    ['[::1]', '/', undefined],
    ['other', '/late', 'any-late'],
    ['other', '/%6Cate?x', 'any-late'],
    ['other', '/y/../api/1', 'any-api'],
    ['other', '/api', undefined],
  ])('%s %s', (host, path, name) => {
    for (let again = 0; again < 2; again++) expect(router.match(host, path)?.name).toBe(name);
  });

  test('among routes of a host the first that matches is taken', () => {
    const router = site([
      { name: 'one', match: { path: '/a*' } },
      { name: 'two', match: { path: '/ab' } },
      { name: 'three' },
    ]);
    expect(['/ab', '/b'].map((path) => router.match('h', path)?.name)).toEqual(['one', 'three']);
  });

  test('a request that is matched twice gets the same value, made once', () => {
    const router = site([{ match: { host: 'h' } }]);
    expect(router.match('h', '/a')).toBe(router.match('h', '/b'));
  });

  test('hosts beyond any number and length are answered right', () => {
    const router = site([{ name: 'wide', match: { host: '*.example.org' } }]);
    for (let at = 0; at < 2_000; at++) expect(router.match(`h${at}.example.org`, '/')?.name).toBe('wide');
    expect(router.match('h0.example.org', '/')?.name).toBe('wide');
    expect(router.knowsHost(`${'a.'.repeat(8_000)}example.org`)).toBe(false);
  });

  test('a pattern is matched in the form paths are', () => {
    const router = site([{ match: { path: ['/gr%c3%bc%6e/*', '/größe', '/?\\*'] } }]);
    const matched = ['/gr%C3%BCn/x', '/gr%C3%B6%C3%9Fe', '/a*', '/ab'].map(
      (path) => router.match('h', path) !== undefined,
    );
    expect(matched).toEqual([true, true, true, false]);
  });

  test('every spelling of a path takes the same route', () => {
    const router = site([{ name: 'one', match: { path: '/admin/*' } }, { name: 'rest' }]);
    const spelt = fc
      .array(fc.boolean(), { minLength: 5, maxLength: 5 })
      .map((encoded) =>
        [...'admin'].map((char, at) => (encoded[at] ? `%${char.charCodeAt(0).toString(16)}` : char)).join(''),
      );
    fc.assert(
      fc.property(spelt, (name) => {
        expect(router.match('h', `/${name}/x`)?.name).toBe('one');
      }),
    );
  });
});

describe('knowsHost', () => {
  test('without a route for any host, only named ones are known', () => {
    const router = site([{ match: { host: ['a.org', '*.b.org'] } }]);
    expect(['a.org', 'a.org:81', 'x.b.org', 'b.org', 'c.org'].map((host) => router.knowsHost(host))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
  });

  test('a route for any host knows all', () => {
    expect(site([{ match: { path: '/a' } }]).knowsHost('x')).toBe(true);
  });
});

describe('policy', () => {
  test('a profile is its policy, frozen', () => {
    const { policy } = onlyRoute({}).route;
    expect(policy).toEqual(SAFE_POLICY);
    expect(Object.isFrozen(policy) && Object.isFrozen(policy.targetedFields)).toBe(true);
    expect(onlyRoute({ profile: 'conformance' }).route.policy).toEqual(CONFORMANCE_POLICY);
  });

  test('what a route states stands above its profile', () => {
    const stated: RouteConfig = {
      ttl: '1s',
      defaultTtl: 2,
      staleWhileRevalidate: '0.5m',
      staleIfError: '1.1h',
      grace: 0,
      negativeTtl: '6ms',
      maxBodyBytes: 7,
    };
    const { policy } = onlyRoute(
      { profile: 'conformance', ...stated },
      { cacheName: 'edge', targetedFields: ['Edge-Cache-Control'] },
    ).route;
    expect(policy).toEqual({
      ...CONFORMANCE_POLICY,
      ...{ ttlMs: 1_000, defaultTtlMs: 2, staleWhileRevalidateMs: 30_000, staleIfErrorMs: 3_960_000 },
      ...{ graceMs: 0, negativeTtlMs: 6, maxBodyBytes: 7 },
      cacheName: 'edge',
      targetedFields: ['edge-cache-control'],
    });
  });
});

describe('rules', () => {
  test('a field that is set replaces those of its name', () => {
    const { request, route } = onlyRoute({
      request: { set: { 'X-A': '1' }, remove: ['X-B'] },
      response: { set: { 'Cache-Control': 'no-store' } },
    });
    expect(request.fields).toEqual({ remove: new Set(['x-a', 'x-b']), set: ['x-a', '1'] });
    expect(route.responseFields).toEqual({ remove: new Set(['cache-control']), set: ['cache-control', 'no-store'] });
  });

  test('query rules', () => {
    const kept = ({ query }: RequestRules) => ['a', 'b'].filter((name) => query?.(name));
    expect(onlyRoute({}).request.query).toBeUndefined();
    expect(onlyRoute({ query: { drop: [] } }).request.query).toBeUndefined();
    expect(kept(onlyRoute({ query: { keep: [] } }).request)).toEqual([]);
    expect(kept(onlyRoute({ query: { drop: ['a'] } }).request)).toEqual(['b']);
  });

  test('the Host for the origin is that of the route, else of the origin, else of the client', () => {
    const origins = { app: { url: 'http://127.0.0.1:3000', hostHeader: 'of-origin' } };
    expect(onlyRoute({ originHost: 'of-route' }, { origins }).request.originHost).toBe('of-route');
    expect(onlyRoute({}, { origins }).request.originHost).toBe('of-origin');
    expect(onlyRoute({}).request.originHost).toBeUndefined();
  });

  test('the methods are seven, those of the route, or all', () => {
    expect([...(onlyRoute({}).request.methods ?? [])].join()).toBe('GET,HEAD,OPTIONS,POST,PUT,PATCH,DELETE');
    expect([...(onlyRoute({ methods: ['GET', 'PURGE'] }).request.methods ?? [])]).toEqual(['GET', 'PURGE']);
    expect(onlyRoute({ methods: 'all' }).request.methods).toBeUndefined();
    expect(() => onlyRoute({ methods: ['TRACE'] })).toThrow('expected a method other than CONNECT and TRACE');
    expect(() => onlyRoute({ methods: ['get'] })).toThrow('such as GET');
    expect([...(onlyRoute({ methods: ['get-all'] }).request.methods ?? [])]).toEqual(['get-all']);
    expect(() => onlyRoute({ methods: [] })).toThrow('methods: expected ');
  });

  test('tenant, origin and switches', () => {
    const { route, request } = onlyRoute({
      tenant: 't',
      showTags: true,
      bodyOnGet: true,
      upgrade: true,
      sortQuery: true,
    });
    expect(route).toMatchObject({ tenant: 't', originName: 'app', showTags: true });
    expect(route.origin).toBe(origin);
    expect(request).toMatchObject({ bodyOnGet: true, upgrade: true, sortQuery: true });
  });
});

test('what caches outside may hold is in whole seconds', () => {
  expect(onlyRoute({}).route.outward).toBeUndefined();
  const { outward } = onlyRoute({ outward: { maxAge: '1.5s', sMaxage: '1m' } }).route;
  const targeted = ['cdn-cache-control'];
  expect(outward).toEqual({ maxAge: 1, sMaxage: 60, staleWhileRevalidate: 0, targeted });
});

describe('bypass', () => {
  const bypass = (...rules: NonNullable<Routes[number]['bypass']>) => onlyRoute({ bypass: rules }).request.bypass;

  test('no rule lets nothing past, an empty rule everything', () => {
    expect(bypass()('GET', '/', [])).toBe(false);
    expect(bypass({})('GET', '/', [])).toBe(true);
  });

  test('every condition of a rule must hold, of one rule', () => {
    const test = bypass({ method: ['GET', 'HEAD'], path: '/a*', header: 'X-Preview' }, { path: ['/z', '/y'] });
    expect(test('GET', '/ab', ['x-preview', ''])).toBe(true);
    expect(test('HEAD', '/%61b?q', ['x-preview', ''])).toBe(true);
    expect(test('POST', '/ab', ['x-preview', ''])).toBe(false);
    expect(test('GET', '/b', ['x-preview', ''])).toBe(false);
    expect(test('GET', '/ab', [])).toBe(false);
    expect(test('POST', '/y', [])).toBe(true);
  });

  test('a value is matched in each line of the field', () => {
    const test = bypass({ header: { name: 'x-a', value: 'draft-*' } });
    expect(test('GET', '/', ['x-a', '1', 'x-a', 'draft-2'])).toBe(true);
    expect(test('GET', '/', ['x-a', '1', 'x-b', 'draft-2'])).toBe(false);
  });

  test.each([
    [['cookie', 'a=1; session=x'], true],
    [['cookie', 'a=1', 'cookie', 'session='], true],
    [['cookie', 'session'], false],
    [['cookie', 'xsession=1; a=session=1'], false],
    [['x-cookie', 'session=1'], false],
  ])('cookie in %j: %s', (fields, expected) => {
    expect(bypass({ cookie: 'session' })('GET', '/', fields)).toBe(expected);
  });

  test('a cookie by its value', () => {
    const test = bypass({ cookie: { name: 'role', value: 'edit*' } });
    expect(test('GET', '/', ['cookie', 'role=reader'])).toBe(false);
    expect(test('GET', '/', ['cookie', 'role=reader;role=editor'])).toBe(true);
  });
});
