// The journeys that are traced, each through the real code. A scene sets up servers, makes the journey, and proves that it
// took place.
//
// The code may be that of another checkout. So it is loaded by its path, and has the types of this one.

import { createServer, type RequestListener } from 'node:http';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { asked, listening, until } from './http.ts';

/** `turn` grows from journey to journey, from 0; all but the last one warm up. */
export interface Scene {
  /** Before the journey. */
  ready?(turn: number): Promise<void>;
  /** `settled` resolves once nothing is called any more that was not called before. */
  go(turn: number, settled: () => Promise<void>): Promise<void>;
  /** After it; throws where the journey did not do what it is for. */
  check?(turn: number): Promise<void>;
}

/** Where a scene is set. */
interface Place {
  /** URL of the checkout. */
  readonly root: string;
  /** Empty, and gone in the end. */
  readonly folder: string;
}

const FRESH = { 'cache-control': 'max-age=3600', 'cache-tag': 'shop' };

export const JOURNEYS: Readonly<Record<string, (place: Place) => Promise<Scene>>> = {
  'GET hit': hit,
  'GET miss to disk': missToDisk,
  'change to URL': changeToUrl,
  'invalidate --tag': invalidateTag,
  getOrSet,
};

async function hit(place: Place): Promise<Scene> {
  const { url } = await gateBefore(place, await listening(originServer()));
  await asked(`${url}/hit`, 'fwd=uri-miss');
  return { go: () => asked(`${url}/hit`, 'hit') };
}

async function missToDisk(place: Place): Promise<Scene> {
  const disk = { path: join(place.folder, 'disk') };
  const { url } = await gateBefore(place, await listening(originServer()), { disk });
  return {
    async go(turn, settled) {
      await asked(`${url}/${turn}`, 'fwd=uri-miss');
      await settled();
    },
    check: (turn) => asked(`${url}/${turn}`, 'hit'),
  };
}

/**
 * A program that knows nothing of any cache writes to SQLite; the gate has a URL whose answer was read from there. The
 * journey goes on until the URL has answered with what was written.
 */
async function changeToUrl(place: Place): Promise<Scene> {
  const track = await load<typeof import('../../src/track/index.ts')>(place, 'track/index.ts');
  const path = join(place.folder, 'shop.db');
  const other = new DatabaseSync(path);
  other.exec(`PRAGMA journal_mode = WAL; CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
    INSERT INTO users VALUES (1, 'Ada'), (2, 'Grace')`);
  const server = createServer();
  const { url, adminUrl } = await gateBefore(place, await listening(server));
  const tracker = track.createTracker({
    source: 'shop',
    database: track.sqliteDatabase({ path, install: true }),
    targets: [track.gateTarget({ admin: adminUrl })],
  });
  await tracker.start();
  const user = tracker.wrap(new DatabaseSync(path)).prepare('SELECT name FROM users WHERE id = ?');
  const answer: RequestListener = (_, response) => {
    const read = user.get(1);
    response.writeHead(200, FRESH).end(JSON.stringify(read));
  };
  server.on('request', tracker.node(answer));
  const change = other.prepare('UPDATE users SET name = ? WHERE id = 1');
  return {
    ready: () => until(() => asked(`${url}/users/1`, 'hit')),
    async go(turn, settled) {
      change.run(`Ada ${turn}`);
      await settled();
      await asked(`${url}/users/1`, 'fwd=');
      await settled();
    },
    check: () => asked(`${url}/users/1`, 'hit'),
  };
}

/** The command line and the gate in one process. */
async function invalidateTag(place: Place): Promise<Scene> {
  const { runCli } = await load<typeof import('../../src/node/cli.ts')>(place, 'node/cli.ts');
  const { url, adminUrl } = await gateBefore(place, await listening(originServer()));
  return {
    ready: () => until(() => asked(`${url}/tagged`, 'hit')),
    go: () => runCli(['node', 'tidegate', 'invalidate', '--tag', 'shop', '--admin', adminUrl]),
    check: () => asked(`${url}/tagged`, 'fwd='),
  };
}

/** A fill, and then a hit. */
async function getOrSet(place: Place): Promise<Scene> {
  const { createCache } = await load<typeof import('../../src/index.ts')>(place, 'index.ts');
  const cache = createCache();
  let fills = 0;
  const fill = async () => ({ name: `Ada ${++fills}` });
  return {
    async go(turn) {
      for (const _ of ['fill', 'hit']) await cache.getOrSet(`users/${turn}`, fill, { ttl: '1h' });
    },
    async check(turn) {
      if (fills !== turn + 1) throw new Error(`expected ${turn + 1} fills, got ${fills}`);
    },
  };
}

async function gateBefore(place: Place, origin: string, more: object = {}): Promise<{ url: string; adminUrl: string }> {
  const { resolveConfig, startGate } = await load<typeof import('../../src/node/index.ts')>(place, 'node/index.ts');
  const populate = { rehydrate: { maxEntries: 0 } };
  const ports = { listen: { port: 0 }, admin: { port: 0 } };
  const config = { ...ports, origins: { shop: { url: origin } }, log: { level: 'silent' }, populate, ...more };
  return await startGate(resolveConfig(config, { env: {} }));
}

function originServer() {
  return createServer((_, response) => response.writeHead(200, FRESH).end('x'.repeat(2048)));
}

async function load<T>({ root }: Place, path: string): Promise<T> {
  return (await import(`${root}src/${path}`)) as T;
}
