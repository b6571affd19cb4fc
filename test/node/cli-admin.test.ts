import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { createAdminApi } from '../../src/admin/api.ts';
import type { AdminDeps } from '../../src/admin/contract.ts';
import type { Explanation } from '../../src/engine/contract.ts';
import { keyHash } from '../../src/node/operator/access-log.ts';
import { type RunningAdmin, startAdmin } from '../../src/node/operator/admin-server.ts';
import { ADMIN_COMMANDS } from '../../src/node/operator/cli/admin-commands.ts';
import { adminBounds, ENTRY, EXPLANATION, type FakeGate, fakeGate, STATS } from '../admin/fake-gate.ts';
import { runCommand } from '../kit/run-command.ts';

const TOKEN = 'CANARY-TOKEN';
let admin: RunningAdmin;
let fake: FakeGate;
let gate: Partial<AdminDeps['gate']> = {};

beforeAll(async () => {
  fake = fakeGate();
  const deps: AdminDeps = {
    ...fake.deps,
    get gate() {
      return { ...fake.deps.gate, ...gate };
    },
  };
  admin = await startAdmin({ ...adminBounds(), port: 0, token: TOKEN, api: createAdminApi(deps) });
});
afterAll(() => admin.close());
afterEach(() => {
  gate = {};
  fake.changes.length = 0;
  fake.lists.length = 0;
  fake.explained.length = 0;
  vi.unstubAllEnvs();
});

const bare = (...args: string[]) => runCommand(ADMIN_COMMANDS, args);
const cli = (name: string, ...args: string[]) => bare(name, '--admin', admin.url, '--token', TOKEN, ...args);

describe('list', () => {
  test('prints a table', async () => {
    expect(await cli('list', '--limit', '1')).toEqual({
      code: 0,
      err: '',
      out: [
        'METHOD  STATUS  BYTES  AGE   FRESH FOR  URL                       TAGS',
        'GET     200     2048   12 s  48 s       http://example.org/users  users, user:1',
        'more follow; raise --limit to see them',
      ].join('\n'),
    });
  });

  test('goes through as many pages as it needs', async () => {
    const { out } = await cli('list', '--prefix', 'http://example.org/', '--tag', 'users', '--limit', '2', '--json');
    expect(JSON.parse(out).entries).toHaveLength(2);
    const asked = { prefix: 'http://example.org/', tag: 'users' };
    expect(fake.lists).toEqual([
      { ...asked, limit: 2 },
      { ...asked, limit: 1, after: ENTRY.key },
    ]);
  });

  test('says that there is nothing', async () => {
    gate = { list: async () => ({ entries: [] }) };
    expect((await cli('list')).out).toBe('no entries');
  });

  test('tells stale from outdated, and lets no URL speak to the terminal', async () => {
    const entries = [
      { ...ENTRY, ttlMs: -5_000 },
      { ...ENTRY, outdated: true, tags: ['\u001b[2Jboo\n'] },
    ];
    gate = { list: async () => ({ entries }) };
    const { out } = await cli('list');
    expect(out).toContain('stale 5 s');
    expect(out).toContain('outdated');
    expect(out).toContain('\\u001b[2Jboo\\u000a');
    expect(out).not.toContain('\u001b');
  });
});

describe('explain', () => {
  test('prints the whole reason', async () => {
    expect((await cli('explain', 'http://example.org/users')).out.split('\n')).toEqual([
      `key        - demo GET http://example.org/users (${keyHash(EXPLANATION.key)} in the access log)`,
      'variant    accept: */*; cookie:(redacted)',
      'verdict    serve: fresh (RFC 9111 §4.2)',
      'freshness  lifetime 60 s (max-age) - age 12 s = 48 s left; stale-if-error 5 s',
      'entry      200, 2048 bytes, origin demo, stamp 7',
      'tags       users, user:1',
      'position   applied 9, last invalidation 3',
      'refusal    no-store (RFC 9111 §5.2.2.5)',
    ]);
  });

  test('of what is not stored', async () => {
    const explanation: Explanation = {
      key: 'k',
      verdict: 'forward',
      reason: 'nothing is stored',
      section: 'RFC 9111 §4',
      position: { applied: 9, lastInvalidation: 0 },
    };
    gate = { explain: async () => explanation };
    expect((await cli('explain', 'http://example.org/users')).out.split('\n').slice(1)).toEqual([
      'variant    none',
      'verdict    forward: nothing is stored (RFC 9111 §4)',
      'freshness  nothing is stored',
      'position   applied 9, last invalidation none',
      'refusal    none known',
    ]);
  });

  test('of what is stale', async () => {
    const freshness = { ...EXPLANATION.freshness!, ageMs: 65_040, staleIfErrorMs: 0 };
    gate = { explain: async () => ({ ...EXPLANATION, freshness }) };
    expect((await cli('explain', 'http://example.org/users')).out).toContain(
      'lifetime 60 s (max-age) - age 65 s = stale for 5 s\n',
    );
  });

  test('takes fields before and after the URL', async () => {
    await cli('explain', '-H', 'Accept: text/html', 'http://example.org/users', '-H', 'X-A: b', '-X', 'HEAD');
    expect(fake.explained).toEqual([
      { method: 'HEAD', uri: 'http://example.org/users', fields: ['accept', 'text/html', 'x-a', 'b'] },
    ]);
  });
});

describe.each([
  ['invalidate', 'invalidated'],
  ['purge', 'purged'],
])('%s', (name, done) => {
  test.each([
    [['--url', 'http://example.org/users'], { kind: 'url', uri: 'http://example.org/users' }],
    [['--tag', 'a'], { kind: 'tag', tag: 'a' }],
    [['--prefix', 'http://example.org/'], { kind: 'prefix', prefix: 'http://example.org/' }],
    [['--pattern', '*/users'], { kind: 'pattern', pattern: '*/users' }],
    [['--origin', 'demo'], { kind: 'origin', origin: 'demo' }],
    [['--all'], { kind: 'all' }],
  ])('%j', async (options, selector) => {
    expect((await cli(name, ...options)).out).toBe(`${done}: 2 entries matched, position 1`);
    expect(fake.changes).toEqual([[name, selector]]);
  });

  test('several tags', async () => {
    expect((await cli(name, '--tag', 'a', '--tag', 'bb')).out.split('\n')).toEqual([
      `${done}: 4 entries matched, position 2`,
      '  a   2 entries  position 1',
      '  bb  2 entries  position 2',
    ]);
  });

  test.each([
    [[], 'got none'],
    [['--all', '--tag', 'a'], 'got --tag and --all'],
    [['--tga', 'a'], "unknown option '--tga'"],
    [['--url'], 'argument missing'],
    [['http://example.org/'], 'too many arguments'],
    [['--url', '/users'], '--url: expected an absolute http or https URL'],
    [['--prefix', '/users'], '--prefix: expected the beginning of a URL'],
    [['--pattern', '/users/*'], '--pattern: expected a glob over whole URLs'],
    [['--tag', ' a', 'b'], '--tag: expected a tag of 1 to 1024 characters'],
  ])('%j is a usage error', async (options, message) => {
    const { code, err, out } = await cli(name, '--json', ...options);
    expect(err).toContain(message);
    expect([code, out]).toEqual([2, '']);
    expect(fake.changes).toEqual([]);
  });

  test('what the gate refuses is a failure', async () => {
    const { code, err } = await cli(name, '--origin', 'none');
    expect(code).toBe(1);
    expect(err).toMatch(/^E_SELECTOR: expected one of .* as origin, got "none"/);
  });
});

test('clear purges all', async () => {
  expect((await cli('clear')).out).toBe('cleared: 2 entries matched, position 1');
  expect(fake.changes).toEqual([['purge', { kind: 'all' }]]);
});

test('stats are a table of what is not zero', async () => {
  const { out } = await cli('stats');
  expect(out).toContain('forwards        bypass 5, method 1, uri-miss 4, stale 2\n');
  expect(out).toContain('memory          18 entries, 19000 of 20000 bytes\n');
});

describe('every command', () => {
  const commands = [
    ['list'],
    ['explain', 'http://example.org/users'],
    ['invalidate', '--all'],
    ['purge', '--all'],
    ['clear'],
    ['stats'],
  ] as [string, ...string[]][];

  test.each(commands)('%s prints JSON when asked', async (...command) => {
    const { code, out } = await cli(...command, '--json', ...(command[0] === 'list' ? ['--limit', '1'] : []));
    expect(code).toBe(0);
    expect(JSON.parse(out)).toBeTypeOf('object');
  });

  test.each(commands)('%s takes address and token from the environment', async (...command) => {
    vi.stubEnv('TIDEGATE_ADMIN', admin.url);
    vi.stubEnv('TIDEGATE_ADMIN_TOKEN', TOKEN);
    expect((await bare(...command)).code).toBe(0);
  });

  test.each(commands)('%s without the right token fails, showing none', async (...command) => {
    for (const token of [[], ['--token', 'CANARY-WRONG']]) {
      const { code, err, out } = await bare(...command, '--admin', admin.url, ...token);
      expect([code, out]).toEqual([1, '']);
      expect(err).toMatch(/^E_ADMIN: expected the token of the admin API/);
      expect(err).not.toContain('CANARY');
    }
  });

  test.each(commands)('%s says when nobody is there', async (...command) => {
    const free = await startAdmin({ ...adminBounds(), port: 0, api: async () => expect.unreachable() });
    await free.close();
    const { code, err } = await bare(...command, '--admin', free.url);
    expect(code).toBe(1);
    expect(err).toBe(`E_ADMIN: expected a gate's admin API at ${free.url}, got ECONNREFUSED`);
  });

  test.each(commands)('%s has a help, which shows no token', async (command) => {
    vi.stubEnv('TIDEGATE_ADMIN_TOKEN', TOKEN);
    const { code, out } = await bare(command, '--help');
    expect(code).toBe(0);
    expect(out).toContain('--admin <url>');
    expect(out).not.toContain('CANARY');
  });
});

test.each([
  ['list', '--limit', '0'],
  ['list', '--limit', '-1'],
  ['list', '--limit', '1.5'],
  ['list', '--tier', 'x'],
  ['list', '--prefix', '/x'],
  ['explain', '/x'],
  ['explain', 'http://example.org/', '-H', 'nocolon'],
  ['stats', '--admin', '127.0.0.1:8081'],
  ['stats', '--admin', 'localhost:8081'],
])('%s %s %s is a usage error', async (name, ...args) => {
  expect((await cli(name, ...args)).code).toBe(2);
});

test('the JSON of stats is what the gate says', async () => {
  expect(JSON.parse((await cli('stats', '--json')).out)).toEqual(STATS);
});
