// Options that are misspelt, or of the wrong form, are refused where they are given.

import { expect, it } from 'vitest';
import { namedDatabase } from '../../src/track/follow/postgres-options.ts';
import {
  createTracker,
  feedProcess,
  gateTarget,
  postgresDatabase,
  sqliteDatabase,
  startFeedProcess,
} from '../../src/track/index.ts';

const database = sqliteDatabase({ path: 'shop.db' });
const tracker = (more: object) => () => createTracker({ source: 'shop', database, targets: [], ...more } as never);
const sqlite = (options: unknown) => () => sqliteDatabase(options as never);
const postgres = (more: object) => () => postgresDatabase({ connection: 'postgres://h/d', ...more } as never);
const NAMED = { slot: 'shop', publication: 'shop' };

it.each([
  [
    tracker({ leaseMS: 5 }),
    'expected an option of createTracker among source, database, ',
    ', leaseMs, ',
    'got "leaseMS"',
  ],
  [tracker({ leaseMs: -5 }), 'leaseMs: expected a whole number of milliseconds from 1 to 60000, got -5'],
  [tracker({ leaseMs: 0.5 }), 'leaseMs: expected', 'got 0.5'],
  [tracker({ maxTags: 'many' }), 'maxTags: expected a whole number from 1 on, got "many"'],
  [tracker({ maxTagBytes: Number.NaN }), 'maxTagBytes: expected', 'got NaN'],
  [tracker({ maxLagMs: 'x' }), 'maxLagMs: expected', 'got "x"'],
  [tracker({ maxLagMs: -1 }), 'maxLagMs: expected', 'got -1'],
  [tracker({ settleMs: -1 }), 'settleMs: expected', 'from 0', 'got -1'],
  [tracker({ onFault: 'log' }), 'onFault: expected a function, got "log"'],
  [tracker({ targets: [undefined] }), 'targets: expected gateTarget() or cacheTarget(), got nothing'],
  [() => createTracker(undefined as never), 'expected the options of createTracker as an object, got nothing'],
  [
    () => createTracker({ source: 'shop', feed: { url: 'http://127.0.0.1:1' }, leaseMs: 5 } as never),
    'leaseMs: expected none beside feed',
  ],
  [sqlite({ path: 'a', instal: true }), 'expected an option of sqliteDatabase among path, install, ', 'got "instal"'],
  [sqlite({ path: 'a', install: 'yes' }), 'install: expected true or false, got "yes"'],
  [sqlite({ path: 'a', pollMs: 0 }), 'pollMs: expected', 'from 1', 'got 0'],
  [sqlite({}), 'path: expected that of a file, got nothing'],
  [sqlite('shop.db'), 'expected the options of sqliteDatabase as an object, got "shop.db"'],
  [postgres({ mode: 'trigger', ...NAMED }), `mode: expected 'replication' or 'triggers', got "trigger"`],
  [postgres({ mode: 'triggers', slot: 'shop' }), `slot: expected none with mode 'triggers', got "shop"`],
  [postgres({ install: true }), 'slot: expected a name for logical replication, got none'],
  [postgres({ slot: 'shop' }), 'publication: expected a name for logical replication, got none'],
  [postgres({ ...NAMED, slot: 'Bad-Name' }), 'slot: expected a name of 1 to 63 of a-z, 0-9 and _, got "Bad-Name"'],
  [postgres({ ...NAMED, identity: 'all' }), `identity: expected 'full' or 'key', got "all"`],
  [postgres({ ...NAMED, connection: undefined }), 'connection: expected a connection string', 'got none'],
  [
    () => feedProcess({ url: 'http://h', tokn: 'x' } as never),
    'expected an option of feedProcess among url, token, got "tokn"',
  ],
  [() => feedProcess({ url: 'shop' }), 'feed: expected feedProcess() with a URL of http or https, got "shop"'],
  [
    () => gateTarget({ adm: 'http://h' } as never),
    'expected an option of gateTarget among admin, token, fetch, got "adm"',
  ],
  [() => gateTarget({} as never), 'admin: expected a URL of http or https, got nothing'],
  [() => gateTarget({ admin: 'http://h', token: 7 } as never), 'token: expected a text that is not empty, got 7'],
])('%#: %s', (call, ...parts) => {
  for (const part of parts as string[])
    expect(call).toThrow(expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(part) }));
});

it.each([
  [{ leaseMS: 5 }, 'expected an option of startFeedProcess among source, '],
  [{ port: 70_000 }, 'port: expected a whole number from 0 to 65535, got 70000'],
  [{ port: undefined }, 'port: expected a whole number from 0 to 65535, got none'],
  [{ token: '' }, 'token: expected a text that is not empty, got ""'],
])('a feed process refuses %j', async (more, message) => {
  const starting = startFeedProcess({ source: 'shop', database, targets: [], port: 0, ...more } as never);
  await expect(starting).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(message) });
});

it('what is undefined is not given', () => {
  expect(tracker({ leaseMs: undefined, leaseMS: undefined })).not.toThrow();
  expect(postgres({ mode: 'triggers', slot: undefined })).not.toThrow();
});

it.each([
  ['postgres://ada:secret@db.example:6432/shop?ssl=true', 'the database shop at db.example:6432'],
  ['postgres:///shop', 'the database shop'],
  ['service=shop', 'a database of PostgreSQL'],
  [{ host: 'db.example', port: 5432, user: 'ada', password: 'secret' }, 'a database of PostgreSQL at db.example:5432'],
  [{ connectionString: 'postgresql://ada:secret@db.example/shop' }, 'the database shop at db.example'],
])('a database is named without its password: %j', (connection, name) => {
  expect(namedDatabase(connection)).toBe(name);
});
