// A slower tier of an HTTP cache: more room than memory, here in SQLite.

import { DatabaseSync } from 'node:sqlite';
import { deserialize, serialize } from 'node:v8';
import { createFetchCache, type Entry, type Store } from 'tidegate/fetch';

class SqliteStore implements Store {
  readonly #database = new DatabaseSync('');

  constructor() {
    this.#database.exec('create table entries (key text primary key, entry blob not null) without rowid');
  }

  get(key: string) {
    const row = this.#database.prepare('select entry from entries where key = ?').get(key);
    return row && (deserialize(row.entry as Uint8Array) as Entry);
  }

  put(entry: Entry) {
    this.#database.prepare('insert or replace into entries values (?, ?)').run(entry.key, serialize(entry));
  }

  delete(keys: readonly string[]) {
    const removal = this.#database.prepare('delete from entries where key = ?');
    return keys.reduce((count, key) => count + Number(removal.run(key).changes), 0);
  }

  /** For operators alone: this one lists nothing, so a purge leaves its rows, which nobody is given any more. */
  find() {
    return [];
  }
}

// Memory for a few answers of 20 KB, SQLite for all.
const tiers = [{ name: 'sqlite', store: new SqliteStore() }];
const cache = createFetchCache({ memory: { maxBytes: 100_000 }, tiers, ttl: '1h' });

let answers = 0;
const serve = cache.wrap((_, { tags }) => {
  answers++;
  tags('pages');
  return new Response('x'.repeat(20_000));
});

async function readAll(): Promise<void> {
  for (let page = 0; page < 50; page++) await (await serve(new Request(`http://shop.example/${page}`))).text();
  console.log('answers of the handler:', answers, 'few in memory:', cache.stats().memory.entries < 10);
}

await readAll();
await readAll();
await cache.purge({ tags: ['pages'] });
await readAll();
