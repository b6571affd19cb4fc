// Random reads and writes of one table on SQLite: whenever the answer of a read changes, `affects` has said so.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { affects } from '../../src/dependency/affected.ts';
import { bindInstance, resultRowsOf } from '../../src/dependency/bind.ts';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import type { Instance, OrderTerm, TableRead, Template, Window } from '../../src/dependency/template.ts';

const TABLE: TableShape = {
  name: 't',
  columns: [
    { name: 'id', type: { family: 'sqlite', affinity: 'integer', collation: 'binary' }, isNotNull: true },
    { name: 'a', type: { family: 'sqlite', affinity: 'integer', collation: 'binary' }, isNotNull: false },
    { name: 'b', type: { family: 'sqlite', affinity: 'text', collation: 'nocase' }, isNotNull: false },
    { name: 'c', type: { family: 'sqlite', affinity: 'blob', collation: 'binary' }, isNotNull: false },
  ],
  key: [0],
};
const DDL = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT COLLATE NOCASE, c)';
const NAMES = ['id', 'a', 'b', 'c'];

const cellsOf: readonly fc.Arbitrary<SQLInputValue>[] = [
  fc.bigInt(1n, 14n),
  fc.constantFrom(null, 0n, 1n, 2n, 3n),
  fc.constantFrom(null, 'a', 'A', 'b', 'ab', 'AB', 'c'),
  fc.constantFrom(null, 1n, 1.5, 1, 'x', 'y', new Uint8Array([1])),
];

interface Condition {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
  readonly predicate: (first: number) => Predicate;
}

const comparison: fc.Arbitrary<Condition> = fc
  .tuple(fc.constantFrom(0, 1, 2, 3), fc.constantFrom('=', '<>', '<', '<=', '>', '>='))
  .chain(([column, operator]) =>
    (cellsOf[column] as fc.Arbitrary<SQLInputValue>).map((value) => ({
      sql: `${NAMES[column]} ${operator} ?`,
      parameters: [value],
      predicate: (index: number) => ({
        kind: 'compare' as const,
        column,
        operator,
        operand: { kind: 'parameter' as const, index },
      }),
    })),
  );
const isNull = fc.constantFrom(1, 2, 3).map(
  (column): Condition => ({
    sql: `${NAMES[column]} IS NULL`,
    parameters: [],
    predicate: () => ({ kind: 'is-null', column }),
  }),
);
const always: Condition = { sql: '1', parameters: [], predicate: () => ({ kind: 'always' }) };
/** What is not understood: true of some rows, and said of none. */
const opaque: Condition = {
  sql: '(a + 1) % 2 = 0',
  parameters: [],
  predicate: () => ({ kind: 'maybe', columns: [1], reason: 'test' }),
};
const leaf = fc.oneof(comparison, isNull, fc.constant(always), fc.constant(opaque));
const condition: fc.Arbitrary<Condition> = fc.oneof(
  leaf,
  leaf.map(({ sql, parameters, predicate }) => ({
    sql: `NOT (${sql})`,
    parameters,
    predicate: (first: number): Predicate => ({ kind: 'not', part: predicate(first) }),
  })),
  fc.tuple(fc.constantFrom('and', 'or'), leaf, leaf).map(([kind, one, other]) => ({
    sql: `(${one.sql}) ${kind} (${other.sql})`,
    parameters: [...one.parameters, ...other.parameters],
    predicate: (first: number): Predicate => ({
      kind,
      parts: [one.predicate(first), other.predicate(first + one.parameters.length)],
    }),
  })),
);

interface Shape {
  readonly selected: readonly number[];
  readonly aggregate: string | undefined;
  readonly order: readonly { readonly column: number; readonly isDescending: boolean; readonly nullsFirst: boolean }[];
  readonly limit: number | undefined;
  readonly offset: number | undefined;
  readonly asObjects: boolean;
}

const shape: fc.Arbitrary<Shape> = fc.record({
  selected: fc.subarray([0, 1, 2, 3], { minLength: 1 }),
  aggregate: fc.option(fc.constantFrom('count(*)', 'sum(a)', 'max(b)', 'count(DISTINCT a)'), {
    nil: undefined,
    freq: 3,
  }),
  order: fc.uniqueArray(
    fc.record({ column: fc.constantFrom(0, 1, 2, 3), isDescending: fc.boolean(), nullsFirst: fc.boolean() }),
    { selector: ({ column }) => column, maxLength: 3 },
  ),
  limit: fc.option(fc.integer({ min: -1, max: 5 }), { nil: undefined }),
  offset: fc.option(fc.integer({ min: -1, max: 4 }), { nil: undefined }),
  asObjects: fc.boolean(),
});

interface Query {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
  readonly template: Extract<Template, { kind: 'tracked' }>;
  readonly asObjects: boolean;
}

const AGGREGATED: { readonly [sql: string]: readonly number[] } = { 'count(*)': [], 'max(b)': [2] };

function queryOf(where: Condition, { selected, aggregate, order, limit, offset, asObjects }: Shape): Query {
  const base = { table: TABLE, alias: 't', predicate: where.predicate(0) };
  if (aggregate !== undefined) {
    const sql = `SELECT ${aggregate} AS x FROM t WHERE ${where.sql}`;
    const read = { ...base, valueColumns: AGGREGATED[aggregate] ?? [1], keyOutputs: undefined, window: undefined };
    return { sql, parameters: where.parameters, template: templateOf(sql, read, ['x']), asObjects };
  }
  // In the end by all columns: so that the database has no choice. Those that are not selected take the window away.
  const terms = [...order, { column: 0, isDescending: false, nullsFirst: true }];
  const by = terms.map(
    (term) => `${NAMES[term.column]} ${term.isDescending ? 'DESC' : 'ASC'} NULLS ${term.nullsFirst ? 'FIRST' : 'LAST'}`,
  );
  const limits = limit === undefined ? '' : `LIMIT ?${offset === undefined ? '' : ' OFFSET ?'}`;
  const counts = limit === undefined ? [] : offset === undefined ? [limit] : [limit, offset];
  const sql = `SELECT ${selected.map((column) => NAMES[column])} FROM t WHERE ${where.sql} ORDER BY ${by} ${limits}`;
  const hasWindow = limit !== undefined && terms.every(({ column }) => selected.includes(column));
  const first = where.parameters.length;
  const window: Window = {
    order: terms.map((term): OrderTerm => ({ ...term, output: selected.indexOf(term.column) })),
    limit: { kind: 'parameter', index: first },
    offset: offset === undefined ? undefined : { kind: 'parameter', index: first + 1 },
  };
  const ordered = terms.map(({ column }) => column);
  const read: TableRead = {
    ...base,
    valueColumns: [...new Set([...selected, ...ordered])].sort(),
    keyOutputs: selected.includes(0) && (hasWindow || offset === undefined) ? [selected.indexOf(0)] : undefined,
    window: hasWindow ? window : undefined,
  };
  const output = selected.map((column) => NAMES[column] as string);
  return { sql, parameters: [...where.parameters, ...counts], template: templateOf(sql, read, output), asObjects };
}

function templateOf(text: string, read: TableRead, output: readonly string[]) {
  return { kind: 'tracked', id: 'q', text, reads: [read], output, fallbacks: [] } as const;
}

type Write = { readonly kind: 'insert' | 'update' | 'delete'; readonly pick: number; readonly row: SQLInputValue[] };
const write: fc.Arbitrary<Write> = fc.record({
  kind: fc.constantFrom('insert', 'update', 'update', 'delete'),
  pick: fc.nat(1000),
  row: fc.tuple(...cellsOf),
});

const NONE = { changes: 0, needed: 0, said: 0, plainNeeded: 0, plainSaid: 0 };
const tally = { ...NONE };

class World {
  readonly database = new DatabaseSync(':memory:', { readBigInts: true });
  /** What a feed does not tell of the row as it was. */
  readonly images: 'full' | 'none' | 'key';

  constructor(images: 'full' | 'none' | 'key') {
    this.images = images;
    this.database.exec(DDL);
  }

  rows(): Row[] {
    const rows = this.database.prepare('SELECT * FROM t ORDER BY id').all();
    return rows.map((row) => TABLE.columns.map(({ name, type }) => cellOf(type, row[name])));
  }

  run({ kind, pick, row }: Write): Change | undefined {
    const rows = this.rows();
    const old = rows[pick % Math.max(1, rows.length)];
    const id = Number(row[0]);
    const isTaken = rows.some((other) => other[0] === id);
    if (kind === 'insert') {
      if (isTaken) return undefined;
      this.database.prepare('INSERT INTO t VALUES (?, ?, ?, ?)').run(...row);
    } else if (old === undefined) {
      return undefined;
    } else if (kind === 'delete') {
      this.database.prepare('DELETE FROM t WHERE id = ?').run(old[0] as number);
      return { kind, table: TABLE, old: this.#known(old) };
    } else if (pick % 5 === 0 && !isTaken) {
      this.database.prepare('UPDATE t SET id = ? WHERE id = ?').run(id, old[0] as number);
    } else {
      const column = 1 + (pick % 3);
      const update = this.database.prepare(`UPDATE t SET ${NAMES[column]} = ? WHERE id = ?`);
      update.run(row[column] as SQLInputValue, old[0] as number);
    }
    const news = this.rows();
    const isUpdate = kind === 'update';
    const found = news.find((other) => !rows.some((known) => known[0] === other[0]));
    const fresh = found ?? news.find((other) => other[0] === old?.[0]);
    if (!isUpdate) return { kind: 'insert', table: TABLE, new: fresh as Row };
    const before = this.images === 'none' && found === undefined ? undefined : this.#known(old as Row);
    return { kind: 'update', table: TABLE, old: before, new: fresh as Row };
  }

  #known(row: Row): Row {
    return this.images === 'full' ? row : row.map((cell, at) => (at === 0 ? cell : undefined));
  }

  ask({ sql, parameters, template, asObjects }: Query): { answer: string; instance: Instance } {
    const statement = this.database.prepare(sql);
    if (!asObjects) statement.setReturnArrays(true);
    const rows = statement.all(...parameters);
    const answer = JSON.stringify(
      rows.map((row) => Object.values(row)),
      (_, value) => (typeof value === 'bigint' ? `${value}n` : value),
    );
    return { answer, instance: bindInstance(template, parameters, resultRowsOf(template, rows)) };
  }
}

function check(world: World, query: Query, writes: readonly Write[]): void {
  let known = world.ask(query);
  for (const one of writes) {
    const change = world.run(one);
    if (change === undefined) continue;
    const reason = affects(known.instance.reads[0]!, change);
    const { answer, instance } = world.ask(query);
    const isChanged = answer !== known.answer;
    tally.changes++;
    if (isChanged) tally.needed++;
    if (reason !== undefined) tally.said++;
    if (reason !== undefined && isPlain(query, known.instance)) {
      tally.plainSaid++;
      if (isChanged) tally.plainNeeded++;
    }
    if (isChanged && reason === undefined) {
      expect.unreachable(`${query.sql} of ${String(query.parameters)} missed ${JSON.stringify(change)}`);
    }
    // What changes nothing leaves the facts as they were: they are used for the next change too.
    if (reason !== undefined) known = { answer, instance };
  }
}

/** A list of rows by a condition that is understood, whole or up to the end of a full window. */
function isPlain({ sql }: Query, { reads: [read] }: Instance): boolean {
  return (
    !/%|\(.*FROM/.test(sql) && (!sql.includes('LIMIT') || read?.bound?.last.some((cell) => cell !== undefined) === true)
  );
}

describe('affects, beside SQLite', () => {
  for (const images of ['full', 'key', 'none'] as const) {
    it(`misses no change of an answer, with ${images} old images`, () => {
      Object.assign(tally, NONE);
      const filled = fc.array(fc.tuple(...cellsOf), { maxLength: 12 });
      const writes = fc.array(write, { minLength: 8, maxLength: 20 });
      fc.assert(
        fc.property(filled, condition, shape, writes, (rows, where, form, asked) => {
          const world = new World(images);
          const insert = world.database.prepare('INSERT OR IGNORE INTO t VALUES (?, ?, ?, ?)');
          for (const row of rows) insert.run(...row);
          check(world, queryOf(where, form), asked);
          world.database.close();
        }),
        { numRuns: 500 },
      );
      expect(tally.needed).toBeGreaterThan(300);
      if (images === 'full') expect(tally.plainNeeded / tally.plainSaid).toBeGreaterThan(0.5);
    }, 60_000);
  }
});
