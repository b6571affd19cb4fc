// What `tidegate feed` says to a role of PostgreSQL that lacks a right; and that no password is printed.

import type pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { connected, freshDatabase, type PostgresServer, startServer } from '../feed/postgres-kit.ts';
import { feed } from './feed-cli.ts';

let server: PostgresServer;
let url: string;
let name: string;
let client: pg.Client;
let databases = 0;

beforeAll(async () => {
  server = await startServer();
  const admin = await connected(server.url);
  await admin.query(`CREATE ROLE plain LOGIN PASSWORD 'CANARY-plain'`);
  await admin.end();
}, 60_000);
afterAll(() => server?.stop());
beforeEach(async () => {
  name = `roles_${++databases}`;
  url = await freshDatabase(server, name);
  client = await connected(url);
  await client.query(`CREATE TABLE users (id int PRIMARY KEY, name text); CREATE TABLE tally (day date, visits int);
    CREATE SCHEMA audit; CREATE TABLE audit.entries (id int PRIMARY KEY)`);
  vi.stubEnv('TIDEGATE_POSTGRES', url);
});
afterEach(async () => {
  await client.end();
  vi.unstubAllEnvs();
});

const plainUrl = () => url.replace('postgres:password', 'plain:CANARY-plain');
const shop = (...args: string[]) => feed(args[0] as string, '--source', name, ...args.slice(1));
const json = async (...args: string[]) => JSON.parse((await shop(...args, '--json')).out);

async function identities(): Promise<unknown> {
  const { rows } = await client.query<{ name: string; identity: string }>(
    `SELECT relname AS name, relreplident AS identity FROM pg_class WHERE relname IN ('users', 'tally', 'entries') ORDER BY 1`,
  );
  return Object.fromEntries(rows.map((row) => [row.name, row.identity]));
}

test('a role that may not replicate is told so', async () => {
  vi.stubEnv('TIDEGATE_POSTGRES', plainUrl());
  expect((await json('status')).problems).toEqual([
    'expected a role with the right REPLICATION, got plain without it',
    `expected a replication slot tidegate_${name}, got none`,
    `expected a publication tidegate_${name}, got none`,
    `expected a role with the right CREATE on the database ${name}, got plain without it`,
  ]);
  const right = `CREATE on the database ${name} and REPLICATION`;
  expect((await shop('install')).err).toBe(`E_FEED: expected a role with the right ${right}, got plain without it`);
  expect(await identities()).toEqual({ entries: 'd', tally: 'd', users: 'd' });
  await client.query(`GRANT CREATE ON DATABASE ${name} TO plain`);
  expect((await shop('install')).err).toBe('E_FEED: expected a role with the right REPLICATION, got plain without it');
  const byTriggers = await shop('install', '--trigger-log');
  expect(byTriggers.err).toMatch(/^E_FEED: expected to install the feed in plain@\S+, got: .*(?:owner|permission)/);
});

describe('triggers', () => {
  beforeEach(async () => {
    await client.query(`ALTER DATABASE ${name} OWNER TO plain; ALTER SCHEMA public OWNER TO plain;
      ALTER SCHEMA audit OWNER TO plain; ALTER TABLE users OWNER TO plain; ALTER TABLE tally OWNER TO plain;
      ALTER TABLE audit.entries OWNER TO plain`);
    vi.stubEnv('TIDEGATE_POSTGRES', plainUrl());
  });

  test('a role that may not create a schema is told so', async () => {
    await client.query(`ALTER DATABASE ${name} OWNER TO postgres`);
    const lack = `expected a role with the right CREATE on the database ${name}, got plain without it`;
    expect((await json('status', '--trigger-log')).problems).toContain(lack);
    expect((await shop('install', '--trigger-log')).err).toBe(`E_FEED: ${lack}`);
    vi.stubEnv('TIDEGATE_POSTGRES', url);
    await shop('install', '--trigger-log');
    vi.stubEnv('TIDEGATE_POSTGRES', plainUrl());
    expect((await json('status', '--trigger-log')).problems).not.toContain(lack);
  });

  test('a role that may not read the log is told so', async () => {
    await shop('install', '--trigger-log');
    const admin = await connected(server.url);
    await admin.query(`CREATE ROLE nobody_${databases} LOGIN PASSWORD 'x'`);
    await admin.end();
    vi.stubEnv('TIDEGATE_POSTGRES', url.replace('postgres:password', `nobody_${databases}:x`));
    expect((await json('status', '--trigger-log')).problems).toContain(
      `expected a role that may read tidegate.changes and delete there, got nobody_${databases}`,
    );
  });
});

describe('the password', () => {
  test('that is the name of the role leaves the role to be read', async () => {
    await client.query(`CREATE ROLE same_${databases} LOGIN PASSWORD 'same_${databases}'`);
    const role = `same_${databases}`;
    const connection = url.replace('postgres:password', `${role}:${role}`);
    const { err } = await feed('install', '--postgres', connection, '--slot', name);
    expect(err).toContain(`got ${role} without it`);
    const away = await feed('status', '--postgres', `postgres://${role}:${role}@127.0.0.1:1/shop`);
    expect(away.err).toMatch(new RegExp(`^E_FEED: expected a connection to ${role}@127.0.0.1:1/shop, got: `));
  });

  test.each([
    ['a wrong one', () => url.replace('postgres:password', 'postgres:CANARY%2Fwrong')],
    ['of a role that is not there', () => url.replace('postgres:password', 'CANARY_role:CANARY%2Fwrong')],
    ['of a server that is not there', () => 'postgres://postgres:CANARY%2Fwrong@127.0.0.1:1/shop'],
    ['of a port that is none', () => 'postgres://u:CANARY%2Fwrong@127.0.0.1:99999/d'],
  ])('is never printed: %s', async (_, connection) => {
    for (const command of ['status', 'install', 'remove']) {
      const { code, out, err } = await feed(command, '--postgres', connection());
      expect(code).toBe(1);
      expect(err).toMatch(/^E_FEED: expected /);
      expect(out + err).not.toMatch(/CANARY(?:%2F|\/)wrong/);
    }
  });
});
