// `npm run bench -- share`: the API of examples/rest over PostgreSQL, by `share: 'scope'` and `'union'`: of what a write leaves
// as it was, how much is still a hit, and how much was given up needlessly?
//   --rounds N   writes of each, default 30

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { resolveConfig } from '../src/node/config/config.ts';
import { startGate } from '../src/node/serve.ts';
import { createTracker, gateTarget, postgresDatabase } from '../src/track/index.ts';
import { startServer } from '../test/feed/postgres-kit.ts';
import { printTable, type Report } from './report.ts';

type Share = 'scope' | 'union';
type Query = (sql: string, values?: unknown[]) => Promise<{ readonly rows: unknown[] }>;

const USERS = 'SELECT id, first_name, city FROM users';
const ORDERS = 'SELECT id, user_id, total FROM orders WHERE user_id = ANY($1) ORDER BY id';
const SCHEMA = `DROP TABLE IF EXISTS orders, users;
    CREATE TABLE users (id int PRIMARY KEY, first_name text NOT NULL, city text NOT NULL);
    CREATE TABLE orders (id int PRIMARY KEY, user_id int NOT NULL, total int NOT NULL);
    INSERT INTO users SELECT id, CASE id % 4 WHEN 1 THEN 'Lane' ELSE 'User ' || id END, 'Ghent' FROM generate_series(1, 200) id;
    INSERT INTO orders SELECT id, id, id * 10 FROM generate_series(1, 30) id`;
const AT_ONCE = [1, 8, 32];
const MAX_PASSES = 100;
/** What examples/rest is asked for, and more of its single users. */
const ANSWERS: Readonly<Record<string, (query: Query) => Promise<unknown>>> = {
  '/users?limit=10': (query) => query(`${USERS} ORDER BY id LIMIT 10`),
  '/users?firstName=Lane': (query) => query(`${USERS} WHERE first_name = 'Lane' ORDER BY id LIMIT 100`),
  '/users?name=La*': (query) => query(`${USERS} WHERE first_name LIKE $1 ORDER BY id LIMIT 100`, ['La%']),
  '/users?after=20': (query) => query(`${USERS} WHERE id > $1 ORDER BY id LIMIT 10`, [20]),
  '/users?after=30': (query) => query(`${USERS} WHERE id > $1 ORDER BY id LIMIT 10`, [30]),
  '/users/count': (query) => query('SELECT count(*)::int AS users FROM users'),
  '/users/count?city=Ghent': (query) => query('SELECT count(*)::int AS users FROM users WHERE city = $1', ['Ghent']),
  '/users-with-orders': async (query) => {
    const users = (await query(`${USERS} ORDER BY id LIMIT 10`)).rows as { readonly id: number }[];
    return { users, orders: (await query(ORDERS, [users.map(({ id }) => id)])).rows };
  },
  ...Object.fromEntries(
    Array.from({ length: 32 }, (_, at) => [
      `/users/${at + 1}`,
      (query: Query) => query(`${USERS} WHERE id = $1`, [at + 1]),
    ]),
  ),
};
const URLS = Object.keys(ANSWERS);

interface Figures {
  readonly share: Share;
  readonly atOnce: number;
  /** Of the answers that a write left as they were. */
  readonly kept: number;
  /** Answers made anew for each write, though they are as they were. */
  readonly needless: number;
  readonly outdated: number;
}

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({ args: [...flags], options: { rounds: { type: 'string', default: '30' } } });
  const rounds = Number(values.rounds);
  const server = await startServer();
  const figures: Figures[] = [];
  try {
    for (const atOnce of AT_ONCE) {
      for (const share of ['scope', 'union'] as const)
        figures.push(await measure(server.url, { share, atOnce, rounds }));
    }
  } finally {
    await server.stop();
  }
  printTable({
    title: `${URLS.length} URLs, ${rounds} writes`,
    columns: ['share', 'requests at once', 'kept', 'made anew needlessly, for each write'],
    rows: figures.map(({ share, atOnce, kept, needless }) => [
      share,
      String(atOnce),
      `${(100 * kept).toFixed(1)} %`,
      needless.toFixed(1),
    ]),
  });
  const outdated = figures.reduce((sum, one) => sum + one.outdated, 0);
  const goal = { name: 'outdated answers', bound: '0', got: String(outdated), met: outdated === 0 };
  return { goals: [goal], figures };
}

async function measure(
  url: string,
  { share, atOnce, rounds }: { readonly share: Share; readonly atOnce: number; readonly rounds: number },
): Promise<Figures> {
  await using world = await opened(url, share, `${share}_${atOnce}`);
  const { ask, asked, write, settled } = world;
  let kept = 0;
  let needless = 0;
  let outdated = 0;
  let same = 0;
  for (let round = 1; round <= rounds; round++) {
    let left = URLS;
    for (let pass = 0; left.length > 0 && pass < MAX_PASSES; pass++) left = await missed(left, atOnce, ask);
    const before = new Map<string, string>();
    for (const one of URLS) before.set(one, (await ask(one)).text);
    asked.clear();
    await write(round);
    await settled();
    for (const one of URLS) {
      const { text, isHit } = await ask(one);
      if (text !== (await world.truth(one))) outdated++;
      if (text !== before.get(one)) continue;
      same++;
      if (asked.has(one)) needless++;
      else if (isHit) kept++;
    }
  }
  return { share, atOnce, kept: kept / same, needless: needless / rounds, outdated };
}

async function missed(urls: readonly string[], atOnce: number, ask: (url: string) => Promise<{ isHit: boolean }>) {
  const left: string[] = [];
  for (let at = 0; at < urls.length; at += atOnce) {
    const answers = urls.slice(at, at + atOnce).map(async (url) => ({ url, isHit: (await ask(url)).isHit }));
    for (const { url, isHit } of await Promise.all(answers)) if (!isHit) left.push(url);
  }
  return left;
}

async function opened(url: string, share: Share, name: string) {
  const outside = new pg.Pool({ connectionString: url, max: 2 });
  const own = new pg.Pool({ connectionString: url, max: 32 });
  for (const pool of [outside, own]) pool.on('error', (error) => console.error(error.message));
  await outside.query(SCHEMA);
  let listener: RequestListener = (_, response) => response.end();
  const origin = createServer((request, response) => listener(request, response)).listen(0, '127.0.0.1');
  await new Promise((resolve) => origin.once('listening', resolve));
  const at = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const config = { listen: { port: 0 }, admin: { port: 0 }, origins: { shop: { url: at } }, log: { level: 'silent' } };
  const gate = await startGate(resolveConfig(config, { env: {} }));
  const tracker = createTracker({
    ...{ source: name, share },
    database: postgresDatabase({ connection: url, slot: name, publication: name, install: true }),
    targets: [gateTarget({ admin: gate.adminUrl })],
  });
  await tracker.start();
  const db = tracker.wrap(own);
  const asked = new Set<string>();
  const bodyOf = async (path: string, query: Query) => JSON.stringify(await ANSWERS[path]?.(query));
  const rowsOf = ({ rows }: { readonly rows: unknown[] }) => ({ rows });
  listener = tracker.node(async (request, response) => {
    const path = request.url ?? '';
    asked.add(path);
    const body = await bodyOf(path, async (sql, values) => rowsOf(await db.query(sql, values)));
    response.setHeader('cache-control', 'max-age=3600').end(body);
  });
  const onlyRows = async (sql: string, values?: unknown[]) => rowsOf(await outside.query(sql, values));
  return {
    asked,
    settled: () => tracker.settled(),
    truth: (path: string) => bodyOf(path, onlyRows),
    write: (round: number) =>
      outside.query('UPDATE users SET city = $1 WHERE id = $2', [`City ${round}`, 1 + ((round * 7) % 60)]),
    ask: async (path: string) => {
      const response = await fetch(gate.url + path);
      return { text: await response.text(), isHit: /;\s*hit/.test(response.headers.get('cache-status') ?? '') };
    },
    [Symbol.asyncDispose]: async () => {
      await gate.close({ grace: 0 });
      await tracker.stop();
      origin.closeAllConnections();
      origin.close();
      await Promise.all([own.end(), outside.end()]);
    },
  };
}
