// Conditions on random rows: what SQLite says of them, and what is said here.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { Row, SqliteColumnType, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import { evaluate } from '../../src/dependency/condition/evaluate.ts';
import type { ComparisonOperator, Predicate } from '../../src/dependency/condition/predicate.ts';

const COLUMNS: readonly [declaration: string, type: Omit<SqliteColumnType, 'family'>][] = [
  ['i INTEGER', { affinity: 'integer', collation: 'binary' }],
  ['r REAL', { affinity: 'real', collation: 'binary' }],
  ['n NUMERIC COLLATE NOCASE', { affinity: 'numeric', collation: 'nocase' }],
  ['t TEXT', { affinity: 'text', collation: 'binary' }],
  ['f TEXT COLLATE NOCASE', { affinity: 'text', collation: 'nocase' }],
  ['p TEXT COLLATE RTRIM', { affinity: 'text', collation: 'rtrim' }],
  ['b', { affinity: 'blob', collation: 'binary' }],
  ['o BLOB COLLATE NOCASE', { affinity: 'blob', collation: 'nocase' }],
];
const TABLE: TableShape = {
  name: 't',
  columns: COLUMNS.map(([declaration, type]) => ({
    name: declaration.split(' ')[0] as string,
    type: { family: 'sqlite', ...type },
    isNotNull: false,
  })),
  key: [],
};

const ODD: readonly SQLInputValue[] = [
  ...[null, 0n, 1n, 5n, -7n, 2n ** 53n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 2n ** 63n - 1n, -(2n ** 63n)],
  ...[0, -0, 1, 5, 0.1, -1.5, 2 ** 53, 2 ** 53 + 2, 2 ** 60, 2 ** 63, 1e300, 5e-324, Number.NaN, Infinity, -Infinity],
  ...['', ' ', '0', '5', '05', '+5', '-7', ' 5\t', '5.0', '.5', '5.', '.', '5e0', '5e', '0x5', '0.1', '1e999', '-'],
  ...['9007199254740993', '9223372036854775808', '0.30000000000000004', '2020-01-01', '1_0', '5\u00a0', '１'],
  ...['a', 'A', 'ab', 'aB', 'AB ', 'ab  ', 'ab\t', 'abc', 'Zz', '[', '_', '`', 'é', 'É', 'a%b', 'a_b', '\\'],
  ...[
    '\u{10000}',
    '\uffff',
    '\ue000',
    '\ud7ff',
    '\u{1f600}x',
    '5\0',
    ' 5\0x',
    '0.1\0',
    'a\0b',
    'A\0c',
    'a\0bc',
    '\0',
    '\ufffd',
  ],
  ...[new Uint8Array(), new Uint8Array([97]), new Uint8Array([97, 98]), new Uint8Array([255, 0]), new Uint8Array([53])],
];
const PLAIN: readonly SQLInputValue[] = [null, 1n, 2n, 3n, 10n, 1.5, 2.5, 'a', 'b', 'ab', 'Lane', 'lane', 'Müller'];
const PATTERNS = [
  '%',
  '',
  'a%',
  '%b',
  '_',
  '__',
  'A_',
  '%a%b%',
  'a\\%b',
  'é',
  '5%',
  '%.0',
  '\\_',
  'a%%_',
  '%\u{1f600}_',
];
const OPERATORS: readonly ComparisonOperator[] = ['=', '<>', '<', '<=', '>', '>='];

interface Condition {
  readonly sql: string;
  readonly parameters: readonly SQLInputValue[];
  /** Its parameters are numbered from the given one. */
  readonly predicate: (first: number) => Predicate;
}

function conditions(values: readonly SQLInputValue[], columns: readonly number[]): fc.Arbitrary<Condition> {
  const column = fc.constantFrom(...columns);
  const value = fc.constantFrom(...values);
  const operator = fc.constantFrom(...OPERATORS);
  const name = (ordinal: number) => TABLE.columns[ordinal]?.name as string;
  const leaf = fc.oneof(
    fc.tuple(column, operator, value).map(
      ([ordinal, op, operand]): Condition => ({
        sql: `${name(ordinal)} ${op} ?`,
        parameters: [operand],
        predicate: (index) => ({
          kind: 'compare',
          column: ordinal,
          operator: op,
          operand: { kind: 'parameter', index },
        }),
      }),
    ),
    fc.tuple(column, fc.array(value, { maxLength: 12 })).map(
      ([ordinal, list]): Condition => ({
        sql: `${name(ordinal)} IN (${list.map(() => '?')})`,
        parameters: list,
        predicate: (first) => ({
          kind: 'in',
          column: ordinal,
          operands: list.map((_, at) => ({ kind: 'parameter', index: first + at })),
        }),
      }),
    ),
    column.map(
      (ordinal): Condition => ({
        sql: `${name(ordinal)} IS NULL`,
        parameters: [],
        predicate: () => ({ kind: 'is-null', column: ordinal }),
      }),
    ),
    fc.tuple(column, fc.constantFrom(...PATTERNS), fc.constantFrom(undefined, '\\', 'a', '%')).map(
      ([ordinal, pattern, mark]): Condition => ({
        sql: `${name(ordinal)} LIKE ?${mark === undefined ? '' : ` ESCAPE '${mark}'`}`,
        parameters: [pattern],
        predicate: (index) => ({
          kind: 'like',
          column: ordinal,
          pattern: { kind: 'parameter', index },
          escape: mark,
          foldsCase: true,
        }),
      }),
    ),
    fc.tuple(column, operator, column).map(
      ([left, op, right]): Condition => ({
        sql: `${name(left)} ${op} ${name(right)}`,
        parameters: [],
        predicate: () => ({ kind: 'columns', left, operator: op, right }),
      }),
    ),
  );
  return fc.letrec<{ whole: Condition }>((tie) => ({
    whole: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      tie('whole').map(
        ({ sql, parameters, predicate }): Condition => ({
          sql: `NOT (${sql})`,
          parameters,
          predicate: (first) => ({ kind: 'not', part: predicate(first) }),
        }),
      ),
      fc.tuple(fc.constantFrom('and', 'or'), tie('whole'), tie('whole')).map(
        ([kind, one, other]): Condition => ({
          sql: `(${one.sql}) ${kind} (${other.sql})`,
          parameters: [...one.parameters, ...other.parameters],
          predicate: (first) => ({
            kind,
            parts: [one.predicate(first), other.predicate(first + one.parameters.length)],
          }),
        }),
      ),
    ),
  })).whole;
}

class World {
  readonly database = new DatabaseSync(':memory:', { readBigInts: true });
  readonly tally = { true: 0, false: 0, null: 0, maybe: 0 };
  #rows: readonly Row[] = [];

  constructor() {
    this.database.exec(`CREATE TABLE t (${COLUMNS.map(([declaration]) => declaration)})`);
  }

  fill(rows: readonly (readonly SQLInputValue[])[]): void {
    this.database.exec('DELETE FROM t');
    const insert = this.database.prepare(`INSERT INTO t VALUES (${COLUMNS.map(() => '?')})`);
    for (const row of rows) insert.run(...row);
    const select = this.database.prepare('SELECT * FROM t ORDER BY rowid');
    select.setReturnArrays(true);
    const stored = select.all() as unknown as unknown[][];
    this.#rows = stored.map((row) => row.map((value, at) => cellOf(TABLE.columns[at]!.type, value)));
  }

  check({ sql, parameters, predicate }: Condition): void {
    const statement = this.database.prepare(`SELECT (${sql}) FROM t ORDER BY rowid`);
    statement.setReturnArrays(true);
    const said = statement.all(...parameters) as unknown as [bigint | null][];
    const read = { table: TABLE, alias: 't', valueColumns: [], keyOutputs: undefined, window: undefined };
    const reads = [{ ...read, predicate: predicate(0) }];
    const template = { kind: 'tracked', id: '', text: sql, reads, output: [], fallbacks: [] } as const;
    const bound = bindInstance(template, parameters, undefined).reads[0]!.predicate;
    const mayHide = /maybe/.test(JSON.stringify(bound, bigText)) || /LIKE|[a-z] [=<>]+ [a-z]/.test(sql);
    for (const [at, row] of this.#rows.entries()) {
      const truth = evaluate(bound, TABLE, row);
      this.tally[truth]++;
      const answer = said[at]?.[0] as bigint | null;
      const hasUnknown = row.includes(undefined) || mayHide;
      // NULL stands for FALSE only where something is unknown.
      const isRight =
        truth === 'maybe' ||
        (truth === 'true' && answer === 1n) ||
        (truth === 'false' && answer === 0n) ||
        (truth === 'null' && (answer === null || (hasUnknown && answer === 0n)));
      if (!isRight) expect.unreachable(`${sql} of ${JSON.stringify(row, bigText)}: ${truth}, SQLite ${answer}`);
    }
  }
}

const bigText = (_: string, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value);

const all = COLUMNS.map((_, at) => at);
const rowsOf = (values: readonly SQLInputValue[]) =>
  fc.array(fc.tuple(...all.map(() => fc.constantFrom(...values))), { minLength: 1, maxLength: 12 });

describe('evaluate, beside SQLite', () => {
  it('says nothing else of odd values', () => {
    const world = new World();
    fc.assert(
      fc.property(rowsOf(ODD), fc.array(conditions(ODD, all), { minLength: 4, maxLength: 8 }), (rows, asked) => {
        world.fill(rows);
        for (const condition of asked) world.check(condition);
      }),
      { numRuns: 1000 },
    );
    expect(Math.min(...Object.values(world.tally))).toBeGreaterThan(500);
  }, 60_000);

  it('says nothing else of any single comparison of the odd values', () => {
    const world = new World();
    world.fill(ODD.map((value) => all.map(() => value)));
    for (const column of all) {
      for (const operator of OPERATORS) {
        for (const value of ODD) {
          world.check({
            sql: `${TABLE.columns[column]?.name} ${operator} ?`,
            parameters: [value],
            predicate: () => ({ kind: 'compare', column, operator, operand: { kind: 'parameter', index: 0 } }),
          });
        }
      }
    }
    const { maybe, ...known } = world.tally;
    expect(maybe / (maybe + known.true + known.false + known.null)).toBeLessThan(0.2);
  });

  it('is hardly ever MAYBE of plain values', () => {
    const world = new World();
    const typed = [0, 3, 4];
    const fits = (column: number) => (column === 0 ? [null, 1n, 2n, 3n] : [null, 'a', 'b', 'ab', 'Lane', 'Müller']);
    const rows = fc.array(fc.tuple(...all.map((column) => fc.constantFrom(...fits(column)))), { minLength: 8 });
    const values = PLAIN.filter((value) => typeof value !== 'number');
    fc.assert(
      fc.property(rows, conditions(values, typed), (filled, condition) => {
        world.fill(filled);
        if (!/ESCAPE '[%a]'/.test(condition.sql)) world.check(condition);
      }),
      { numRuns: 500 },
    );
    const { maybe, ...known } = world.tally;
    const share = maybe / (maybe + known.true + known.false + known.null);
    expect(share).toBeLessThan(0.02);
  });

  it('is right of LIKE whatever the pragma says', () => {
    const world = new World();
    const row = all.map((column) => (column === 0 ? 5n : column === 1 ? 5 : 'Ab'));
    for (const state of ['ON', 'OFF']) {
      world.fill([row]);
      world.database.exec(`PRAGMA case_sensitive_like = ${state}`);
      for (const pattern of ['ab', 'Ab', 'a%', 'A%', '%b', 'x%', '5', '5%']) {
        for (const column of all) {
          for (const not of ['', 'NOT ']) {
            const like = {
              kind: 'like',
              column,
              pattern: { kind: 'value', value: pattern },
              escape: undefined,
              foldsCase: true,
            } as const;
            world.check({
              sql: `${not}(${TABLE.columns[column]?.name} LIKE '${pattern}')`,
              parameters: [],
              predicate: () => (not === '' ? like : { kind: 'not', part: like }),
            });
          }
        }
      }
    }
  });
});
