// Options that are misspelt, or of the wrong form, are refused where they are given.

import { expect, it } from 'vitest';
import { namedDatabase } from '../../src/track/follow/postgres-database.ts';
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
    tracker({ leese: 5 }),
    'expected an option of createTracker among source, ',
    ', lease, ',
    'got "leese"; did you mean "lease"?',
  ],
  [
    tracker({ lease: -5 }),
    'expected lease to be a whole number of ms from 1 to 60000, or a number with a unit',
    'got -5',
  ],
  [tracker({ lease: 0.5 }), 'expected lease to be', 'got 0.5'],
  [tracker({ maxTags: 'many' }), 'expected maxTags to be a whole number of at least 1, got "many"'],
  [tracker({ maxTagBytes: Number.NaN }), 'expected maxTagBytes to be', 'got NaN'],
  [tracker({ maxLag: 'x' }), 'expected maxLag to be', 'got "x"'],
  [tracker({ maxLag: -1 }), 'expected maxLag to be', 'got -1'],
  [tracker({ settle: -1 }), 'expected settle to be', 'from 0', 'got -1'],
  [tracker({ onFault: 'log' }), 'expected onFault to be a function, got "log"'],
  [tracker({ targets: [undefined] }), 'expected each of targets to be gateTarget() or cacheTarget(), got nothing'],
  [() => createTracker(undefined as never), 'expected options of createTracker to be an object, got nothing'],
  [
    () => createTracker({ source: 'shop', feed: { url: 'http://127.0.0.1:1' }, lease: 5 } as never),
    'expected no lease beside feed',
  ],
  [
    sqlite({ path: 'a', instal: true }),
    'expected an option of sqliteDatabase among path, install, ',
    'got "instal"; did you mean "install"?',
  ],
  [sqlite({ path: 'a', install: 'yes' }), 'expected install to be true or false, got "yes"'],
  [sqlite({ path: 'a', poll: 0 }), 'expected poll to be', 'from 1', 'got 0'],
  [sqlite({}), 'expected path to be a text that is not empty, got nothing'],
  [sqlite('shop.db'), 'expected options of sqliteDatabase to be an object, got "shop.db"'],
  [
    postgres({ mode: 'trigger', ...NAMED }),
    'expected mode to be "replication" or "triggers", got "trigger"; did you mean "triggers"?',
  ],
  [postgres({ mode: 'triggers', slot: 'shop' }), `expected no slot with mode 'triggers', got "shop"`],
  [postgres({ install: true }), 'expected slot to be a name for logical replication, got nothing; mode: '],
  [postgres({ slot: 'shop' }), 'expected publication to be a name for logical replication, got nothing; mode: '],
  [postgres({ ...NAMED, slot: 'Bad-Name' }), 'expected slot to be a name of 1 to 63 of a-z, 0-9 and _, got "Bad-Name"'],
  [postgres({ ...NAMED, identity: 'all' }), 'expected identity to be "full" or "key", got "all"'],
  [postgres({ ...NAMED, connection: undefined }), 'expected connection to be a connection string', 'got nothing'],
  [
    () => feedProcess({ url: 'http://h', tokn: 'x' } as never),
    'expected an option of feedProcess among url, token, got "tokn"; did you mean "token"?',
  ],
  [() => feedProcess({ url: 'shop' }), 'expected url to be a URL of http or https, got "shop"'],
  [
    () => gateTarget({ adm: 'http://h' } as never),
    'expected an option of gateTarget among admin, token, fetch, got "adm"; did you mean "admin"?',
  ],
  [() => gateTarget({} as never), 'expected admin to be a URL of http or https, got nothing'],
  [() => gateTarget({ admin: 'http://h', token: 7 } as never), 'expected token to be a text that is not empty, got 7'],
])('%#: %s', (call, ...parts) => {
  for (const part of parts as string[])
    expect(call).toThrow(expect.objectContaining({ code: 'E_CONFIG', message: expect.stringContaining(part) }));
});

it.each([
  [{ leaseMS: 5 }, 'expected an option of startFeedProcess among source, '],
  [{ port: 70_000 }, 'expected port to be a whole number from 0 to 65535, got 70000'],
  [{ port: undefined }, 'expected port to be a whole number from 0 to 65535, got nothing'],
  [{ token: '' }, 'expected token to be a text that is not empty, got ""'],
])('a feed process refuses %j', async (more, message) => {
  const starting = startFeedProcess({ source: 'shop', database, targets: [], port: 0, ...more } as never);
  await expect(starting).rejects.toMatchObject({ code: 'E_CONFIG', message: expect.stringContaining(message) });
});

it('what is undefined is not given', () => {
  expect(tracker({ lease: undefined, leese: undefined })).not.toThrow();
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
