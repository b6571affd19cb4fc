// `tidegate feed` on a real PostgreSQL: by logical replication, and by triggers.

import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createPostgresFeed } from '../../src/feed/postgres/logical/feed.ts';
import { planPostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { nodePostgres, type PostgresSession } from '../../src/feed/postgres/session.ts';
import { Heard } from '../contract/change-feed.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  shapesOf,
  startServer,
  systemClock,
  systemTasks,
} from '../feed/postgres-kit.ts';
import { feed, tablesOf } from './feed-cli.ts';

let server: PostgresServer;
let url: string;
let name: string;
let client: pg.Client;
let databases = 0;
const ends: (() => Promise<unknown>)[] = [];
const wait = { timeout: 10_000, interval: 20 };

beforeAll(async () => {
  server = await startServer('max_slot_wal_keep_size=256MB');
  const admin = await connected(server.url);
  await admin.query(`CREATE ROLE plain LOGIN PASSWORD 'CANARY-plain'`);
  await admin.end();
}, 60_000);
afterAll(() => server?.stop());
beforeEach(async () => {
  name = `cli_${++databases}`;
  url = await freshDatabase(server, name);
  client = await connected(url);
  await client.query(`CREATE TABLE users (id int PRIMARY KEY, name text COLLATE "C", facts jsonb);
    CREATE TABLE tally (day date, visits int);
    CREATE SCHEMA audit; CREATE TABLE audit.entries (id int PRIMARY KEY);
    CREATE UNLOGGED TABLE scratch (id int PRIMARY KEY);
    CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM users`);
  vi.stubEnv('TIDEGATE_POSTGRES', url);
});
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  await client.query(`SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active`);
  await client.end();
  vi.unstubAllEnvs();
});

/** The slot is one of the server's, whatever the database. */
const shop = (...args: string[]) => feed(args[0] as string, '--source', name, ...args.slice(1));
const json = async (...args: string[]) => JSON.parse((await shop(...args, '--json')).out);

async function identities(): Promise<unknown> {
  const { rows } = await client.query<{ name: string; identity: string }>(
    `SELECT relname AS name, relreplident AS identity FROM pg_class WHERE relname IN ('users', 'tally', 'entries') ORDER BY 1`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.identity]));
}

async function started() {
  const catalogue = await connected(url);
  const running = createPostgresFeed({
    connect: nodePostgres(url),
    slot: `tidegate_${name}`,
    publication: `tidegate_${name}`,
    shapeOf: shapesOf(catalogue),
    clock: systemClock,
    tasks: systemTasks,
    heartbeatMs: 20,
  });
  ends.push(...[catalogue.end.bind(catalogue), running.stop.bind(running)]);
  const heard = new Heard();
  await running.start(undefined, heard);
  return { running, heard };
}

describe('logical replication', () => {
  test('is installed, looked at, and taken away again', async () => {
    const installed = await shop('install');
    expect([installed.code, installed.err]).toEqual([0, '']);
    const shown = `postgres@${new URL(url).host}/${name}`;
    expect(installed.out.split('\n')).toEqual([
      `installed: ${name}: ${shown}, by logical replication, slot tidegate_${name}, publication tidegate_${name}`,
      '',
      'TABLE          CHANGES           OLD ROW  NOTES',
      'audit.entries  told from now on  whole',
      'tally          told from now on  whole    no primary key',
      'users          told from now on  whole    values of facts cannot be compared: any may match',
      'scratch        left out          -        an unlogged table, whose changes are in no log',
      'totals         left out          -        a materialised view, of whose changes no feed tells',
    ]);
    expect(await identities()).toEqual({ users: 'f', tally: 'f', entries: 'f' });
    const status = await json('status');
    expect(status).toMatchObject({
      source: name,
      database: shown,
      isHealthy: true,
      problems: [],
      slot: { state: 'idle', walStatus: 'reserved', process: null, maxRetainedBytes: 256 * 1024 * 1024 },
    });
    expect(status.slot.position).toMatch(/^[0-9A-F]+\/[0-9A-F]+$/);
    expect(status.slot.lagBytes).toBeGreaterThanOrEqual(0);
    const removed = await shop('remove');
    expect([removed.code, removed.out.split('\n').sort()]).toEqual([
      0,
      [
        'removed REPLICA IDENTITY FULL of "audit"."entries"',
        'removed REPLICA IDENTITY FULL of "public"."tally"',
        'removed REPLICA IDENTITY FULL of "public"."users"',
        'removed event triggers tidegate_ddl and tidegate_drop',
        `removed publication tidegate_${name}`,
        `removed replication slot tidegate_${name}`,
      ],
    ]);
    expect(await identities()).toEqual({ users: 'd', tally: 'd', entries: 'd' });
    expect((await shop('remove')).out).toBe('nothing to remove');
  });

  test('installing again writes nothing, so that a feed that runs hears of no change', async () => {
    await shop('install');
    const { heard } = await started();
    const again = await shop('install');
    expect([again.code, again.out.split(':')[0]]).toEqual([0, 'nothing to do, all was there']);
    await client.query(`INSERT INTO users VALUES (1, 'Ada')`);
    await vi.waitFor(() => expect(heard.lines.length).toBeGreaterThan(0), wait);
    expect(heard.lines).toEqual([expect.stringMatching(/^insert users 1/)]);
    expect(heard.gaps).toHaveLength(1);
  });

  test('a slot in use is not dropped, and nothing else is then', async () => {
    await shop('install');
    const { running } = await started();
    const active = await json('status');
    expect(active.slot.state).toBe('active');
    const { code, err } = await shop('remove');
    expect(code).toBe(1);
    expect(err).toBe(
      `E_FEED: expected the replication slot tidegate_${name} to be idle, got it in use by process ${active.slot.process} of the server: stop its feed first`,
    );
    expect((await json('status')).isHealthy).toBe(true);
    await running.stop();
    await vi.waitFor(async () => expect((await shop('remove')).code).toBe(0), wait);
  });

  test('a dry run shows all that it would run, and runs nothing', async () => {
    const { out } = await shop('install', '--dry-run', '--identity', 'key');
    expect(out).toContain('ALTER TABLE "public"."tally" REPLICA IDENTITY FULL;');
    expect(out).not.toContain('"users" REPLICA IDENTITY');
    expect((await json('status')).slot.state).toBe('missing');
    for (const statement of out.split(';\n')) await client.query(statement);
    expect(tablesOf(await shop('status', '--json'))).toMatchObject({
      users: { isTold: true, oldRow: 'key' },
      tally: { isTold: true, oldRow: 'whole' },
    });
    expect((await shop('install', '--dry-run', '--identity', 'key')).out).toBe('-- nothing to do, all is there');
  });

  test('what is missing or wrong is named, a sentence each', async () => {
    expect((await json('status')).problems).toEqual([
      `expected a replication slot tidegate_${name}, got none`,
      `expected a publication tidegate_${name}, got none`,
    ]);
    await shop('install', '--identity', 'key');
    await client.query(`CREATE TABLE late (id int PRIMARY KEY); ALTER TABLE users REPLICA IDENTITY NOTHING;
      ALTER PUBLICATION tidegate_${name} SET (publish = 'insert')`);
    const status = await shop('status', '--json');
    expect(status.code).toBe(1);
    expect(JSON.parse(status.out).problems).toEqual([
      `expected tidegate_${name} to publish insert, update, delete and truncate, got fewer`,
      `expected public.late in publication tidegate_${name}, got it left out`,
      'expected a replica identity of public.users, got none: its updates and deletes are refused',
    ]);
    expect(tablesOf(status)).toMatchObject({
      late: { isTold: false, oldRow: 'none', notes: ['not in the publication: install the feed'] },
      users: { isTold: true, oldRow: 'none' },
    });
    expect((await shop('install')).code).toBe(0);
    expect((await shop('status')).code).toBe(0);
  });

  test('a slot of another database is named, and left alone', async () => {
    await shop('install');
    const other = await freshDatabase(server, `${name}_other`);
    const args = ['--postgres', other, '--slot', `tidegate_${name}`];
    const { problems } = JSON.parse((await feed('status', ...args, '--json')).out);
    expect(problems).toContain(`expected slot tidegate_${name} for ${name}_other, got it for ${name}`);
    const { code, err } = await feed('remove', ...args);
    expect([code, err]).toEqual([
      1,
      `E_FEED: expected a replication slot tidegate_${name} for ${name}_other, got one for ${name}`,
    ]);
  });

  test('a publication that was there before stays', async () => {
    await client.query(`CREATE PUBLICATION mine FOR TABLE users`);
    expect((await shop('install', '--publication', 'mine')).code).toBe(0);
    expect((await shop('remove', '--publication', 'mine')).out).toContain(
      'left publication mine, which was there before the feed',
    );
    const { rows } = await client.query(`SELECT obj_description(oid, 'pg_publication') AS comment FROM pg_publication`);
    expect(rows).toEqual([{ comment: null }]);
  });

  test('only the tables asked for; a partitioned one stands for its partitions', async () => {
    await client.query(`CREATE TABLE parts (id int PRIMARY KEY) PARTITION BY RANGE (id);
      CREATE TABLE parts_low PARTITION OF parts FOR VALUES FROM (0) TO (10)`);
    const tables = ['--tables', 'users,audit.entries,parts'];
    const { out } = await shop('install', ...tables);
    expect(out).toMatch(/parts_low +told from now on/);
    expect(out).toMatch(/tally +left out +- +not among the tables asked for/);
    expect((await shop('status', ...tables)).code).toBe(0);
    expect((await shop('status')).code).toBe(1);
    expect((await shop('install', '--tables', 'gone')).err).toBe('E_FEED: expected a table public.gone, got none');
  });

  test('a dry run of its removal shows what that would run, and runs nothing', async () => {
    expect((await shop('remove', '--dry-run')).out).toBe('-- nothing to remove');
    const before = await identities();
    await shop('install');
    const { out, code } = await shop('remove', '--dry-run');
    expect(code).toBe(0);
    expect((await shop('status')).code).toBe(0);
    for (const statement of out.split(';\n')) await client.query(statement);
    expect(await identities()).toEqual(before);
    expect((await shop('remove')).out).toBe('nothing to remove');
  });
});

const plainUrl = () => url.replace('postgres:password', 'plain:CANARY-plain');

test('a server without logical decoding is refused before anything is made', async () => {
  const session = { query: async () => [{ level: 'replica', standby: false }] } as unknown as PostgresSession;
  const install = { slot: 's', publication: 'p', tables: 'all', identity: 'full' } as const;
  await expect(planPostgresFeed(session, install)).rejects.toMatchObject({
    code: 'E_FEED',
    message: 'expected wal_level logical, got replica: set it and restart the server',
  });
});

describe('triggers', () => {
  beforeEach(async () => {
    await client.query(`ALTER DATABASE ${name} OWNER TO plain; ALTER SCHEMA public OWNER TO plain;
      ALTER SCHEMA audit OWNER TO plain; ALTER TABLE users OWNER TO plain; ALTER TABLE tally OWNER TO plain;
      ALTER TABLE audit.entries OWNER TO plain; ALTER TABLE scratch OWNER TO plain`);
    vi.stubEnv('TIDEGATE_POSTGRES', plainUrl());
  });

  test('are installed by a role that may not replicate, looked at, and taken away again', async () => {
    const dry = await shop('install', '--trigger-log', '--dry-run');
    expect(dry.out).toContain('CREATE OR REPLACE TRIGGER tidegate_rows');
    expect((await shop('status', '--trigger-log')).code).toBe(1);
    expect((await shop('install', '--trigger-log')).out).toMatch(/users +told from now on +whole/);
    expect((await shop('install', '--trigger-log')).out).toContain('nothing to do, all was there');
    await client.query(`INSERT INTO users VALUES (1, 'Ada')`);
    const status = await json('status', '--trigger-log');
    expect(status).toMatchObject({
      by: 'PostgreSQL triggers',
      isHealthy: true,
      log: { isThere: true, last: { row: 1, table: 'users', kind: 'insert' } },
    });
    await client.query('ALTER TABLE tally DISABLE TRIGGER tidegate_rows; CREATE TABLE late (id int)');
    const broken = await json('status', '--trigger-log');
    expect(broken.problems).toEqual([
      'expected the triggers of the feed on public.late, got none or disabled ones',
      'expected the triggers of the feed on public.tally, got none or disabled ones',
    ]);
    const removal = await shop('remove', '--trigger-log', '--dry-run');
    expect(removal.out).toBe('DROP SCHEMA IF EXISTS tidegate CASCADE;');
    expect((await shop('remove', '--trigger-log')).out).toBe(
      'removed triggers of audit.entries, scratch, users\nremoved the change log tidegate.changes, with the schema tidegate',
    );
    // Those that are disabled went with their function.
    const left = await client.query(`SELECT FROM pg_trigger WHERE tgname LIKE 'tidegate%'`);
    expect(left.rowCount).toBe(0);
  });
});
