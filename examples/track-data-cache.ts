// A data cache whose values are filled again when a row that they were read from changes, whoever changes it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createCache } from 'tidegate';
import { cacheTarget, createTracker, sqliteDatabase } from 'tidegate/track';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
const path = join(folder, 'shop.db');
const other = new DatabaseSync(path);
other.exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')`);

const cache = createCache();
const tracker = createTracker({
  source: 'shop',
  database: sqliteDatabase({ path, install: true }),
  targets: [cacheTarget(cache)],
});
await tracker.start();
const db = tracker.wrap(new DatabaseSync(path));

const userById = db.prepare('SELECT name FROM users WHERE id = ?');
const read = (id: number) =>
  tracker.cached(cache, `user:${id}`, {
    fill: () => {
      console.log('read from the database:', id);
      return userById.get(id)?.name ?? null;
    },
    ttl: Infinity,
  });

console.log(await read(1), await read(2));
other.exec(`UPDATE users SET name = 'Mary' WHERE id = 2`);
await tracker.settled();
console.log(await read(1), await read(2));

await tracker.stop();
await cache.close();
db.close();
other.close();
rmSync(folder, { recursive: true });
