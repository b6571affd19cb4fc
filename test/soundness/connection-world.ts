// A file of SQLite that a real tracker follows, and connections of an application that do what keeps answers from being
// stored: rows left open, functions of their own, another file. Each answer that is stored is held against the truth.
//
// A connection with open rows sees what was, and one with functions of its own what no other
// one does. So each has a twin, which is like it and has no rows open.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { createTracker, sqliteDatabase, type Tracker, type TrackingTarget } from '../../src/track/index.ts';
import { Dice } from '../sim/dice.ts';
import { randomQuery, type SqliteQuery } from './queries.ts';
import { ddlOf, randomSchema, type Schema } from './schema.ts';
import { answerOf, type Connection } from './sqlite-drivers.ts';
import type { Tally } from './tally.ts';
import type { RunWorld, WorldOptions } from './worlds.ts';
import { randomTransaction, randomWrite, type Write } from './writes.ts';

/** A connection of the application. */
export interface Connected {
  /** Wrapped, perhaps more than once. */
  readonly wrapped: readonly Connection[];
  readonly twin: Connection;
  /** In what state it is, for the figures. */
  readonly state: () => string;
}

export interface Parts {
  readonly dice: Dice;
  readonly schema: Schema;
  readonly tracker: Tracker;
  /** Of the file that is followed. */
  readonly path: string;
  readonly folder: string;
  /** Writes to it, and nobody knows of that. */
  readonly outside: DatabaseSync;
  /** Shows an answer, and stores it where it may be. `make`: run in a scope; `truth` is what it has to show as long. */
  view(asked: Asked): void;
  /** What was stored of the connection was made when names meant something else to it. */
  forget(connected: Connected): void;
}

export interface Asked {
  readonly query: SqliteQuery;
  readonly connected: Connected;
  readonly state: string;
  readonly make: () => string;
  readonly truth: () => string;
}

/** What is special about the connections of a world. */
export interface Kind {
  readonly name: string;
  /** Answers in these states have to be stored, or the worlds show nothing. */
  readonly stored: readonly string[];
  /** Besides tables. */
  readonly ddl?: string;
  open(parts: Parts): Connections;
}

export interface Connections {
  readonly all: readonly Connected[];
  /** Besides random ones. */
  query?(connected: Connected): SqliteQuery;
  /** Gives how many rows it changed where no feed tells of them. */
  act(): number;
  /** Besides the file that is followed. */
  readonly writers?: readonly DatabaseSync[];
  /** Before a write of one's own; undefined: none. */
  write?(): Write | undefined;
  end(): void;
}

interface Page extends Asked {
  readonly body: string;
  readonly tags: readonly string[];
}

const QUERIES = 24;
const ROWS = 20;

export class ConnectionWorld implements RunWorld {
  readonly #dice: Dice;
  readonly #seed: number;
  readonly #tally: Tally;
  readonly #kind: Kind;
  readonly #parts: Parts;
  readonly #connections: Connections;
  readonly #asked: (readonly [connected: Connected, query: SqliteQuery])[] = [];
  readonly #pages: Set<Page>;

  static async open(options: WorldOptions, kind: Kind): Promise<ConnectionWorld> {
    const dice = new Dice(options.seed);
    const folder = mkdtempSync(join(tmpdir(), 'tidegate-soundness-'));
    const path = join(folder, 'world.db');
    const outside = new DatabaseSync(path);
    const schema = randomSchema(dice);
    outside.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA recursive_triggers = ${dice.below(2)}`);
    for (const ddl of [...ddlOf(dice, schema), kind.ddl ?? '']) outside.exec(ddl);
    for (const table of schema.tables)
      for (let at = 0; at < ROWS; at++) run(outside, [randomWrite(dice, table)], 'COMMIT');
    const pages = new Set<Page>();
    const tracker = createTracker({
      source: 'world',
      database: sqliteDatabase({ path, install: true }),
      targets: [targetOf(pages)],
    });
    await tracker.start();
    return new ConnectionWorld({ ...options, kind, pages }, { dice, schema, tracker, path, folder, outside });
  }

  private constructor(
    { seed, tally, kind, pages, feature: _ }: WorldOptions & { readonly kind: Kind; readonly pages: Set<Page> },
    parts: Omit<Parts, 'view' | 'forget'>,
  ) {
    this.#seed = seed;
    this.#tally = tally;
    this.#kind = kind;
    this.#pages = pages;
    this.#dice = parts.dice;
    const forget = (connected: Connected) => {
      for (const page of pages) if (page.connected === connected) pages.delete(page);
    };
    this.#parts = { ...parts, view: (asked) => this.#view(asked), forget };
    this.#connections = kind.open(this.#parts);
    const { all } = this.#connections;
    while (this.#asked.length < QUERIES) {
      const connected = this.#dice.pick(all);
      const own = this.#dice.chance(0.8) ? this.#connections.query?.(connected) : undefined;
      const made = own ?? randomQuery(this.#dice, parts.schema);
      if (made !== undefined) this.#asked.push([connected, made]);
    }
  }

  async step(): Promise<number> {
    switch (this.#dice.weighted({ write: 3, view: 8, act: 4 })) {
      case 'view':
        this.#ask();
        return 0;
      case 'act': {
        const changes = this.#connections.act();
        if (changes > 0) await this.#judge([]);
        return changes;
      }
      default:
        return this.#write();
    }
  }

  async close(): Promise<void> {
    const { tracker, outside, folder } = this.#parts;
    await tracker.stop();
    this.#connections.end();
    outside.close();
    rmSync(folder, { recursive: true, force: true });
  }

  #ask(): void {
    const [connected, query] = this.#dice.pick(this.#asked);
    for (const page of this.#pages) if (page.query === query) return;
    const wrapped = this.#dice.pick(connected.wrapped);
    const isByRows = this.#dice.chance(0.3);
    this.#view({
      query,
      connected,
      state: connected.state(),
      make: () => answerOf(wrapped, query, isByRows),
      truth: () => answerOf(connected.twin, query),
    });
  }

  #view(asked: Asked): void {
    const { tracker } = this.#parts;
    const scope = tracker.openScope();
    const body = scope.run(asked.make);
    const { isStorable, tags, reasons } = scope.finish();
    scope.end();
    const query = this.#named(asked);
    this.#tally.read(query.feature, reasons);
    if (!isStorable) return;
    const truth = asked.truth();
    if (body === truth) this.#pages.add({ ...asked, body, tags });
    else this.#tally.missed({ seed: this.#seed, query, writes: [], before: body, after: truth });
  }

  async #write(): Promise<number> {
    const { schema, outside } = this.#parts;
    const own = this.#dice.chance(0.3) ? this.#connections.write?.() : undefined;
    const writes = own === undefined ? randomTransaction(this.#dice, schema) : [own];
    const at = this.#dice.pick([outside, ...(this.#connections.writers ?? [])]);
    const changes = run(at, writes, this.#dice.chance(0.03) ? 'ROLLBACK' : 'COMMIT');
    if (changes > 0) await this.#judge(writes);
    return changes;
  }

  async #judge(writes: readonly Write[]): Promise<void> {
    const before = [...this.#pages];
    await this.#parts.tracker.settled();
    for (const page of before) {
      const query = this.#named(page);
      const isAffected = !this.#pages.has(page);
      const truth = page.truth();
      const hasChanged = truth !== page.body;
      this.#tally.judged(query, { isAffected, hasChanged });
      if (!hasChanged || isAffected) continue;
      this.#tally.missed({ seed: this.#seed, query, writes, before: page.body, after: truth });
      this.#pages.delete(page);
    }
  }

  #named({ query, state }: Asked): SqliteQuery {
    return { ...query, feature: `${this.#kind.name}: ${state}` };
  }
}

function targetOf(pages: Set<Page>): TrackingTarget {
  return {
    name: 'pages',
    deliver: async ({ sequence, tags }) => {
      if (sequence === 1) pages.clear();
      const told = new Set(tags);
      for (const page of pages) if (page.tags.some((tag) => told.has(tag))) pages.delete(page);
      return { gap: sequence === 1 };
    },
  };
}

/** Gives how many rows are changed. */
function run(database: DatabaseSync, writes: readonly Write[], end: 'COMMIT' | 'ROLLBACK'): number {
  let changes = 0;
  database.exec('BEGIN');
  for (const { text, parameters } of writes) {
    try {
      changes += Number(database.prepare(text).run(...parameters).changes);
    } catch (error) {
      // A constraint refused the statement; what it did before is undone.
      if (!/constraint failed|datatype mismatch|overflow/.test(String(error))) throw error;
    }
  }
  database.exec(end);
  return end === 'COMMIT' ? changes : 0;
}
