// The kinds of fill that are raced: by which driver, of which statements, into which cache, and the steps each goes in.

import type { DatabaseSync } from 'node:sqlite';
import { eq } from 'drizzle-orm';
import type { LibSQLDatabase } from 'drizzle-orm/libsql';
import type { SteppedClient } from './track-driver.ts';
import { ITEMS, type TableName } from './track-shop.ts';

/** What a fill reads by. */
export interface Access {
  readonly id: number;
  readonly client: SteppedClient;
  readonly orm: () => LibSQLDatabase;
  /** The connection of all requests, which answers at once. */
  readonly shared: DatabaseSync;
}

export interface FillKind {
  readonly name: string;
  readonly of: 'gate' | 'data cache';
  readonly steps: readonly string[];
  /** What its answer is of. */
  readonly tables: readonly TableName[];
  /** The versions read. */
  readonly read: (access: Access) => Promise<readonly number[]>;
  /** A stored response is validated. */
  readonly isValidated?: true;
  /** It is read once the head of the response has gone out. `begun`: as far as that, before. */
  readonly isLate?: true | 'begun';
  /** A value of the data cache is part of the response. */
  readonly isCached?: true;
  /** All are read by the connection that the application writes on as well. */
  readonly isShared?: true;
  /** Such responses are not stored, since nothing is known of what they were read from. */
  readonly isNeverKept?: true;
}

const ONE = ['asked', 'begun', 'read', 'answered', 'finished', 'stored'];
const TWO = ['asked', 'begun', 'read', 'answered', 'read again', 'answered again', 'finished', 'stored'];
const AT_ONCE = ['asked', 'read', 'finished', 'stored'];
const BY_ID = 'SELECT version FROM items WHERE id = ?';
const NOTE_BY_ID = 'SELECT version FROM notes WHERE id = ?';
const TWO_TABLES: readonly TableName[] = ['items', 'notes'];

async function row({ client, id }: Access, sql = BY_ID): Promise<readonly number[]> {
  const { rows } = await client.execute({ sql, args: [id] });
  return Object.values(rows[0] ?? {});
}

async function twoRows(access: Access): Promise<readonly number[]> {
  return [...(await row(access)), ...(await row(access, NOTE_BY_ID))];
}

const ITEM = { of: 'gate', steps: ONE, tables: ['items'] } as const;

export const FILL_KINDS: readonly FillKind[] = [
  { ...ITEM, name: 'a row', read: row },
  {
    ...ITEM,
    name: 'a row, by Drizzle',
    read: async ({ orm, id }) => {
      const rows = await orm().select({ version: ITEMS.version }).from(ITEMS).where(eq(ITEMS.id, id));
      return rows.map(({ version }) => Number(version));
    },
  },
  {
    ...ITEM,
    name: 'a list',
    read: (access) => row(access, 'SELECT version FROM items WHERE shelf = ? ORDER BY version DESC LIMIT 1'),
  },
  { ...ITEM, name: 'a sum', read: (access) => row(access, 'SELECT sum(version) FROM items WHERE shelf = ?') },
  {
    ...ITEM,
    name: 'a join',
    tables: TWO_TABLES,
    read: (access) =>
      row(access, 'SELECT i.version, n.version AS note FROM items i JOIN notes n ON n.id = i.id WHERE i.id = ?'),
  },
  { ...ITEM, name: 'two statements', tables: TWO_TABLES, steps: TWO, read: twoRows },
  {
    ...ITEM,
    name: 'too many tags',
    tables: TWO_TABLES,
    read: async ({ client, id }) => {
      // Reads of one text, which go by one tag then; all of one step.
      const others = [1, 2].map((other) => ({ sql: BY_ID, args: [id + other] }));
      const both = [
        { sql: BY_ID, args: [id] },
        { sql: NOTE_BY_ID, args: [id] },
      ];
      const answers = await client.batch([...both, ...others]);
      return answers.slice(0, 2).flatMap(({ rows }) => Object.values(rows[0] ?? {}));
    },
  },
  { ...ITEM, name: 'validated', isValidated: true, read: row },
  {
    ...ITEM,
    name: 'in a late body',
    steps: ['asked', 'begun', 'read', 'answered', 'stored'],
    isLate: true,
    isNeverKept: true,
    read: row,
  },
  {
    ...ITEM,
    name: 'begun before the head',
    steps: ['asked', 'begun', 'finished', 'read', 'answered', 'stored'],
    isLate: 'begun',
    isNeverKept: true,
    read: row,
  },
  { ...ITEM, name: 'with a cached value', isCached: true, isNeverKept: true, read: row },
  {
    ...ITEM,
    name: 'on the shared connection',
    steps: AT_ONCE,
    isShared: true,
    tables: TWO_TABLES,
    read: async ({ shared, id }) =>
      [BY_ID, NOTE_BY_ID].map((sql) => Number((shared.prepare(sql).get(id) as { version: number }).version)),
  },
  { ...ITEM, name: 'a value', of: 'data cache', steps: ONE.slice(0, -1), read: row },
  {
    ...ITEM,
    name: 'a value of two statements',
    of: 'data cache',
    steps: TWO.slice(0, -1),
    tables: TWO_TABLES,
    read: twoRows,
  },
];

const WIDE = 'SELECT * FROM wide WHERE id = ?';

/** Of what is altered while they run. */
export const SCHEMA_FILLS: readonly FillKind[] = [
  { ...ITEM, name: 'a view', read: (access) => row(access, 'SELECT version FROM shown WHERE id = ?') },
  { ...ITEM, name: 'all columns', read: async (access) => (await row(access, WIDE)).slice(-1) },
  {
    ...ITEM,
    name: 'a value of all columns',
    of: 'data cache',
    steps: ONE.slice(0, -1),
    read: async (access) => (await row(access, WIDE)).slice(-1),
  },
];

const BY_NAME = new Map([...FILL_KINDS, ...SCHEMA_FILLS].map((kind) => [kind.name, kind]));

export function fillOf(name: string): FillKind {
  const kind = BY_NAME.get(name);
  if (kind === undefined) throw new Error(`expected a kind of fill, got ${name}`);
  return kind;
}
