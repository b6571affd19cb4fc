// The application of the drill, as a process of its own: a handler and a driver that are wrapped, and the tracker.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { createTracker, feedProcess, gateTarget } from '../../src/track/index.ts';
import { FAILED, shownOf, statementOf, textOf } from './queries.ts';
import { readSettings, STATUS } from './settings.ts';
import { complain, persistently, trackedDatabase } from './tracked-database.ts';
import { checkFound, type Statement, statementsOf, type Transaction } from './transactions.ts';
import { nowMs } from './truth.ts';

const settings = readSettings();
const { dialect, port, source, admin, feed, leaseMs, maxLagMs, settleMs, database } = settings;
const { path = '', url = '' } = database;

const common = { source, settle: settleMs, onFault: complain };
const tracker =
  feed === undefined
    ? createTracker({
        ...{ ...common, lease: leaseMs, maxLag: maxLagMs },
        database: trackedDatabase(settings),
        targets: [gateTarget({ admin })],
      })
    : createTracker({ ...common, feed: feedProcess({ url: feed }) });

interface Access {
  rows(statement: Statement): Promise<readonly object[]>;
  /** The moment after the COMMIT. */
  commit(transaction: Transaction): Promise<number>;
}

const COMMIT: Statement = { sql: 'COMMIT', values: [] };

function sqliteAccess(): Access {
  const db = tracker.wrap(new DatabaseSync(path, { timeout: 20 }));
  db.exec('PRAGMA synchronous = OFF');
  const run = (statement: Statement) => {
    const { sql, values } = statement;
    if (values.length === 0) db.exec(sql);
    else checkFound(statement, db.prepare(sql).run(...values).changes);
  };
  return {
    rows: async ({ sql, values }) => db.prepare(sql).all(...values),
    commit: async (transaction) => {
      try {
        for (const statement of [...statementsOf(transaction, dialect), COMMIT]) run(statement);
        return nowMs();
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK');
        throw error;
      }
    },
  };
}

function postgresAccess(): Access {
  const bare = new pg.Pool({ connectionString: url, max: 8, connectionTimeoutMillis: 2_000 });
  bare.on('error', () => undefined);
  const pool = tracker.wrap(bare);
  return {
    rows: async ({ sql, values }) => (await pool.query(sql, [...values])).rows,
    commit: async (transaction) => {
      const client = await pool.connect();
      client.on('error', () => undefined);
      try {
        for (const statement of [...statementsOf(transaction, dialect), COMMIT]) {
          checkFound(statement, (await client.query(statement.sql, [...statement.values])).rowCount);
        }
        const atMs = nowMs();
        client.release();
        return atMs;
      } catch (error) {
        // Whatever it is in the middle of ends with it.
        client.release(true);
        throw error;
      }
    },
  };
}

const access = dialect === 'sqlite' ? sqliteAccess() : postgresAccess();

/** The schema, and not the connection, is why a query failed. */
function isSchema(error: unknown): boolean {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return dialect === 'sqlite' ? /no such (?:table|column)/.test(String(message)) : code === '42P01' || code === '42703';
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('content-type', 'text/plain');
  try {
    if (request.method === 'POST') {
      const committedMs = await access.commit(JSON.parse(await bodyOf(request)) as Transaction);
      response.end(String(committedMs));
      return;
    }
    const rows = await access.rows(statementOf(request.url ?? '', dialect));
    // The answer is under way for a while, as answers are.
    if (rows.length % 3 === 1) await sleep(rows.length);
    response.setHeader('cache-control', 'max-age=3600');
    response.end(textOf(shownOf(rows)));
  } catch (error) {
    response.statusCode = isSchema(error) ? 500 : 503;
    response.end(response.statusCode === 500 ? FAILED : String(error));
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const tracked = tracker.node((request, response) => void answer(request, response));
createServer((request, response) => {
  if (request.url === STATUS) response.end(JSON.stringify(tracker.status()));
  else tracked(request, response);
}).listen(port, '127.0.0.1', () => console.log('listening'));
// Nobody is left who could end it.
process.stdin.on('end', () => process.exit(0)).resume();
await persistently(() => tracker.start());
