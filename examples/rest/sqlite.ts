// A REST API over SQLite, tracked, with a gate in front of it.

import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { json } from 'node:stream/consumers';
import { resolveConfig, startGate } from 'tidegate/node';
import { createTracker, gateTarget, sqliteDatabase } from 'tidegate/track';
import { tell } from './show.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
const path = join(folder, 'shop.db');
const database = new DatabaseSync(path);
database.exec(`PRAGMA journal_mode = WAL;
  CREATE TABLE users (id INTEGER PRIMARY KEY, firstName TEXT NOT NULL, city TEXT NOT NULL, note TEXT);
  CREATE TABLE orders (id INTEGER PRIMARY KEY, userId INTEGER NOT NULL REFERENCES users, total INTEGER NOT NULL);
  CREATE INDEX usersByFirstName ON users (firstName);
  CREATE INDEX ordersByUser ON orders (userId);
  WITH n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 200)
    INSERT INTO users SELECT id, iif(id % 4 = 1, 'Lane', 'User ' || id), 'Ghent', NULL FROM n;
  INSERT INTO orders SELECT id, id, id * 10 FROM users WHERE id <= 30;`);

// Servers first: the application and the gate are told of each other.
const origin = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => origin.once('listening', resolve));
const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
const gate = await startGate(
  resolveConfig({ listen: { port: 0 }, admin: { port: 0 }, origins: { shop: { url } }, log: { level: 'silent' } }),
);
const tracker = createTracker({
  source: 'shop',
  database: sqliteDatabase({ path, install: true }),
  targets: [gateTarget({ admin: gate.adminUrl })],
});
await tracker.start();

// The application: as it would be without, but for the database and the listener, which are wrapped.
const db = tracker.wrap(database);
const asked = new Set<string>();
origin.on('request', tracker.node(answer));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { method = 'GET', url = '/' } = request;
  asked.add(url);
  response.setHeader('content-type', 'application/json');
  try {
    const { pathname, searchParams } = new URL(url, 'http://shop.example');
    if (method === 'GET') response.setHeader('cache-control', 'max-age=3600');
    const found = method === 'GET' ? read(pathname, searchParams) : write(method, pathname, await json(request));
    if (found === undefined) response.statusCode = 404;
    response.end(JSON.stringify(found ?? null));
  } catch (error) {
    response.writeHead(400, { 'cache-control': 'no-store' }).end(JSON.stringify(String(error)));
  }
}

function read(path: string, query: URLSearchParams): unknown {
  const users = 'SELECT id, firstName, city FROM users';
  const { limit: most = '100', after = '0', firstName, name, id, city } = Object.fromEntries(query);
  const limit = Number(most);
  if (path === '/v1/users/count') {
    if (city === undefined) return db.prepare('SELECT count(*) AS users FROM users').get();
    return db.prepare('SELECT count(*) AS users FROM users WHERE city = ?').get(city);
  }
  if (path === '/v1/users-with-orders') {
    const sql = `SELECT u.id, u.firstName, o.id AS orderId, o.total FROM users u JOIN orders o ON o.userId = u.id
      ORDER BY u.id, o.id LIMIT ?`;
    return db.prepare(sql).all(limit);
  }
  const one = /^\/v1\/users\/(\d+)$/.exec(path)?.[1];
  if (one !== undefined) return db.prepare(`${users} WHERE id = ?`).get(Number(one));
  if (path !== '/v1/users') return undefined;
  if (firstName !== undefined) {
    return db.prepare(`${users} WHERE firstName = ? ORDER BY id LIMIT ?`).all(firstName, limit);
  }
  if (name !== undefined) {
    return db.prepare(`${users} WHERE firstName LIKE ? ORDER BY id LIMIT ?`).all(prefix(name), limit);
  }
  if (id !== undefined) return db.prepare(`${users} WHERE id LIKE ? ORDER BY id LIMIT ?`).all(prefix(id), limit);
  return db.prepare(`${users} WHERE id > ? ORDER BY id LIMIT ?`).all(Number(after), limit);
}

/** `La*` is `La%`. */
function prefix(text: string): string {
  if (!/^[^%_*]+\*$/.test(text)) throw new Error(`expected a prefix and *, got ${text}`);
  return text.replace('*', '%');
}

function write(method: string, path: string, body: unknown): unknown {
  const { firstName = null, city = null } = body as { readonly firstName?: string; readonly city?: string };
  const id = Number(/^\/v1\/users\/(\d+)$/.exec(path)?.[1]);
  if (method === 'POST' && path === '/v1/users') {
    return db.prepare('INSERT INTO users (firstName, city) VALUES (?, ?) RETURNING id').get(firstName, city);
  }
  if (method !== 'PUT') return undefined;
  const sql = 'UPDATE users SET firstName = ifnull(?, firstName), city = ifnull(?, city) WHERE id = ? RETURNING id';
  return db.prepare(sql).get(firstName, city, id);
}

// What is written through the API.
const shown = { gate: gate.url, application: url, asked, settled: () => tracker.settled() };
await tell(shown, 'PUT /v1/users/7 {"firstName":"Kim"}');
await tell(shown, 'PUT /v1/users/33 {"city":"Bruges"}');
await tell(shown, 'POST /v1/users {"firstName":"Lara","city":"Bruges"}');

// And by another program, which knows nothing of any cache.
const other = new DatabaseSync(path);
for (const sql of [
  `UPDATE users SET note = 'called' WHERE id = 7`,
  "BEGIN; INSERT INTO users VALUES (1234, 'Noor', 'Bruges', NULL); INSERT INTO orders VALUES (31, 3, 5); COMMIT",
  'DELETE FROM users WHERE id = 40',
]) {
  await tell(shown, sql, async () => other.exec(sql));
}

await gate.close({ grace: 0 });
await tracker.stop();
origin.closeAllConnections();
origin.close();
other.close();
database.close();
rmSync(folder, { recursive: true });
