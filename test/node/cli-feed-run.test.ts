// `tidegate feed run`: a process of its own, from its beginning to its end.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { feed } from './feed-cli.ts';

const bin = fileURLToPath(new URL('../../src/node/bin.ts', import.meta.url));
const wait = { timeout: 20_000, interval: 20 };
const ends: (() => unknown)[] = [];
let file: string;
let database: DatabaseSync;

beforeEach(() => {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-feed-'));
  file = join(folder, 'shop.db');
  database = new DatabaseSync(file);
  database.exec('PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT)');
  ends.push(
    () => rmSync(folder, { recursive: true }),
    () => database.close(),
  );
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown[]>;
  readonly out: () => string;
  readonly err: () => string;
}

function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Running {
  const child = spawn(process.execPath, [bin, 'feed', 'run', ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    err += chunk;
  });
  const ended = once(child, 'exit');
  ends.push(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, ended, out: () => out, err: () => err };
}

const shop = () => ['shop', '--sqlite', file, '--port', '0'];

test('listens, tells gates, logs what is amiss, and ends in order', async () => {
  await feed('install', '--sqlite', file);
  const messages: { readonly authorization: string | undefined; readonly body: string }[] = [];
  const gate = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    messages.push({ authorization: request.headers.authorization, body });
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ gap: false, token: 'x' }));
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
  ends.push(() => gate.close());
  ends.push(() => gate.closeAllConnections());
  const admin = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
  const env = { TIDEGATE_FEED_TOKEN: 'CANARY-feed', TIDEGATE_ADMIN_TOKEN: 'CANARY-admin' };
  const { child, ended, out, err } = run([...shop(), '--gate', admin], env);
  await vi.waitFor(() => expect(out()).toMatch(/^live: shop$/m), wait);
  await vi.waitFor(() => expect(out()).toMatch(/^feed: http:\/\/127\.0\.0\.1:\d+$/m), wait);
  const url = /^feed: (.*)$/m.exec(out())?.[1] as string;
  expect((await fetch(`${url}/status`)).status).toBe(401);
  const status = await fetch(`${url}/status`, { headers: { authorization: 'Bearer CANARY-feed' } });
  expect(await status.json()).toMatchObject({ source: 'shop', state: 'live', targets: [{ name: admin }] });
  await vi.waitFor(() => expect(messages.length).toBeGreaterThan(0), wait);
  expect(messages[0]?.authorization).toBe('Bearer CANARY-admin');
  expect(JSON.parse(messages[0]?.body ?? '')).toMatchObject({ source: 'shop', sequence: 1 });
  database.exec('CREATE TABLE late (id INTEGER PRIMARY KEY)');
  await vi.waitFor(() => expect(out()).toContain('expected triggers on table late, got none'), wait);
  child.kill('SIGTERM');
  expect(await ended).toEqual([0, null]);
  expect(out() + err()).not.toContain('CANARY');
}, 40_000);

test('a gate that did not answer, and then does, is told of; the name may follow --gate', async () => {
  await feed('install', '--sqlite', file);
  let isAway = true;
  const gate = createServer((request, response) => {
    request.resume();
    response.writeHead(isAway ? 503 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(isAway ? {} : { gap: false, token: 'x' }));
  }).listen(0, '127.0.0.1');
  await once(gate, 'listening');
  ends.push(() => gate.close());
  ends.push(() => gate.closeAllConnections());
  const admin = `http://127.0.0.1:${(gate.address() as AddressInfo).port}`;
  const { out } = run(['--sqlite', file, '--port', '0', '--gate', admin, '--gate', `${admin}/`, 'shop']);
  await vi.waitFor(() => expect(out()).toContain('a fault of the feed'), wait);
  expect(out()).not.toContain('the gate answers again');
  isAway = false;
  await vi.waitFor(() => expect(out()).toMatch(/"gate":"[^"]*","failures":\d+,"msg":"the gate answers again"/), wait);
}, 40_000);

test('a feed that is not installed is named, and ends with 1', async () => {
  const { ended, err } = run(shop());
  expect(await ended).toEqual([1, null]);
  expect(err()).toContain(
    'E_FEED: expected the change log _tidegate_changes in the database, got none: install the feed',
  );
}, 40_000);

test('an address that other machines reach needs a token', async () => {
  await feed('install', '--sqlite', file);
  const { ended, err } = run([...shop(), '--host', '0.0.0.0']);
  expect(await ended).toEqual([1, null]);
  expect(err()).toMatch(/^E_CONFIG: .*token/);
}, 40_000);
