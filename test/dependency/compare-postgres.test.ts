// Every pair of values of every type: what PostgreSQL says of them, and what is said here.

import type { PGlite } from '@electric-sql/pglite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cell, PostgresColumnType, TableShape } from '../../src/dependency/change.ts';
import { cellOf, cellOfText } from '../../src/dependency/condition/cells.ts';
import { compareCells, equalCells, equalityKey } from '../../src/dependency/condition/compare.ts';
import { evaluate } from '../../src/dependency/condition/evaluate.ts';
import { startedPglite } from '../kit/pglite.ts';

interface Sample {
  readonly type: PostgresColumnType['type'];
  readonly sql: string;
  /** As a literal may have them, and PostgreSQL takes them. */
  readonly texts: readonly string[];
  /** Of which too little is known, though PostgreSQL takes them. */
  readonly unknown?: readonly string[];
}

const SAMPLES: readonly Sample[] = [
  { type: 'integer', sql: 'int8', texts: ['0', '-1', '+7', '007', '9007199254740993', '-9223372036854775808'] },
  {
    type: 'float',
    sql: 'float8',
    texts: [
      '0',
      '-0',
      '0.1',
      '1e300',
      '-1.5',
      '.5',
      '5.',
      'NaN',
      'Infinity',
      '-Infinity',
      '5e-324',
      '9007199254740993',
    ],
    unknown: ['inf', 'nan'],
  },
  {
    type: 'decimal',
    sql: 'numeric',
    texts: [
      ...['0', '-0.00', '1.0', '1.00', '01', '+1', '.5', '0.50', '-.5', '10', '9', '99.9', '100', '-10', '-9', 'NaN'],
      ...['Infinity', '-Infinity', '12345678901234567890.123', '12345678901234567890.1230', '0.10000000000000000001'],
    ],
    unknown: ['1e2'],
  },
  {
    type: 'text',
    sql: 'text COLLATE "C"',
    texts: ['', ' ', 'a', 'A', 'a ', 'ab', 'é', 'e\u0301', '\u{10000}', '\uffff', '\ue000', '\ufffd', 'ß', '\\', '5'],
  },
  { type: 'char', sql: 'char(4) COLLATE "C"', texts: ['', ' ', 'a', 'a ', 'a  ', 'A', 'ab', 'a\t', 'é', '\u{10000}'] },
  { type: 'boolean', sql: 'boolean', texts: ['t', 'f'], unknown: ['t', 'true', 'yes', '0', 'TRUE'] },
  {
    type: 'uuid',
    sql: 'uuid',
    texts: [
      '00000000-0000-0000-0000-00000000000a',
      '00000000-0000-0000-0000-00000000000A',
      'a0000000-0000-0000-0000-000000000000',
      '90000000-0000-0000-0000-000000000000',
      '{A0000000-0000-0000-0000-000000000000}',
      '{a0000000000000000000000000000000}',
      'a000-0000-0000-0000-0000-0000-0000-0000',
    ],
  },
  { type: 'bytes', sql: 'bytea', texts: ['\\x', '\\x00', '\\x0001', '\\xff', '\\xFF', '\\x61'], unknown: ['a'] },
  {
    type: 'date',
    sql: 'date',
    texts: [
      ...['1970-01-01', '1969-12-31', '2000-02-29', '1900-02-28', '0001-01-01', '0001-12-31 BC', '0005-02-29 BC'],
      ...['4713-01-01 BC', '5874897-12-31', '10000-01-01', 'infinity', '-infinity', '2024-02-29', '2024-03-01'],
    ],
    unknown: ['20240229', 'Feb 29 2024', '2024-02-29 10:00:00', 'epoch'],
  },
  {
    type: 'timestamp',
    sql: 'timestamp',
    texts: [
      ...['1970-01-01 00:00:00', '2024-02-29 12:34:56.789012', '2024-02-29T12:34:56.789012', '2024-02-29 12:34'],
      ...['2024-02-29 12:34:56.7', '294276-12-31 23:59:59.999999', '4713-01-01 00:00:00 BC', 'infinity', '-infinity'],
      ...['2255-06-05 23:47:34.740992', '2255-06-05 23:47:34.740993', '0001-01-01 00:00:00.000001 BC'],
    ],
    unknown: ['2024-02-29', '2024-02-29 24:00:00', '2024-02-29 12:34:56+02', '2024-02-29 12:34:56.1234567'],
  },
  {
    type: 'timestamptz',
    sql: 'timestamptz',
    texts: [
      ...[
        '1970-01-01 00:00:00Z',
        '2024-02-29 12:34:56.789+00',
        '2024-02-29 14:34:56.789+02',
        '2024-02-29T12:34:56.789Z',
      ],
      ...['2024-02-29 18:04:56.789+05:30', '2024-02-29 18:04:56.789+0530', '1890-01-01 00:00:00-00:01:15', 'infinity'],
      ...['2024-02-28 23:00:00-13', '0044-03-15 12:00:00+00 BC', '294276-12-31 23:59:59.999999+00', '-infinity'],
    ],
    unknown: ['2024-02-29 12:34:56', '2024-02-29 12:34:56 Europe/Paris', '2024-02-29 12:34:56 +02'],
  },
];

let database: PGlite;
beforeAll(async () => {
  database = await startedPglite();
}, 120_000);
afterAll(() => database.close());

describe('cells of PostgreSQL', () => {
  for (const { type, sql, texts, unknown } of SAMPLES) {
    it(`${type}: equal and in order as the database has them`, async () => {
      const column: PostgresColumnType = { family: 'postgres', type, isOrdered: true };
      const unordered: PostgresColumnType = { family: 'postgres', type, isOrdered: false };
      // A zone that is not UTC, with offsets of seconds in its past.
      await database.exec(
        `SET TimeZone = 'Europe/Amsterdam'; DROP TABLE IF EXISTS x; CREATE TABLE x (at int, v ${sql})`,
      );
      const rows = texts.map((text, at) => `(${at}, '${text}')`);
      await database.exec(`INSERT INTO x VALUES ${rows}`);
      const answer = await database.query<{ i: number; j: number; text: string; eq: boolean; lt: boolean }>(
        'SELECT a.at AS i, b.at AS j, a.v::text AS text, a.v = b.v AS eq, a.v < b.v AS lt FROM x a, x b',
      );
      await database.exec('DROP TABLE x');
      // Which of the texts are true depends on the driver.
      const given = (text: string) => (type === 'boolean' ? text.startsWith('t') : text);
      const operands = texts.map((text) => cellOf(column, given(text)));
      expect(operands.filter((cell) => cell === undefined)).toEqual([]);
      const keys = (cell: Cell) => equalityKey(column, cell as string);
      for (const { i, j, text, eq, lt } of answer.rows) {
        // Casts give booleans and char(n) another text than the wire does.
        const own = type === 'boolean' ? text.slice(0, 1) : type === 'char' ? text.padEnd(4) : text;
        const cell = cellOfText(column, own);
        const operand = operands[j] as Cell;
        const what = `${text} and ${texts[j]}`;
        expect(compareCells(column, cell, operand), what).toBe(eq ? 0 : lt ? -1 : 1);
        expect(compareCells(unordered, cell, operand), what).toBe(eq ? 0 : 'maybe');
        expect(equalCells(column, cell, operand), what).toBe(eq ? 'true' : 'false');
        expect(keys(cell) === keys(operand), what).toBe(eq);
        expect(keys(cell), what).toBe(keys(operands[i] as Cell));
      }
      for (const text of unknown ?? []) expect(cellOf(column, text), text).toBe(undefined);
    });
  }

  it('LIKE and ILIKE, but where a locale may decide', async () => {
    const texts = ['', 'a', 'A', 'ab', 'a%b', 'a_b', 'a\\b', 'ß', 'É', 'é', '\u{1f600}', 'Lane', 'a\nb'];
    const patterns = [
      '',
      '%',
      '_',
      '__',
      'a%',
      '%B',
      'A_B',
      'a\\%b',
      'a\\_b',
      'a\\\\b',
      'é',
      'É',
      'lane',
      '%a%b%',
      'l%n_',
    ];
    const type: PostgresColumnType = { family: 'postgres', type: 'text', isOrdered: false };
    const table: TableShape = { name: 't', columns: [{ name: 'v', type, isNotNull: false }], key: [] };
    let unknown = 0;
    for (const operator of ['LIKE', 'ILIKE']) {
      for (const mark of [undefined, '', '#']) {
        const tail = mark === undefined ? '' : ` ESCAPE '${mark}'`;
        const { rows } = await database.query<{ v: string; p: string; said: boolean }>(
          `SELECT v, p, v ${operator} p${tail} AS said FROM unnest($1::text[]) v, unnest($2::text[]) p`,
          [texts, patterns],
        );
        for (const { v, p, said } of rows) {
          const pattern = { kind: 'value', value: p } as const;
          const foldsCase = operator === 'ILIKE';
          const truth = evaluate({ kind: 'like', column: 0, pattern, escape: mark, foldsCase }, table, [v]);
          if (truth === 'maybe') unknown++;
          else expect(truth, `${v} ${operator} ${p}${tail}`).toBe(said ? 'true' : 'false');
          if (!foldsCase) expect(truth).not.toBe('maybe');
        }
      }
    }
    expect(unknown).toBeLessThan(0.25 * 6 * texts.length * patterns.length);
  });

  it('LIKE of char(n) sees the padding', async () => {
    const type: PostgresColumnType = { family: 'postgres', type: 'char', isOrdered: false };
    const table: TableShape = { name: 't', columns: [{ name: 'v', type, isNotNull: false }], key: [] };
    const { rows } = await database.query<{ v: string; p: string; said: boolean }>(
      `SELECT v, p, v::char(4) LIKE p AS said FROM unnest($1::text[]) v, unnest($2::text[]) p`,
      [
        ['a', 'ab', 'abcd'],
        ['a', 'a%', 'a   ', '____', '%d', '% ', 'abcd'],
      ],
    );
    for (const { v, p, said } of rows) {
      const like = { kind: 'like', column: 0, escape: undefined, foldsCase: false } as const;
      const row = [cellOfText(type, v.padEnd(4))];
      const truth = evaluate({ ...like, pattern: { kind: 'value', value: p } }, table, row);
      expect(truth, `'${v}' LIKE '${p}'`).toBe(said ? 'true' : 'false');
    }
  });
});
