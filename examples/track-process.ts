// Two processes in one: a feed process, and an application whose data cache it tells.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createCache } from 'tidegate';
import { cacheTarget, createTracker, feedProcess, sqliteDatabase, startFeedProcess } from 'tidegate/track';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-'));
const path = join(folder, 'shop.db');
const other = new DatabaseSync(path);
other.exec(`CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT); INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')`);

// One process: the feed, for the gates too, which are its targets.
const database = sqliteDatabase({ path, install: true });
const feed = await startFeedProcess({ source: 'shop', database, targets: [], port: 0, token: 'secret' });

// Each process of the application; data caches are its own.
const cache = createCache();
const tracker = createTracker({
  source: 'shop',
  feed: feedProcess({ url: feed.url, token: 'secret' }),
  caches: [cacheTarget(cache)],
});
await tracker.start();
const db = tracker.wrap(new DatabaseSync(path));

const userById = db.prepare('SELECT name FROM users WHERE id = ?');
const read = (id: number) =>
  tracker.cached(cache, `user:${id}`, { fill: () => userById.get(id)?.name ?? null, ttl: Infinity });

console.log(await read(1), await read(2));
other.exec(`UPDATE users SET name = 'Mary' WHERE id = 2`);
await tracker.settled();
console.log(await read(1), await read(2));

await tracker.stop();
await feed.stop();
await cache.close();
db.close();
other.close();
rmSync(folder, { recursive: true });
