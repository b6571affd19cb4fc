// A configuration of Workers: what Node's has too goes by the same table; what only one of the two has is refused by the other.

import type { Hono } from 'hono';
import { describe, expect, expectTypeOf, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import type { GivenOf } from '../../src/options/sections.ts';
import { missingBindings } from '../../src/site/bindings.ts';
import { compileSite } from '../../src/site/compile-site.ts';
import { checkedWorkersConfig, type WORKERS } from '../../src/site/workers-config.ts';
import type { WorkersConfig } from '../../src/site/workers-types.ts';
import type { OriginHandler } from '../../src/workers/index.ts';

const origins = { app: { handler: () => new Response('a') } };

function problemsOf(check: () => unknown): string[] {
  try {
    check();
  } catch (error) {
    if (!(error instanceof TidegateError)) throw error;
    expect(error.code).toBe('E_CONFIG');
    return error.message.split('\n  ').slice(1);
  }
  return [];
}

const problems = (raw: unknown) => problemsOf(() => checkedWorkersConfig(raw));
const nodeProblems = (raw: unknown) => problemsOf(() => resolveConfig(raw, { env: {} }));

describe('a configuration of Workers', () => {
  test('has defaults', () => {
    const { routes, ...config } = checkedWorkersConfig({ origins });
    expect(config).toEqual({
      origins: {
        app: {
          ...{ kind: 'handler', handler: origins.app.handler, headTimeoutMs: 60_000, bodyTimeoutMs: 60_000 },
          paths: { mergeSlashes: true, decodeSlash: true, parameters: true, caseInsensitive: true },
        },
      },
      tiers: ['memory'],
      memory: { maxBytes: 32 * 1024 * 1024 },
      kv: { binding: 'TIDEGATE_KV' },
      environment: 'production',
      outwardFields: ['cdn-cache-control', 'cloudflare-cdn-cache-control'],
      coherence: { mode: 'lease', leaseMs: 1_000, binding: 'TIDEGATE_LOG', shard: 'one' },
      populate: { concurrency: 4, subrequests: 50 },
      ...{ schedule: [], targetedFields: ['cdn-cache-control'], cacheName: 'tidegate' },
    });
    expect(routes).toMatchObject([{ name: 'route-1', origin: 'app', tenant: '-', compress: false, upgrade: false }]);
  });

  test('its routes are those of Node', () => {
    const shared = {
      routes: [{ ttl: '5m', match: { path: '/a*' }, query: { keep: ['q'] }, cookies: { key: ['s'] } }, { tenant: 't' }],
      ...{ targetedFields: ['X-A'], cacheName: 'c' },
    };
    const here = checkedWorkersConfig({ ...shared, origins: { app: { url: 'https://App.example.org/' } } });
    const there = resolveConfig({ ...shared, origins: { app: { url: 'https://App.example.org/' } } }, { env: {} });
    expect(here.routes).toEqual(there.routes);
    expect([here.targetedFields, here.cacheName]).toEqual([there.targetedFields, there.cacheName]);
    expect(here.origins.app).toMatchObject({ kind: 'url', url: there.origins.app?.url });
  });

  test.each([
    [{}, 1_000],
    [{ lease: '250ms' }, 250],
    [{ mode: 'strict' }, 0],
    [{ mode: 'bounded', bound: '1m' }, 60_000],
  ])('an isolate serves without asking: %j', (coherence, leaseMs) => {
    expect(checkedWorkersConfig({ origins, coherence }).coherence.leaseMs).toBe(leaseMs);
  });

  test('a schedule runs at a cron trigger', () => {
    const { schedule } = checkedWorkersConfig({ origins, schedule: [{ cron: '*/5 * * * *', manifest: true }] });
    expect(schedule).toEqual([{ name: 'schedule-1', cron: '*/5 * * * *', manifest: true }]);
  });

  test('tells shared caches outside by the field of the platform as well', () => {
    const config = checkedWorkersConfig({ origins, routes: [{ outward: { sMaxage: '1m' } }] });
    const origin = { forward: () => expect.fail('expected no request') };
    const found = compileSite(config, new Map([['app', origin]])).match('h', '/');
    expect(found?.route.outward).toEqual({
      ...{ maxAge: 0, sMaxage: 60, staleWhileRevalidate: 0 },
      targeted: ['cdn-cache-control', 'cloudflare-cdn-cache-control'],
    });
  });

  test('its type is that of its table', () => {
    expectTypeOf<WorkersConfig>().toExtend<GivenOf<typeof WORKERS>>();
    expectTypeOf<keyof WorkersConfig>().toEqualTypeOf<keyof GivenOf<typeof WORKERS>>();
    type Env = { readonly APP: unknown; readonly LOG: unknown };
    type Named = WorkersConfig<Env>;
    expectTypeOf<NonNullable<NonNullable<Named['coherence']>['binding']>>().toEqualTypeOf<'APP' | 'LOG'>();
    expectTypeOf<Hono<{ Bindings: Env }>>().toExtend<OriginHandler<Env>>();
    expectTypeOf<Hono<{ Bindings: Env }>['fetch']>().toExtend<OriginHandler<Env>>();
  });
});

describe('problems', () => {
  test.each([
    [{}, 'origins: expected an object, got nothing'],
    [{ origins, routes: [{ tll: 5 }] }, 'routes[0].tll: unknown key; did you mean "ttl"?'],
    [{ origins, disk: { path: 'd' } }, /^disk: expected none on Workers, which have no disk .*, got an object$/],
    [{ origins, workers: 4 }, /^workers: expected none on Workers, .*, got 4$/],
    [{ origins, routes: [{ compress: true }] }, /^routes\[0\]\.compress: expected none on Workers, .*, got true$/],
    [{ origins, schedule: [{ cron: '* * * * *', file: 'f', manifest: true }] }, /^schedule\[0\]\.file: expected none/],
    [{ origins: { a: {} } }, 'origins.a: expected exactly one of url, service, handler, got none'],
    [
      { origins: { a: { url: 'https://x', service: 'A' } } },
      'origins.a: expected exactly one of url, service, handler, got url and service',
    ],
    [{ origins: { a: { service: 'not a name' } } }, /^origins\.a\.service: expected the name of a binding/],
    [
      { origins: { a: { handler: {} } } },
      /^origins\.a\.handler: expected a function, or an object with a method fetch/,
    ],
    [{ origins: { a: { url: 'https://x', http2: true } } }, /^origins\.a\.http2: expected none on Workers/],
    [{ origins, tiers: [] }, 'tiers: expected a list of at least one, got an empty list'],
    [{ origins, tiers: ['redis'] }, /^tiers\[0\]: expected one of "memory", .*, got "redis"$/],
    [
      { origins, tiers: ['kv', 'memory'] },
      'tiers: expected each at most once, in the order memory, workers-cache, cache-api, kv, got kv, memory',
    ],
    [{ origins, tiers: ['memory', 'memory'] }, /^tiers: expected each at most once/],
    [{ origins, kv: { binding: 'KV' } }, 'kv: expected "kv" among the tiers, got none'],
    [{ origins, tiers: ['kv'], memory: {} }, 'memory: expected "memory" among the tiers, got none'],
    [{ origins, memory: { maxBytes: 2 ** 27 } }, /^memory\.maxBytes: expected an integer from 0 to 67108864/],
    [{ origins, coherence: { mode: 'bounded' } }, /^coherence\.bound: expected a duration in the mode bounded/],
    [{ origins, coherence: { bound: '1s' } }, 'coherence.bound: expected none in the mode lease'],
    [{ origins, coherence: { mode: 'strict', lease: '1s' } }, 'coherence.lease: expected none in the mode strict'],
    [{ origins, admin: { path: '/a/', token: 'T' } }, /^admin\.path: expected a path/],
    [{ origins, admin: { path: '/a', token: 'T', port: 1 } }, /^admin\.port: expected none on Workers/],
  ])('%j', (raw, expected) => {
    const found = problems(raw);
    expect(found).toHaveLength(1);
    if (typeof expected === 'string') expect(found[0]).toBe(expected);
    else expect(found[0]).toMatch(expected);
  });

  test('all of them are named at once, and a token in the place of its name is not repeated', () => {
    const found = problems({ origins, limits: {}, routes: [{ ttl: -1 }], admin: { path: '/a', token: 'hunter-2' } });
    expect(found.map((line) => line.slice(0, line.indexOf(':')))).toEqual(['routes[0].ttl', 'admin.token', 'limits']);
    expect(found.join()).not.toContain('hunter');
  });

  test.each([
    [{ tiers: ['memory'] }, 'tiers'],
    [{ kv: {} }, 'kv'],
    [{ coherence: { mode: 'lease' } }, 'coherence'],
    [{ onFault: () => {} }, 'onFault'],
    [{ environment: 'preview' }, 'environment'],
    [{ admin: { path: '/a' } }, 'admin.path'],
  ])('Node refuses what only Workers have: %j', (more, key) => {
    const found = nodeProblems({ origins: { app: { url: 'http://x' } }, ...more });
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(new RegExp(`^${key.replace('.', '\\.')}: expected none on Node, .*, got `));
  });

  test('Node refuses the other kinds of origin', () => {
    expect(nodeProblems({ origins: { app: { url: 'http://x', service: 'A', handler: () => {} } } })).toEqual([
      expect.stringMatching(/^origins\.app\.service: expected none on Node/),
      expect.stringMatching(/^origins\.app\.handler: expected none on Node/),
    ]);
  });
});

describe('bindings', () => {
  const config = checkedWorkersConfig({
    origins: { app: { service: 'APP' }, own: origins.app },
    routes: [{ origin: 'app' }],
    tiers: ['memory', 'kv'],
    admin: { path: '/.tidegate', token: 'ADMIN_TOKEN' },
  });
  const method = () => undefined;
  const env = {
    TIDEGATE_LOG: { idFromName: method, get: method },
    TIDEGATE_KV: { get: method, put: method },
    APP: { fetch: method },
    ADMIN_TOKEN: 'secret',
  };

  test('none is missing', () => {
    expect(missingBindings(config, env)).toEqual([]);
    expect(missingBindings(checkedWorkersConfig({ origins }), { TIDEGATE_LOG: env.TIDEGATE_LOG })).toEqual([]);
  });

  test('each that is missing is named with the setting that adds it', () => {
    const found = missingBindings(config, undefined);
    expect(found.map((line) => line.replace(/; it comes by.*/, ''))).toEqual([
      'coherence.binding: expected a namespace of Durable Objects bound as TIDEGATE_LOG, got nothing',
      'kv.binding: expected a KV namespace bound as TIDEGATE_KV, got nothing',
      'origins.app.service: expected a service binding bound as APP, got nothing',
      'admin.token: expected a secret bound as ADMIN_TOKEN, got nothing',
    ]);
    expect(found[0]).toContain('"new_sqlite_classes": ["TidegateLog"]');
    expect(found[1]).toContain('"kv_namespaces": [{ "binding": "TIDEGATE_KV" }]');
    expect(found[2]).toContain('"services": [{ "binding": "APP"');
    expect(found[3]).toContain('npx wrangler secret put ADMIN_TOKEN');
  });

  test('one of another kind is missing, and its text is not shown', () => {
    expect(missingBindings(config, { ...env, TIDEGATE_KV: 'secret' })).toEqual([
      expect.stringContaining('bound as TIDEGATE_KV, got a text;'),
    ]);
    expect(missingBindings(config, { ...env, ADMIN_TOKEN: '' })).toHaveLength(1);
  });
});
