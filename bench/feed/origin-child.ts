// Child of the bench `feed`: the application, with its tracker. `/rows/N` is one row as JSON.
//
// `pg` is loaded only where PostgreSQL is followed: elsewhere the tracker would take it for a driver that is not wrapped.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DatabaseSync } from 'node:sqlite';
import { nodePostgres } from '../../src/feed/postgres/session.ts';
import { createPostgresTriggerFeed } from '../../src/feed/postgres/trigger/feed.ts';
import { installPostgresTriggers } from '../../src/feed/postgres/trigger/install.ts';
import {
  createTracker,
  gateTarget,
  postgresDatabase,
  sqliteDatabase,
  type TrackedDatabase,
  type Tracker,
} from '../../src/track/index.ts';
import { answer } from './child.ts';
import { type Followed, isPostgres } from './rows.ts';

type Read = (id: number) => Promise<unknown>;

let respond: (request: IncomingMessage, response: ServerResponse) => void = (_, response) => void response.end();
let tracker: Tracker | undefined;

const answers = {
  listen: async () => {
    const server = createServer((request, response) => respond(request, response));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  },
  follow: async ({ followed, admin }: { readonly followed: Followed; readonly admin: string }) => {
    if (followed.way === 'ttl') {
      respond = listener(await readerOf(followed, undefined), 'max-age=1');
      return;
    }
    tracker = createTracker({
      source: 'bench',
      database: databaseOf(followed),
      targets: [gateTarget({ admin })],
      onFault: (error) => console.error(error),
    });
    respond = tracker.node(listener(await readerOf(followed, tracker), 'max-age=3600'));
    await tracker.start();
  },
  status: () => tracker?.status(),
  stop: async () => tracker?.stop(),
};
export type OriginAnswers = typeof answers;

function listener(read: Read, lifetime: string): typeof respond {
  return (request, response) => {
    read(Number(request.url?.split('/').at(-1))).then(
      (row) => {
        response.setHeader('content-type', 'application/json');
        response.setHeader('cache-control', lifetime);
        response.end(JSON.stringify(row));
      },
      (error: unknown) => {
        response.statusCode = 500;
        response.end(String(error));
      },
    );
  };
}

async function readerOf(followed: Followed, wrapper: Tracker | undefined): Promise<Read> {
  const wrapped = <T extends object>(driver: T): T => wrapper?.wrap(driver) ?? driver;
  if (isPostgres(followed)) {
    const { Pool } = (await import('pg')).default;
    const pool = wrapped(new Pool({ connectionString: followed.database, max: 4 }));
    return async (id) => (await pool.query('SELECT id, version FROM rows WHERE id = $1', [id])).rows[0];
  }
  const database = wrapped(new DatabaseSync(followed.database, { timeout: 5_000 }));
  const statement = database.prepare('SELECT id, version FROM rows WHERE id = ?');
  return async (id) => statement.get(id);
}

function databaseOf({ way, database, pollMs }: Followed): TrackedDatabase {
  if (way === 'sqlite') {
    return sqliteDatabase({ path: database, install: true, ...(pollMs === undefined ? {} : { poll: pollMs }) });
  }
  // Slots are of the whole server.
  const names = { slot: new URL(database).pathname.slice(1), publication: 'bench' };
  if (way === 'logical') return postgresDatabase({ connection: database, ...names, install: true });
  return {
    async open(parts) {
      const { connected, shapesOf, withSession } = await import('../../test/feed/postgres-kit.ts');
      await withSession(database, (session) => installPostgresTriggers(session, { tables: 'all', notifies: true }));
      const opened = await postgresDatabase({ connection: database, ...names }).open(parts);
      const shapeOf = shapesOf(await connected(database));
      const feed = createPostgresTriggerFeed({ ...parts, connect: nodePostgres(database), shapeOf, heartbeatMs: 100 });
      // Nobody asks for the head: all writes come from another process.
      return { ...opened, feed, covers: (table) => feed.watches('public', table), head: () => undefined };
    },
  };
}

answer(answers);
