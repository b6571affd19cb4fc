import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadConfig, overrideConfig, resolveConfig } from '../../src/node/config/config.ts';
import { folder, origins, refusal } from './config-kit.ts';

/** The problems alone, without the line above them. */
function problems(raw: unknown): string[] {
  const error = refusal(raw);
  expect(error.code).toBe('E_CONFIG');
  return error.message.split('\n  ').slice(1);
}

describe('resolveConfig', () => {
  test('one origin and no routes make one route for all', () => {
    const { routes, listen, admin } = resolveConfig({ origins }, { env: {} });
    expect(routes).toHaveLength(1);
    expect(routes[0]).toMatchObject({ name: 'route-1', origin: 'app', tenant: '-', profile: 'safe', match: {} });
    expect([listen, admin]).toEqual([
      { host: '127.0.0.1', port: 8080, http2: true, proxyProtocol: false },
      {
        ...{ host: '127.0.0.1', port: 8081, token: undefined, maxConnections: 1_000 },
        ...{ calls: { perSecond: 1_000, burst: 5_000 }, wrongTokens: { perSecond: 1, burst: 20 } },
      },
    ]);
  });

  test('targeted fields are in lower case, file names absolute', () => {
    const config = resolveConfig(
      { origins, targetedFields: ['CDN-Cache-Control'], log: { file: 'a.log' } },
      { env: {}, directory: '/var/tidegate' },
    );
    expect(config.targetedFields).toEqual(['cdn-cache-control']);
    expect(config.log.file).toBe('/var/tidegate/a.log');
  });

  test('an origin is its scheme and authority', () => {
    const config = resolveConfig({ origins: { app: { url: 'HTTP://Example.org:80/' } } }, { env: {} });
    expect(config.origins.app?.url).toBe('http://example.org');
  });
});

describe('problems', () => {
  test.each([
    [{ origins, routes: [{ tll: 5 }] }, 'routes[0].tll: unknown key; did you mean "ttl"?'],
    [{ origins, cachename: 'x' }, 'cachename: unknown key; did you mean "cacheName"?'],
    [
      { origins, listen: { unixSocket: '/a' } },
      'listen.unixSocket: unknown key; expected one of host, port, tls, http2, proxyProtocol',
    ],
    [{ origins, listen: { port: '80a' } }, 'listen.port: expected an integer from 0 to 65535, got "80a"'],
    [{ origins, listen: { port: 65_536 } }, 'listen.port: expected an integer from 0 to 65535, got 65536'],
    [{ origins, memory: { maxBytes: Number.NaN } }, 'memory.maxBytes: expected an integer, 0 or more, got NaN'],
    [{ origins, listen: null }, 'listen: expected an object, got null'],
    [{ origins, routes: {} }, 'routes: expected a list, got an object'],
    [
      { origins, routes: [{ profile: 'sfae' }] },
      'routes[0].profile: expected one of "safe", "conformance", got "sfae"',
    ],
    [{ origins, routes: [{ origin: 'ap' }] }, 'routes[0].origin: expected one of app, got "ap"; did you mean "app"?'],
    [{ origins, routes: [{ origin: 'constructor' }] }, 'routes[0].origin: expected one of app, got "constructor"'],
    [{ origins, routes: [{ upgrade: 'yes' }] }, 'routes[0].upgrade: expected true or false, got "yes"'],
    [{ origins, routes: [{ tenant: 'a b' }] }, /^routes\[0\]\.tenant: expected a name \(.*, got "a b"$/],
    [{ origins: { 'a b': { url: 'http://x' } } }, /^origins\["a b"\]: expected a name \(.*, got "a b"$/],
    [{}, 'origins: expected an object, got nothing'],
    [{ origins: {} }, 'origins: expected at least one origin, got none'],
    [
      { origins: { a: { url: 'http://a' }, b: { url: 'http://b' } } },
      'routes: expected at least one route, since there are 2 origins, got none',
    ],
    [
      { origins: { a: { url: 'http://a' }, b: { url: 'http://b' } }, routes: [{}] },
      'routes[0].origin: expected one of a, b, got nothing',
    ],
    [
      { origins, routes: [{ name: 'route-2' }, {}] },
      'routes[1].name: expected a name of its own, got "route-2" as routes[0]',
    ],
    [{ origins, admin: { token: 'a', tokenFile: 'b' } }, 'admin: expected token or tokenFile, got both'],
    [{ origins, trustedProxies: ['10.0.0.0/33'] }, /^trustedProxies\[0\]: expected an IP address or a network/],
    [{ origins, routes: [{ query: { kep: [] } }] }, /^routes\[0\]\.query: expected "all", \{ keep: \[names\] \}/],
    [{ origins, limits: { keepAlive: 2 ** 31 } }, /^limits\.keepAlive: expected .* from 1 to 2147483647/],
    [
      { origins, limits: { keepAliveMs: 5 } },
      "limits.keepAliveMs: expected keepAlive (a duration such as '1h', or milliseconds), got keepAliveMs",
    ],
    [
      { origins, routes: [{ ttlSeconds: 5 }] },
      "routes[0].ttlSeconds: expected ttl (a duration such as '1h', or milliseconds), got ttlSeconds",
    ],
    [
      { origins, routes: [{ ttl: '5 s' }] },
      /^routes\[0\]\.ttl: expected a whole number of ms .* such as '5m', got "5 s"$/,
    ],
    [
      { origins, routes: [{ ttl: 1.5 }] },
      /^routes\[0\]\.ttl: expected a whole number of ms of at least 0, or .*, got 1\.5$/,
    ],
    ['text', 'configuration: expected an object, got "text"'],
  ])('%j', (raw, expected) => {
    const found = problems(raw);
    expect(found).toHaveLength(1);
    if (typeof expected === 'string') expect(found[0]).toBe(expected);
    else expect(found[0]).toMatch(expected);
  });

  test('all of them are named at once', () => {
    const raw = {
      listen: { port: -1, hots: 'x' },
      origins: { app: { url: 'ftp://x' } },
      routes: [{ origin: 'other', match: { path: 'api/*' } }],
    };
    expect(problems(raw).map((line) => line.slice(0, line.indexOf(':')))).toEqual([
      'listen.port',
      'listen.hots',
      'origins.app.url',
      'routes[0].match.path',
      'routes[0].origin',
    ]);
  });

  test.each(['http://x/path', 'http://x?', 'http://x#', 'http://u:p@x', 'x:80', 'http://', ' http://x', 'http:x', 7])(
    '%j is no origin',
    (url) => {
      expect(problems({ origins: { app: { url } } })[0]).toMatch(/^origins\.app\.url: expected an http: or https: URL/);
    },
  );

  test.each(['connection', 'Transfer-Encoding', 'content-length', 'HOST', 'te', 'a b', ''])(
    'field %j is not edited',
    (name) => {
      expect(problems({ origins, routes: [{ request: { set: { [name]: 'x' } } }] })[0]).toContain(
        'expected a field name',
      );
      expect(problems({ origins, routes: [{ response: { remove: [name] } }] })[0]).toContain('expected a field name');
    },
  );

  test('no accepted field value can end its line', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 8 }), (value) => {
        const accepted = accepts({ origins, routes: [{ response: { set: { 'x-a': value } } }] });
        expect(accepted).toBe(/^[\t -~]*$/.test(value) && value.trim() === value);
      }),
    );
  });

  test('secrets are not repeated', () => {
    const raw = {
      admin: { token: 'se cret' },
      origins: { app: { url: 'http://user:secret@x' } },
      routes: [{ request: { set: { authorization: 'Bearer secret\n' } } }],
    };
    expect(problems(raw)).toHaveLength(3);
    expect(refusal(raw).message).not.toMatch(/secret|se cret/);
  });
});

function accepts(raw: unknown): boolean {
  try {
    resolveConfig(raw, { env: {} });
    return true;
  } catch {
    return false;
  }
}

describe('overrideConfig', () => {
  test('flags stand above the file', () => {
    const raw = { origins, listen: { port: 1, host: 'a' }, admin: { token: 't' }, routes: [{ ttl: 1 }] };
    const flags = { origin: 'http://x:9', host: '::', port: '80', adminPort: 81 };
    expect(overrideConfig(raw, flags)).toEqual({
      origins: { app: { url: 'http://x:9' } },
      listen: { port: 80, host: '::' },
      admin: { token: 't', port: 81 },
      routes: [{ ttl: 1 }],
    });
  });

  test('the only origin keeps its other settings', () => {
    const raw = { origins: { app: { url: 'http://a', retries: 0 } } };
    expect(overrideConfig(raw, { origin: 'http://b' })).toEqual({ origins: { app: { url: 'http://b', retries: 0 } } });
  });

  test('no flags change nothing', () => {
    expect(overrideConfig({ origins }, {})).toEqual({ origins });
    expect(overrideConfig(7, { port: 1 })).toBe(7);
  });

  test('one origin cannot stand for several', () => {
    const raw = { origins: { a: { url: 'http://a' }, b: { url: 'http://b' } } };
    expect(() => overrideConfig(raw, { origin: 'http://c' })).toThrow(/--origin: .* one origin, got 2: a, b/);
  });

  test('what is wrong in a flag is named as in a file', () => {
    expect(problems(overrideConfig({ origins }, { port: '80a' }))).toEqual([
      'listen.port: expected an integer from 0 to 65535, got "80a"',
    ]);
    expect(problems(overrideConfig({ origins, listen: 5 }, { port: '80' }))).toEqual([
      'listen: expected an object, got 5',
    ]);
  });
});

describe('loadConfig', () => {
  const source = (port: number) => `const port: number = ${port};
    export default { listen: { port }, origins: { app: { url: 'http://127.0.0.1:3000' } } };`;

  test('a file that has changed is read again', async () => {
    const cwd = folder({ 'tidegate.config.ts': source(1) });
    expect((await loadConfig({ cwd, env: {} })).listen.port).toBe(1);
    writeFileSync(join(cwd, 'tidegate.config.ts'), source(2));
    expect((await loadConfig({ cwd, env: {} })).listen.port).toBe(2);
  });

  test('TypeScript is an ES module in every project, with what it imports', async () => {
    const files = { 'package.json': '{"type":"commonjs"}', 'port.ts': 'export const port: number = 3;' };
    const text = `import { port } from './port.ts';\n${source(3).replace(/.*;\n/, '')}`;
    const cwd = folder({ ...files, 'tidegate.config.ts': text });
    expect((await loadConfig({ cwd, env: {} })).listen.port).toBe(3);
  });

  test('JSON, a named file, and flags above it', async () => {
    const cwd = folder({ 'other.json': JSON.stringify({ origins, listen: { port: 5 } }) });
    const config = await loadConfig({ file: 'other.json', cwd, env: {}, overrides: { port: '6' } });
    expect(config.listen.port).toBe(6);
  });

  test('an origin needs no file', async () => {
    const config = await loadConfig({ cwd: folder({}), env: {}, overrides: { origin: 'http://127.0.0.1:3000' } });
    expect(config.routes[0]?.origin).toBe('origin');
  });

  test.each([
    [{}, undefined, /expected one of tidegate\.config\.ts, .*json in [^,]*, got none/],
    [{}, 'a.ts', /expected a configuration file, got none at .*a\.ts/],
    [{ 'a.ts': 'export const config = {};' }, 'a.ts', /a\.ts: expected "export default .*got no default export/],
    [{ 'a.ts': 'export default {' }, 'a.ts', /a\.ts cannot be loaded: /],
    [{ 'a.json': '{' }, 'a.json', /a\.json cannot be loaded: /],
    [{ 'a.ts': 'export default { origins: 5 };' }, 'a.ts', /a\.ts has one problem:\n {2}origins: /],
  ])('%j, %j', async (files, file, expected) => {
    const failed = loadConfig({ file, cwd: folder(files as Record<string, string>), env: {} });
    await expect(failed).rejects.toThrow(expected);
    await expect(failed).rejects.toMatchObject({ code: 'E_CONFIG' });
  });
});
