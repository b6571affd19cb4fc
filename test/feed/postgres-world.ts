// A database with a feed by logical replication that has begun, for each test one; the server is one for the file.

import { afterAll, afterEach, beforeAll, expect, vi } from 'vitest';
import { createPostgresFeed } from '../../src/feed/postgres/logical/feed.ts';
import { installPostgresFeed, removePostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { type ConnectPostgres, nodePostgres } from '../../src/feed/postgres/session.ts';
import { Heard } from '../contract/change-feed.ts';
import {
  connected,
  freshDatabase,
  type PostgresServer,
  shapesOf,
  startServer,
  systemClock,
  systemTasks,
  withSession,
} from './postgres-kit.ts';

let server: PostgresServer;
let databases = 0;
const ends: (() => Promise<unknown>)[] = [];
export const wait = { timeout: 10_000, interval: 5 };
export const USERS = 'CREATE TABLE users (id int PRIMARY KEY, name text, age int)';

/** Declares that the file has a server. */
export function useServer(): void {
  beforeAll(async () => {
    server = await startServer('max_slot_wal_keep_size=32MB', 'min_wal_size=32MB', 'max_wal_size=64MB');
  }, 60_000);
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end();
  });
  afterAll(() => server?.stop());
}

export interface WorldOptions {
  readonly tables?: readonly string[];
  readonly identity?: 'full' | 'key';
  readonly maxChanges?: number;
  readonly heartbeatMs?: number;
  readonly wrap?: (connect: ConnectPostgres) => ConnectPostgres;
}

export async function begin({
  tables = [USERS],
  identity = 'key',
  maxChanges = 1_000,
  heartbeatMs = 40,
  wrap = (connect) => connect,
}: WorldOptions = {}) {
  const name = `logical_${++databases}`;
  const url = await freshDatabase(server, name);
  const client = async () => {
    const made = await connected(url);
    ends.push(() => made.end());
    return made;
  };
  const [writer, catalogue] = [await client(), await client()];
  for (const table of tables) await writer.query(table);
  const names = { slot: name, publication: 'changes' };
  await withSession(url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity }));
  // The server may hold the slot for a moment after its feed has stopped.
  const remove = () => withSession(url, (session) => removePostgresFeed(session, names));
  ends.push(() => vi.waitFor(remove, wait));
  const make = (more: { readonly takeOverMs?: number; readonly onFault?: (error: unknown) => void } = {}) => {
    const feed = createPostgresFeed({
      ...names,
      connect: wrap(nodePostgres(url)),
      shapeOf: shapesOf(catalogue),
      clock: systemClock,
      tasks: systemTasks,
      heartbeatMs,
      maxChanges,
      ...more,
    });
    ends.push(() => feed.stop());
    return feed;
  };
  const [feed, heard] = [make(), new Heard()];
  await feed.start(undefined, heard);
  await vi.waitFor(() => expect(heard.gaps).toHaveLength(1), wait);
  return { server, url, names, writer, client, make, feed, heard };
}

/** A client of another database. */
export async function elsewhere() {
  const client = await connected(await freshDatabase(server, `other_${databases}`));
  ends.push(() => client.end());
  return client;
}

export const hears = (heard: Heard, lines: readonly string[]) =>
  vi.waitFor(() => expect(heard.lines).toEqual(lines), wait);
