// A REST API over SQLite behind a gate: after a write it tells the URLs that were invalidated and those that were left.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { resolveConfig, startGate } from 'tidegate/node';
import { createTracker, gateTarget, sqliteDatabase } from 'tidegate/track';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
const path = join(folder, 'shop.db');
const database = new DatabaseSync(path);
database.exec(`PRAGMA journal_mode = WAL;
  CREATE TABLE users (id INTEGER PRIMARY KEY, firstName TEXT NOT NULL, city TEXT NOT NULL);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, userId INTEGER NOT NULL, total INTEGER NOT NULL);
  WITH n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 40)
    INSERT INTO users SELECT id, iif(id % 4 = 1, 'Lane', 'User ' || id), 'Ghent' FROM n;
  INSERT INTO orders SELECT id, id, id * 10 FROM users;`);

// The origin: an application as it was, but for its database and its listener, which are wrapped.
let tracker = undefined as unknown as ReturnType<typeof createTracker>;
let db = database;
const origin = createServer((request, response) => {
  const listener = tracker.node((asked, answer) => {
    const { pathname, searchParams } = new URL(asked.url ?? '/', 'http://shop.example');
    answer.setHeader('content-type', 'application/json');
    answer.setHeader('cache-control', 'max-age=3600');
    answer.end(JSON.stringify(answerTo(asked.method ?? 'GET', pathname, searchParams)));
  });
  listener(request, response);
});

function answerTo(method: string, pathname: string, query: URLSearchParams): unknown {
  const limit = Number(query.get('limit') ?? 10);
  const id = /^\/v1\/users\/(\d+)$/.exec(pathname)?.[1];
  if (method === 'PUT')
    return db.prepare('UPDATE users SET firstName = ? WHERE id = ?').run(query.get('firstName'), Number(id));
  if (id !== undefined) return db.prepare('SELECT * FROM users WHERE id = ?').get(Number(id)) ?? null;
  if (pathname === '/v1/users/count') return db.prepare('SELECT count(*) AS users FROM users').get();
  if (pathname === '/v1/users-with-orders') {
    const sql =
      'SELECT u.id, u.firstName, o.total FROM users u JOIN orders o ON o.userId = u.id ORDER BY u.id, o.id LIMIT ?';
    return db.prepare(sql).all(limit);
  }
  const firstName = query.get('firstName');
  if (firstName === null) return db.prepare('SELECT * FROM users ORDER BY id LIMIT ?').all(limit);
  return db.prepare('SELECT * FROM users WHERE firstName = ? ORDER BY id').all(firstName);
}

const portOf = await new Promise<number>((resolve) => {
  origin.listen(0, '127.0.0.1', () => resolve((origin.address() as AddressInfo).port));
});
const gate = await startGate(
  resolveConfig({
    listen: { port: 0 },
    admin: { port: 0 },
    origins: { shop: { url: `http://127.0.0.1:${portOf}` } },
    log: { level: 'silent' },
  }),
);
tracker = createTracker({
  source: 'shop',
  database: sqliteDatabase({ path, install: true }),
  targets: [gateTarget({ admin: gate.adminUrl })],
});
await tracker.start();
db = tracker.wrap(database);

const URLS = [
  '/v1/users?limit=10',
  '/v1/users?firstName=Lane',
  '/v1/users/7',
  '/v1/users/33',
  '/v1/users-with-orders?limit=10',
  '/v1/users/count',
];

async function ask(url: string, method = 'GET'): Promise<{ readonly isHit: boolean }> {
  const response = await fetch(gate.url + url, { method });
  await response.text();
  return { isHit: /;\s*hit/.test(response.headers.get('cache-status') ?? '') };
}

/** The gate stores nothing before it has heard from the tracker twice. */
async function warm(): Promise<void> {
  for (const url of URLS) while (!(await ask(url)).isHit);
}

async function tell(what: string, write: () => unknown): Promise<void> {
  await warm();
  await write();
  await tracker.settled();
  console.log(what);
  for (const url of URLS) console.log((await ask(url)).isHit ? '  left       ' : '  invalidated', url);
}

await tell('PUT /v1/users/7?firstName=Kim', () => ask('/v1/users/7?firstName=Kim', 'PUT'));
await tell('PUT /v1/users/33?firstName=Mila', () => ask('/v1/users/33?firstName=Mila', 'PUT'));

// Another program writes, which knows nothing of any cache.
const other = new DatabaseSync(path);
await tell('INSERT INTO orders (user 3)', () => other.exec('INSERT INTO orders VALUES (41, 3, 5)'));
await tell('DELETE FROM users (user 40)', () => other.exec('DELETE FROM users WHERE id = 40'));

await gate.close({ graceMs: 0 });
await tracker.stop();
origin.closeAllConnections();
origin.close();
other.close();
database.close();
rmSync(folder, { recursive: true });
