// Every pair of odd values in columns of every affinity and collation: what SQLite says of them, and what is said here.

import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import type { ColumnType, Scalar, SqliteColumnType, TableShape } from '../../src/dependency/change.ts';
import { cellOf } from '../../src/dependency/condition/cells.ts';
import { compareCells, equalCells, equalityKey, keyOfCells, rowKey } from '../../src/dependency/condition/compare.ts';

const VALUES: readonly SQLInputValue[] = [
  ...[0n, 5n, 2n ** 53n, 2n ** 53n + 1n, 2n ** 53n + 2n, 2n ** 60n, 2n ** 63n - 1n, -(2n ** 63n), -(2n ** 53n) - 1n],
  ...[-0, 5, 5.5, 2 ** 53, 2 ** 53 + 2, 2 ** 63, -(2 ** 63), 2 ** 64, 1e300, Infinity, -Infinity],
  ...[
    '',
    ' ',
    '5',
    '5.5',
    'a',
    'A',
    'a ',
    'A  ',
    'ab',
    'Ab',
    'é',
    'É',
    '\u{10000}',
    '\uffff',
    '\ue000',
    '\ud7ff',
    'Z',
    '[',
  ],
  ...['\0', '\0a', 'a\0b', 'A\0c', 'a\0bc', 'a\0é', 'a\0bc ', '\0b61', '\0i5', 'nan', '`', '_'],
  ...[new Uint8Array(), new Uint8Array([97]), new Uint8Array([97, 0]), new Uint8Array([255])],
];
const sqlite = (affinity: SqliteColumnType['affinity'], collation: SqliteColumnType['collation']): ColumnType => ({
  family: 'sqlite',
  affinity,
  collation,
});

describe('cells of SQLite', () => {
  for (const [name, affinity] of Object.entries({
    INTEGER: 'integer',
    REAL: 'real',
    TEXT: 'text',
    '': 'blob',
  } as const)) {
    for (const collation of ['binary', 'nocase', 'rtrim'] as const) {
      it(`${name} ${collation}: equal and in order as the database has them`, () => {
        const type = sqlite(affinity, collation);
        const database = new DatabaseSync(':memory:', { readBigInts: true });
        database.exec(`CREATE TABLE x (at INTEGER, v ${name} COLLATE ${collation})`);
        const insert = database.prepare('INSERT INTO x VALUES (?, ?)');
        for (const [at, value] of VALUES.entries()) insert.run(at, value);
        const stored = database.prepare('SELECT v FROM x ORDER BY at').all();
        const cells = stored.map(({ v }) => cellOf(type, v));
        const pairs = database.prepare('SELECT a.at i, b.at j, a.v = b.v eq, a.v < b.v lt FROM x a, x b').all();
        let unknown = 0;
        for (const { i, j, eq, lt } of pairs) {
          const [one, other] = [cells[Number(i)], cells[Number(j)]];
          if (one === undefined || other === undefined) {
            unknown++;
            continue;
          }
          const what = `${String(one)} and ${String(other)}`;
          expect(compareCells(type, one, other), what).toBe(eq === 1n ? 0 : lt === 1n ? -1 : 1);
          expect(equalCells(type, one, other), what).toBe(eq === 1n ? 'true' : 'false');
          expect(equalityKey(type, one) === equalityKey(type, other), what).toBe(eq === 1n);
          expect(equalityKey(type, one), what).not.toBe(undefined);
        }
        expect(unknown / pairs.length).toBeLessThan(0.2);
      });
    }
  }

  it('of an unknown collation are compared by their storage class alone', () => {
    const type = sqlite('text', 'unknown');
    expect(compareCells(type, 'a', 'a')).toBe('maybe');
    expect(equalCells(type, 'a', 'b')).toBe('maybe');
    expect(equalityKey(type, 'a')).toBe(undefined);
    expect(compareCells(type, 'a', new Uint8Array())).toBe(-1);
    expect(equalityKey(type, new Uint8Array([1, 255]))).toBe('\0b01ff');
  });
});

it('NULL is NULL whatever the other is, and what is not known is MAYBE', () => {
  for (const type of [sqlite('text', 'binary'), { family: 'postgres', type: 'opaque', isOrdered: false } as const]) {
    expect(compareCells(type, null, undefined)).toBe('null');
    expect(equalCells(type, 'a', null)).toBe('null');
    expect(compareCells(type, 'a', undefined)).toBe('maybe');
    expect(equalCells(type, undefined, 'a')).toBe('maybe');
    expect(equalityKey(type, null)).toBe(undefined);
  }
});

it('of an opaque type nothing is known', () => {
  const type = { family: 'postgres', type: 'opaque', isOrdered: true } as const;
  expect(compareCells(type, 'a', 'a')).toBe('maybe');
  expect(equalCells(type, 'a', 'a')).toBe('maybe');
  expect(equalityKey(type, 'a')).toBe(undefined);
});

describe('rowKey', () => {
  const any = sqlite('blob', 'binary');
  const table = (...key: number[]): TableShape => ({
    name: 't',
    columns: ['a', 'b', 'c'].map((name) => ({ name, type: any, isNotNull: false })),
    key,
  });

  it('tells all keys apart, of one part and of two', () => {
    const parts: Scalar[] = [
      1,
      12,
      2,
      '1',
      '1,',
      '$1',
      '1:1',
      '',
      ',',
      '2:$',
      1.5,
      '1.5',
      new Uint8Array([0x31]),
      '\0b31',
    ];
    const single = parts.map((part) => rowKey(table(1), [null, part, null]));
    expect(new Set(single).size).toBe(parts.length);
    const double = parts.flatMap((one) => parts.map((other) => rowKey(table(2, 0), [other, null, one])));
    expect(new Set(double).size).toBe(parts.length ** 2);
    expect([...single, ...double]).not.toContain(undefined);
  });

  it('is that of the cells in the order of the key', () => {
    expect(keyOfCells(table(2, 0), ['x', 7])).toBe(rowKey(table(2, 0), [7, null, 'x']));
    expect(keyOfCells(table(1), [7])).toBe(rowKey(table(1), [null, 7]));
    expect(keyOfCells(table(1), [2n ** 60n])).toBe(rowKey(table(1), [null, 2 ** 60]));
  });

  it('is none where there is no key, or it is not known or NULL', () => {
    expect(rowKey(table(), [1, 2, 3])).toBe(undefined);
    expect(rowKey(table(0), [undefined])).toBe(undefined);
    expect(rowKey(table(0), [null])).toBe(undefined);
    expect(rowKey(table(0, 1), [1, undefined])).toBe(undefined);
    expect(keyOfCells(table(0, 1), [1])).toBe(undefined);
    expect(keyOfCells(table(), [])).toBe(undefined);
  });
});
