// The contract of a change feed, on a real PostgreSQL: by logical replication.

import type pg from 'pg';
import { afterAll, beforeAll, describe } from 'vitest';
import { createPostgresFeed } from '../../src/feed/postgres/logical/feed.ts';
import { installPostgresFeed } from '../../src/feed/postgres/logical/install.ts';
import { nodePostgres } from '../../src/feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../src/feed/postgres/trigger/feed.ts';
import { installPostgresTriggers, removePostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import { FEED_TABLES, type FeedWorld, testChangeFeedContract } from '../contract/change-feed.ts';
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
let worlds = 0;

beforeAll(async () => {
  server = await startServer();
}, 60_000);
afterAll(() => server?.stop());

interface Base {
  readonly url: string;
  readonly writer: pg.Client;
  readonly catalogue: pg.Client;
  readonly name: string;
}

async function makeBase(): Promise<Base> {
  const name = `world_${++worlds}`;
  const url = await freshDatabase(server, name);
  const [writer, catalogue] = [await connected(url), await connected(url)];
  for (const statement of FEED_TABLES) await writer.query(statement);
  return { url, writer, catalogue, name };
}

function worldOf({ writer, catalogue }: Base, parts: Pick<FeedWorld, 'makeFeed' | 'loseLog' | 'close'>): FeedWorld {
  return {
    ...parts,
    write: async (...statements) => {
      await writer.query('BEGIN');
      try {
        for (const statement of statements) await writer.query(statement);
        await writer.query('COMMIT');
      } catch (error) {
        await writer.query('ROLLBACK');
        throw error;
      }
    },
    truncateUsers: async () => void (await writer.query('TRUNCATE users')),
    close: async () => {
      await Promise.all([writer.end(), catalogue.end()]);
      await parts.close();
    },
  };
}

async function logicalWorld(): Promise<FeedWorld> {
  const base = await makeBase();
  const names = { slot: base.name, publication: 'changes' };
  await withSession(base.url, (session) => installPostgresFeed(session, { ...names, tables: 'all', identity: 'full' }));
  return worldOf(base, {
    makeFeed: () =>
      createPostgresFeed({
        ...names,
        connect: nodePostgres(base.url),
        shapeOf: shapesOf(base.catalogue),
        clock: systemClock,
        tasks: systemTasks,
        heartbeatMs: 40,
      }),
    loseLog: () => withSession(base.url, dropSlot(base.name)),
    close: () => withSession(base.url, dropSlot(base.name)),
  });
}

const dropSlot =
  (slot: string) => async (session: { query(text: string, values: readonly unknown[]): Promise<unknown> }) => {
    await session.query('SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1', [
      slot,
    ]);
  };

async function triggerWorld(): Promise<FeedWorld> {
  const base = await makeBase();
  const install = () =>
    withSession(base.url, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
  await install();
  return worldOf(base, {
    makeFeed: () =>
      createPostgresTriggerFeed({
        connect: nodePostgres(base.url),
        shapeOf: shapesOf(base.catalogue),
        clock: systemClock,
        tasks: systemTasks,
        heartbeatMs: 40,
      }),
    loseLog: async () => {
      await withSession(base.url, removePostgresTriggers);
      await install();
    },
    close: async () => undefined,
  });
}

describe('a feed by triggers', () => testChangeFeedContract(triggerWorld));
describe('a feed by logical replication', () => testChangeFeedContract(logicalWorld));
