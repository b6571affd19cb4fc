// Random writes on real SQLite: what is heard of them, replayed over a copy, gives the same tables, and each old image is
// a row that the copy had.

import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import { positionNow } from '../../src/feed/sqlite/log.ts';
import { Heard } from '../contract/change-feed.ts';
import { SqliteWorld } from './sqlite-world.ts';

const TABLES = [
  `CREATE TABLE a (id INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE UNIQUE, "or""der" , w INTEGER, UNIQUE (w, "or""der"))`,
  `CREATE TABLE b (k TEXT COLLATE NOCASE, n, v, PRIMARY KEY (k, n)) WITHOUT ROWID`,
  `CREATE TABLE c (x, y UNIQUE ON CONFLICT REPLACE)`,
  `CREATE TABLE d (id INTEGER PRIMARY KEY, a REFERENCES a (id) ON DELETE CASCADE ON UPDATE CASCADE, r REAL,
     g AS (r + 1), parent REFERENCES d (id) ON DELETE SET NULL)`,
  `CREATE TABLE e (id INTEGER PRIMARY KEY, u TEXT NOT NULL DEFAULT 'q1' UNIQUE, n INT) STRICT`,
  `CREATE UNIQUE INDEX e_n ON e (n) WHERE n > 3`,
  'CREATE TABLE f (x)',
  `CREATE TRIGGER app AFTER UPDATE ON a BEGIN INSERT OR REPLACE INTO c VALUES (NEW.u, NEW.w); DELETE FROM f WHERE x = NEW.w; END`,
];

/** Numbers from a seed: a failure can be had again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

class Writes {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = randomOf(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random() * count);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T;
  }

  value(): string {
    const values = ['NULL', '1', '2', '3', "'q1'", "'Q1'", "'q2'", "'ü''x'", "x'00ff'", '1.5', '-0.0', '9e999'];
    return this.pick([...values, '9007199254740993', '1e300', "'a' || char(0) || 'b'"]);
  }

  text(): string {
    return this.pick(["'q1'", "'Q1'", "'q2'", "'q3'", "'q4'", 'NULL', 'upper(hex(randomblob(1)))']);
  }

  small(): string {
    return this.pick(['1', '2', '3', '4', '5', '6', '7', 'NULL']);
  }

  statement(): string {
    const or = this.pick(['', '', '', ' OR REPLACE', ' OR REPLACE', ' OR IGNORE', ' OR FAIL', ' OR ABORT']);
    const insert = `INSERT${or} INTO`;
    const update = `UPDATE${or}`;
    const id = this.small();
    switch (this.below(22)) {
      case 0:
      case 1:
        return `${insert} a VALUES (${id}, ${this.text()}, ${this.value()}, ${this.small()})`;
      case 2:
        return `INSERT INTO a VALUES (${id}, ${this.text()}, 1, 1) ON CONFLICT DO UPDATE SET u = excluded.u, w = w + 1`;
      case 3:
        return `INSERT INTO a VALUES (${id}, ${this.text()}, 1, 1) ON CONFLICT DO NOTHING`;
      case 4:
        return `${update} a SET u = ${this.text()} WHERE id = ${id}`;
      case 5:
        return `${update} a SET id = id + ${this.small()}, w = ${this.small()} WHERE id < ${id}`;
      case 6:
        return `DELETE FROM a WHERE id = ${id}`;
      case 7:
      case 8:
        return `${insert} b VALUES (coalesce(${this.text()}, 'z'), coalesce(${this.value()}, 0), ${this.value()})`;
      case 9:
        return `${update} b SET k = coalesce(${this.text()}, 'y') WHERE n IS ${this.value()}`;
      case 10:
        return `INSERT INTO b VALUES ('Q1', 1, 1) ON CONFLICT DO UPDATE SET k = excluded.k, v = ${this.value()}`;
      case 11:
        return `${insert} c VALUES (${this.value()}, ${this.value()}), (${this.value()}, ${this.value()})`;
      case 12:
        return `${insert} c (rowid, x, y) VALUES (${id}, ${this.value()}, ${this.value()})`;
      case 13:
        return `${update} c SET rowid = rowid + 1, y = ${this.value()} WHERE x IS ${this.value()}`;
      case 14:
      case 15:
        return `${insert} d (id, a, r, parent) VALUES (${id}, ${this.pick(['1', '2', 'NULL'])}, ${this.pick(['0.1', '7', '-0.0'])}, NULL)`;
      case 16:
        return `${update} d SET parent = ${this.small()} WHERE id = ${this.small()}`;
      case 17:
      case 18:
        return `${insert} e VALUES (${id}, ${this.text()}, ${this.small()})`;
      case 19:
        return `${update} e SET u = ${this.text()}, n = ${this.small()} WHERE id = ${id}`;
      case 20:
        return this.pick(['DELETE FROM c', 'DELETE FROM f', `DELETE FROM ${this.pick(['b', 'd', 'e'])} WHERE 1`]);
      default:
        return `INSERT INTO f VALUES (${this.value()}), (${this.value()})`;
    }
  }

  transaction(database: DatabaseSync): void {
    const run = (sql: string) => {
      try {
        database.exec(sql);
      } catch (error) {
        if (!/constraint|mismatch|cannot store|no such savepoint|datatype/i.test(String(error))) throw error;
      }
    };
    database.exec('BEGIN IMMEDIATE');
    for (let count = 1 + this.below(6); count > 0 && database.isTransaction; count--) {
      if (this.below(5) > 0) run(this.statement());
      else {
        run('SAVEPOINT s');
        for (let inner = this.below(4); inner > 0; inner--) run(this.statement());
        run(this.below(2) === 0 ? 'ROLLBACK TO s' : 'RELEASE s');
      }
    }
    if (database.isTransaction) database.exec(this.below(6) === 0 ? 'ROLLBACK' : 'COMMIT');
  }
}

/** The tables as bags of rows. */
class Copy {
  readonly #rows = new Map<string, string[]>();

  apply(change: Change): void {
    const rows = this.of(change.table.name);
    if (change.kind === 'truncate') throw new Error(`expected no truncate, got one of ${change.table.name}`);
    if (change.kind !== 'insert') {
      const at = rows.indexOf(textOf(change.old as Row));
      if (at < 0)
        throw new Error(
          `${change.kind} ${change.table.name}: no row ${textOf(change.old as Row)} among ${rows.join('; ')}`,
        );
      rows.splice(at, 1);
    }
    if (change.kind !== 'delete') rows.push(textOf(change.new));
  }

  of(name: string): string[] {
    const rows = this.#rows.get(name) ?? [];
    this.#rows.set(name, rows);
    return rows;
  }
}

function textOf(row: Row): string {
  const text = (cell: Row[number]) =>
    cell instanceof Uint8Array
      ? `x${cell.join()}`
      : `${typeof cell}:${Object.is(cell, -0) ? '0' : JSON.stringify(String(cell))}`;
  return row.map(text).join(' ');
}

function realRows(database: DatabaseSync, shape: TableShape): string[] {
  const columns = shape.columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
  const statement = database.prepare(`SELECT ${columns} FROM "${shape.name}"`);
  statement.setReadBigInts(true);
  statement.setReturnArrays(true);
  const rows = statement.all() as unknown as unknown[][];
  return rows.map((row) => textOf(row.map((value, at) => cellOf(shape.columns[at]!.type, value)))).sort();
}

const worlds: SqliteWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

async function compare(seed: number, transactions: number): Promise<number> {
  const world = new SqliteWorld(TABLES);
  worlds.push(world);
  world.writer.exec('PRAGMA foreign_keys = on; PRAGMA recursive_triggers = off');
  await world.install();
  const other = new DatabaseSync(world.file);
  other.exec('PRAGMA foreign_keys = on; PRAGMA recursive_triggers = on; PRAGMA synchronous = off');
  const writes = new Writes(seed);
  const heard = new Heard();
  const feed = world.feed({ maxChanges: 1_000_000 });
  await feed.start(undefined, heard);
  await vi.waitFor(() => expect(heard.position).toBeDefined(), { interval: 1 });
  for (let count = 0; count < transactions; count++) {
    writes.transaction(writes.below(3) === 0 ? other : world.writer);
    if (writes.below(4) === 0) {
      feed.wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  const end = await positionNow(world.runner);
  await vi.waitFor(() => expect((heard.position as string) >= end).toBe(true), { timeout: 10_000, interval: 1 });
  await feed.stop();
  other.close();
  expect(heard.gaps).toHaveLength(1);
  const copy = new Copy();
  for (const change of heard.changes) copy.apply(change);
  for (const shape of world.shapes()) {
    if (/^_tidegate/.test(shape.name)) continue;
    expect([...copy.of(shape.name)].sort(), `${shape.name}, seed ${seed}`).toEqual(realRows(world.writer, shape));
  }
  return heard.changes.length;
}

describe('random writes', () => {
  const base = Number(process.env.TIDEGATE_SEED ?? 1);
  it.each(Array.from({ length: 12 }, (_, at) => base + at))('replayed give the same tables (seed %i)', async (seed) => {
    expect(await compare(seed, 250)).toBeGreaterThan(100);
  });
});
