// A real file of SQLite with rows of versions, its connections, and a feed that tells of its commits when it is told to.
//
// What is read, and what a transaction shows to whom, is SQLite's own doing; only when the feed looks
// is decided here. What was committed is noted in the step that commits, as the feed will tell it.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { integer, sqliteTable } from 'drizzle-orm/sqlite-core';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import type { ChangeFeed, Clock, FeedListener, FeedStatus } from '../../src/ports.ts';
import type { Catalogue } from '../../src/sql/ast.ts';
import { readSqliteCatalogue } from '../../src/sql/sqlite/catalogue.ts';
import { createSqliteParser } from '../../src/sql/sqlite/parser.ts';
import type { TrackedDatabase } from '../../src/track/follow/open-database.ts';
import { placeOf } from '../../src/track/wrap/sqlite-place.ts';

const SCHEMA = `PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;
  CREATE TABLE items (id INTEGER PRIMARY KEY, shelf INTEGER NOT NULL, version INTEGER NOT NULL);
  CREATE TABLE notes (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
  CREATE TABLE wide (id INTEGER PRIMARY KEY, version INTEGER NOT NULL);
  CREATE VIEW shown AS SELECT id, version FROM items;
  CREATE TABLE unlisted (id INTEGER PRIMARY KEY, late INTEGER);
  INSERT INTO unlisted VALUES (1, 1);`;

/** As Drizzle knows them. */
export const ITEMS = sqliteTable('items', { id: integer().primaryKey(), shelf: integer(), version: integer() });
export const NOTES = sqliteTable('notes', { id: integer().primaryKey(), version: integer() });

export type TableName = 'items' | 'notes' | 'wide';

const parser = createSqliteParser();

export class Shop {
  readonly path: string;
  /** Of what fills read by an asynchronous driver. */
  readonly reader: DatabaseSync;
  /** Of the application: it reads and writes on it. */
  readonly shared: DatabaseSync;
  /** Of transactions of the ORM. */
  readonly writer: DatabaseSync;
  /** Of somebody else. */
  readonly outside: DatabaseSync;
  readonly #folder: string;

  constructor(schema = SCHEMA) {
    this.#folder = mkdtempSync(join(tmpdir(), 'tidegate-race-'));
    this.path = join(this.#folder, 'shop.db');
    const open = () => new DatabaseSync(this.path, { timeout: 0 });
    this.outside = open();
    this.outside.exec(schema);
    [this.reader, this.shared, this.writer] = [open(), open(), open()];
    for (const each of [this.reader, this.shared, this.writer]) each.exec('PRAGMA synchronous = OFF');
  }

  /** Version 1 of a row in each table, of a shelf of its own. */
  put(id: number): void {
    this.outside.exec(`INSERT INTO items VALUES (${id}, ${id}, 1); INSERT INTO notes VALUES (${id}, 1);
      INSERT INTO wide (id, version) VALUES (${id}, 1)`);
  }

  /** What is committed. */
  versionOf(table: TableName, id: number): number {
    const row = this.outside.prepare(`SELECT version FROM ${table} WHERE id = ?`).get(id);
    return Number(row?.version);
  }

  catalogue(): Catalogue {
    const catalogue = readSqliteCatalogue(
      (sql, given) => this.outside.prepare(sql).all(...(given as SQLInputValue[])),
      'shop',
    );
    const server = placeOf(this.path);
    return {
      ...catalogue,
      ...(catalogue.data !== undefined && server !== undefined && { data: { ...catalogue.data, server } }),
    };
  }

  close(): void {
    for (const each of [this.reader, this.shared, this.writer, this.outside]) each.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function rowOf(shape: TableShape, id: number, version: number): Row {
  return shape.name === 'items' ? [id, id, version] : [id, version];
}

export function insertOf(shape: TableShape, id: number): Change {
  return { kind: 'insert', table: shape, new: rowOf(shape, id, 1) };
}

/** The row of the table goes to the version from another. */
export function updateTo(version: number, shape: TableShape, id: number, from = 1): Change {
  return { kind: 'update', table: shape, old: rowOf(shape, id, from), new: rowOf(shape, id, version) };
}

/** Tells, when it looks, what was committed before it looked. */
export class ScriptedFeed implements ChangeFeed {
  readonly #clock: Clock;
  #listener: FeedListener | undefined;
  #place = 0;
  #committed: (readonly Change[])[] = [];
  #knownAt = 0;
  readonly acknowledged: string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async start(_: string | undefined, listener: FeedListener): Promise<void> {
    this.#listener = listener;
    this.#committed = [];
    this.#knownAt = this.#clock.monotonic();
    await listener.gap('the feed begins here', this.#next());
  }

  acknowledge(position: string): void {
    this.acknowledged.push(position);
  }

  status(): FeedStatus {
    const lagMs = this.#clock.monotonic() - this.#knownAt;
    return { state: this.#listener === undefined ? 'stopped' : 'live', position: this.#position, lagMs, problems: [] };
  }

  async stop(): Promise<void> {
    this.#listener = undefined;
  }

  /** One commit. */
  commit(changes: readonly Change[]): void {
    this.#committed.push(changes);
  }

  /** Looks; what it finds is told by what it gives. */
  look(): () => Promise<void> {
    const begunAt = this.#clock.monotonic();
    const found = this.#committed.splice(0);
    return async () => {
      const listener = this.#listener;
      for (const changes of found) await listener?.changed({ position: this.#next(), changes });
      this.#knownAt = Math.max(this.#knownAt, begunAt);
      listener?.reached(this.#position);
    };
  }

  get #position(): string {
    return String(this.#place).padStart(12, '0');
  }

  #next(): string {
    this.#place++;
    return this.#position;
  }
}

export interface ScriptedParts {
  readonly shop: Shop;
  readonly feed: ScriptedFeed;
  /** Where the catalogue is waited for. */
  readonly refreshing?: () => Promise<void>;
}

export function scriptedDatabase({ shop, feed, refreshing }: ScriptedParts): TrackedDatabase {
  return {
    open: async () => ({
      parts: { dialect: 'sqlite', parser, catalogue: shop.catalogue() },
      feed,
      refresh: async () => {
        await refreshing?.();
        return shop.catalogue();
      },
      covers: () => true,
      head: () => undefined,
      wake: () => undefined,
      close: () => undefined,
    }),
  };
}
