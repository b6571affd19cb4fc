// The shortest application over SQLite behind a gate, and another program that writes.

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
const other = new DatabaseSync(path);
other.exec(`PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
  INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')`);

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

const db = tracker.wrap(new DatabaseSync(path));
const asked: (string | undefined)[] = [];
const listener = tracker.node((request, response) => {
  asked.push(request.url);
  const id = Number(request.url?.slice('/users/'.length));
  const user = db.prepare('SELECT name FROM users WHERE id = ?').get(id);
  response.setHeader('cache-control', 'max-age=3600').end(JSON.stringify(user));
});
origin.on('request', listener);

async function ask(path: string): Promise<{ readonly text: string; readonly isHit: boolean }> {
  const response = await fetch(gate.url + path);
  return { text: await response.text(), isHit: response.headers.get('cache-status')?.includes('; hit') === true };
}

// A gate stores nothing before it has heard from the tracker twice.
for (const path of ['/users/1', '/users/2']) while (!(await ask(path)).isHit);
asked.length = 0;
other.exec(`UPDATE users SET name = 'Mary' WHERE id = 2`);
await tracker.settled();
console.log((await ask('/users/1')).text, (await ask('/users/2')).text);
console.log('The application was asked for', asked.join());

await gate.close({ grace: 0 });
await tracker.stop();
origin.closeAllConnections();
origin.close();
db.close();
other.close();
rmSync(folder, { recursive: true });
