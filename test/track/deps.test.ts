// What entries hang on, from the tracker in the application by way of the gate to the command line.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import type { SourceQuestion } from '../../src/dependency/describe/describe.ts';
import { Registry } from '../../src/dependency/registry.ts';
import { resolveConfig } from '../../src/node/config/config.ts';
import { ADMIN_COMMANDS } from '../../src/node/operator/cli/admin-commands.ts';
import { startGate } from '../../src/node/serve.ts';
import { createTracker, gateTarget, sqliteDatabase } from '../../src/track/index.ts';
import { answerOf } from '../../src/track/target/answer.ts';
import { runCommand } from '../kit/run-command.ts';
import { atEnd, shopFile } from './world.ts';

/** SQLite reads it up to the zero character; the parser does not read it. */
const ODD = 'SELECT id FROM users\0';

const TARGETS = {
  '/list': 'SELECT * FROM users ORDER BY id LIMIT 2',
  '/lane': `SELECT id, age FROM users WHERE firstName = 'Lane'`,
  '/range': 'SELECT id FROM users WHERE age >= 35 AND age < 45',
  '/user': 'SELECT * FROM users WHERE id = 3',
  '/orders':
    'SELECT u.id, u.firstName, o.id AS orderId, o.total FROM users u JOIN orders o ON o.user_id = u.id ORDER BY u.id',
  '/names': 'SELECT DISTINCT firstName FROM users',
  '/notes': 'SELECT * FROM notes',
  '/odd': ODD,
  '/late': 'SELECT * FROM late',
} as const;

async function deps() {
  const path = shopFile();
  const raw = new DatabaseSync(path);
  raw.exec('CREATE TABLE notes (text TEXT)');
  atEnd(() => raw.close());
  let serve: Parameters<typeof createServer>[1] = () => undefined;
  const server = createServer((request, response) => (serve as NonNullable<typeof serve>)(request, response as never));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const config = {
    listen: { port: 0 },
    admin: { port: 0 },
    origins: { shop: { url } },
    routes: [{ origin: 'shop', showTags: true }],
    log: { level: 'silent' },
  };
  const gate = await startGate(resolveConfig(config, { env: {} }));
  atEnd(() => gate.close({ grace: 0 }));
  const tracker = createTracker({
    source: 'shop',
    database: sqliteDatabase({ path, install: true }),
    targets: [gateTarget({ admin: gate.adminUrl })],
    lease: 600,
  });
  const db = tracker.wrap(raw);
  serve = tracker.node((request, response) => {
    const sql = TARGETS[request.url as keyof typeof TARGETS];
    const rows = sql === undefined ? manyOf(db) : db.prepare(sql).all();
    response.writeHead(200, { 'cache-control': 'max-age=600', 'cache-tag': 'own' }).end(JSON.stringify(rows));
  });
  await tracker.start();
  atEnd(() => tracker.stop());
  for (const target of [...Object.keys(TARGETS), '/many']) {
    if (target === '/late' || target === '/odd') continue;
    await vi.waitFor(async () => {
      const response = await fetch(gate.url + target);
      await response.text();
      expect(response.headers.get('cache-status')).toMatch(/;\s*hit/);
    }, 5_000);
  }
  const cli = async (...args: string[]) => (await cliOf(gate.adminUrl)(...args)).replaceAll(gate.url, '');
  const rows = async (...args: string[]) => {
    const lines = (await cli(...args)).split('\n');
    return lines.map((line) => line.trim().split(/ {2,}/).join(' | '));
  };
  return { gate, tracker, raw, cli, rows };
}

function cliOf(admin: string) {
  return async (...args: string[]) => {
    const { code, out, err } = await runCommand(ADMIN_COMMANDS, [...args, '--admin', admin]);
    return [out, err, ...(code === 0 ? [] : [`exit ${code}`])].filter((text) => text !== '').join('\n');
  };
}

/** More statements of one text than a response may have tags. */
function manyOf(db: DatabaseSync): unknown {
  const byId = db.prepare('SELECT age FROM users WHERE id = ?');
  return Array.from({ length: 300 }, (_, id) => byId.get(id));
}

it('what an entry hangs on, as `deps` and `explain` say it', async () => {
  const { gate, rows } = await deps();
  const ofUrl = (target: string) => rows('deps', gate.url + target);
  const expected = [
    'GRANULARITY | TABLE | WHAT | COLUMNS | LEVEL',
    'record | users | 1, 2 | * | row',
    'predicate | users | any row; first 2 by id, up to 2 | * | row',
    'table | users | read by 1 statement | * | row',
    expect.stringMatching(/^other tags: own, s\w{14}$/),
  ];
  expect(await ofUrl('/list')).toEqual(expected);
  expect((await rows('explain', `${gate.url}/list`)).slice(-6)).toEqual(['', ...expected]);
  const cases: [string, unknown[]][] = [
    ['/lane', ["predicate | users | firstName = 'Lane' | id, firstName, age | row"]],
    ['/range', ['record | users | 2 | id, age | row', 'predicate | users | age >= 35 and age < 45 | id, age | row']],
    ['/user', ['record | users | 3 | * | row', 'predicate | users | id = 3 | * | row']],
    [
      '/orders',
      [
        'record | users | 1, 2 | id, firstName | row',
        'record | orders | 1, 2 | * | row',
        'table | orders | read by 1 statement | * | row',
      ],
    ],
    ['/names', ['record | users | not known | id, firstName | row']],
    ['/notes', ['predicate | notes | any row | text | row (no-primary-key: notes)']],
    [
      '/many',
      [
        'table | users | read by 1 statement | id, age | template (too many tags for one response (maxTags, maxTagBytes))',
      ],
    ],
  ];
  for (const [target, expected] of cases) {
    expect(await ofUrl(target), target).toEqual(expect.arrayContaining(expected));
  }
}, 30_000);

it('what hangs on a table and on a record, and how far the gate was told', async () => {
  const { gate, cli, rows } = await deps();
  const lines = await rows('deps', '--table', 'orders');
  expect(lines).toEqual([
    'GRANULARITY | TABLE | WHAT | LEVEL | URL',
    'table | orders | a change that the answer can depend on | row | /orders',
    'predicate | orders | any row | row | /orders',
  ]);
  expect(await rows('deps', '--table', 'main.orders')).toEqual(lines);
  const users = await cli('deps', '--table', 'users', '--json');
  const { groups } = JSON.parse(users) as { groups: { granularity: string; level: string; urls: string[] }[] };
  const levels = groups.filter(({ granularity }) => granularity === 'table').map(({ level, urls }) => [level, urls]);
  expect(levels).toEqual([
    ['row', ['/lane', '/list', '/names', '/orders', '/range', '/user']],
    ['template', ['/many']],
  ]);
  expect(await rows('deps', '--record', 'users:3')).toEqual([
    'GRANULARITY | TABLE | WHAT | LEVEL | URL',
    'record | users | 3 | row | /user',
    'predicate | users | any row (rows not known) | row | /names',
    'predicate | users | any row (rows not known) | template | /many',
    'template: too many tags for one response (maxTags, maxTagBytes)',
  ]);
  expect((await rows('deps', '--record', 'notes:1')).slice(-1)).toEqual([
    'shop: expected a table with a primary key, got notes, which has none',
  ]);
  expect(await cli('deps', '--record', 'users:1', '--source', 'other')).toContain('expected one of shop, got other');
  const shown = await fetch(`${gate.adminUrl}/sources`).then((response) => response.json());
  expect(shown).toMatchObject({
    sources: [{ source: 'shop', position: expect.any(String), lagMs: expect.any(Number), heardMs: expect.any(Number) }],
  });
  const metrics = await fetch(`${gate.adminUrl}/metrics`).then((response) => response.text());
  expect(metrics).toMatch(/^tidegate_source_lag_seconds\{source="shop"\} [0-9.e-]+$/m);
  expect(metrics).toMatch(/^tidegate_source_live\{source="shop"\} [01]$/m);
}, 30_000);

it('a table that no statement reads is named', () => {
  const registry = new Registry({ position: '00', seed: 1 });
  registry.register('s', 'source', registry.mark());
  const answer = (about: SourceQuestion['about'], covered: readonly string[]) =>
    answerOf({ id: '1', about }, { registry, covers: (table) => covered.includes(table) });
  const problem = 'no statement that is registered reads a table named public.orders';
  const asked = [
    { kind: 'table', table: 'public.orders' },
    { kind: 'record', table: 'public.orders', key: ['2'] },
  ] as const;
  for (const about of asked) {
    expect(answer(about, ['orders'])).toMatchObject({ problem, described: [{ tag: 's' }] });
    expect(answer(about, []).problem).toContain('expected a table whose changes are told, got public.orders');
  }
});

it('what cannot be told is named: a table without triggers, a tracker that has gone', async () => {
  const { cli, gate, tracker, raw } = await deps();
  raw.exec('CREATE VIRTUAL TABLE late USING fts5(text)');
  await vi.waitFor(async () => {
    const response = await fetch(`${gate.url}/late`);
    await response.text();
    expect(response.headers.get('tidegate-untracked')).toMatch(/^uncovered-table:/);
  }, 5_000);
  const why =
    /^Nothing is stored\. The last answer was refused: .*no-store\. Its tracker says: uncovered-table: late, which is not in/;
  expect(await cli('deps', `${gate.url}/late`)).toMatch(why);
  const odd = await fetch(`${gate.url}/odd`);
  expect(odd.headers.get('tidegate-untracked')).toMatch(/^uncacheable:/);
  await odd.text();
  const unread = 'Its tracker says: uncacheable: a statement that cannot be read: a NUL character in the text';
  expect(await cli('deps', `${gate.url}/odd`)).toContain(unread);
  expect(await cli('explain', `${gate.url}/odd`)).toContain(unread);
  expect(await cli('deps', '--table', 'late')).toContain('shop: expected a table whose changes are told, got late');
  await tracker.stop();
  const silence = 'E_ADMIN: expected an answer of the tracker of shop within 2 s, got none';
  expect(await cli('deps', `${gate.url}/list`)).toContain(silence);
}, 30_000);
it.each([
  [['deps'], 'expected one of a URL, --table, --record, got none'],
  [['deps', 'http://a.example/', '--table', 'x'], 'got a URL and --table'],
  [['deps', '--record', 'users'], '--record: expected a record as table:key'],
  [['deps', '--table', 'x', '-H', 'a: b'], 'expected a URL with --header'],
])('a wrong command line is told: %j', async (args, message) => {
  const text = await cliOf('http://127.0.0.1:1')(...args);
  expect(text).toContain(message);
  expect(text).toContain('exit 2');
});
