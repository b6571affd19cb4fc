import { describe, expect, it } from 'vitest';
import type { Cell, PostgresColumnType, SqliteColumnType } from '../../src/dependency/change.ts';
import { cellOf, cellOfText, resultCellOf, ServerText } from '../../src/dependency/condition/cells.ts';

const sqlite = (affinity: SqliteColumnType['affinity']): SqliteColumnType => ({
  family: 'sqlite',
  affinity,
  collation: 'binary',
});
const postgres = (type: PostgresColumnType['type']): PostgresColumnType => ({
  family: 'postgres',
  type,
  isOrdered: true,
});
const DAY = new Date('2024-02-29T12:34:56.789Z');

describe('cellOf, of SQLite', () => {
  const facts: readonly [affinity: SqliteColumnType['affinity'], value: unknown, cell: Cell][] = [
    ['integer', 5, 5],
    ['integer', 5n, 5],
    ['integer', '5', 5],
    ['integer', ' -05 ', -5],
    ['integer', '5.0', 5],
    ['integer', 'five', 'five'],
    ['integer', '9007199254740993', 9007199254740993n],
    ['integer', 9007199254740993n, 9007199254740993n],
    // An integer that a driver has rounded.
    ['integer', 2 ** 53, undefined],
    ['integer', 2n ** 63n, undefined],
    ['integer', 1e300, 1e300],
    ['real', 2 ** 60, 2 ** 60],
    ['real', '0.1234', undefined],
    ['real', '0.125', 0.125],
    ['numeric', Number.NaN, null],
    ['numeric', true, 1],
    // Drivers bind a number as an integer or as a float: '5' or '5.0'.
    ['text', 5, undefined],
    ['text', true, undefined],
    ['text', 5n, '5'],
    ['text', '5', '5'],
    ['blob', '5', '5'],
    ['blob', 5, 5],
    ['integer', '7\0', undefined],
    ['numeric', ' 7.5\0x', undefined],
    ['integer', 'x\0', 'x\0'],
    ['text', '7\0', '7\0'],
    ['text', 'a\ud800', undefined],
    ['text', 'a\ufffd', undefined],
    ['text', DAY, undefined],
    ['integer', undefined, undefined],
    ['integer', {}, undefined],
    ['integer', null, null],
  ];
  for (const [affinity, value, cell] of facts) {
    it(`${typeof value} ${JSON.stringify(String(value))} for ${affinity}`, () => {
      expect(cellOf(sqlite(affinity), value)).toBe(cell);
    });
  }

  it('bytes are copied', () => {
    const given = new Uint8Array([1, 2]);
    const cell = cellOf(sqlite('blob'), given);
    given[0] = 9;
    expect(cell).toEqual(new Uint8Array([1, 2]));
    expect(cellOf(sqlite('blob'), given.buffer)).toEqual(new Uint8Array([9, 2]));
  });
});

describe('cellOf, of PostgreSQL', () => {
  const facts: readonly [type: PostgresColumnType['type'], value: unknown, cell: Cell][] = [
    ['integer', 5, 5],
    ['integer', '5', 5],
    ['integer', 9007199254740993n, 9007199254740993n],
    ['integer', 2 ** 60, undefined],
    ['integer', '5.0', undefined],
    ['decimal', 0.1, '0.1'],
    ['decimal', 1e21, undefined],
    ['decimal', 5n, '5'],
    ['float', 0.1, 0.1],
    ['text', 5, '5'],
    ['text', true, undefined],
    ['text', 'a\ud800', undefined],
    ['text', 'a\ufffd', 'a\ufffd'],
    ['boolean', true, true],
    // 't' to one driver and 'f' to another.
    ['boolean', 1, undefined],
    ['timestamptz', DAY, 1_709_210_096_789_000],
    ['timestamptz', new Date(Number.NaN), undefined],
    // Local time to one driver and UTC to another.
    ['timestamp', DAY, undefined],
    ['date', DAY, undefined],
    ['date', '1970-01-02', 1],
    ['timestamp', 'now', undefined],
    ['opaque', 'a', undefined],
    ['opaque', null, null],
    ['text', {}, undefined],
  ];
  for (const [type, value, cell] of facts) {
    it(`${typeof value} ${JSON.stringify(String(value))} for ${type}`, () => {
      expect(cellOf(postgres(type), value)).toBe(cell);
    });
  }

  it('of a result may have lost what the column holds', () => {
    expect(resultCellOf(postgres('decimal'), 0.1)).toBe(undefined);
    expect(resultCellOf(postgres('decimal'), '0.10')).toBe('0.10');
    expect(resultCellOf(postgres('timestamptz'), DAY)).toBe(undefined);
    expect(resultCellOf(postgres('integer'), 5)).toBe(5);
    expect(resultCellOf(postgres('text'), 7)).toBe(undefined);
    expect(resultCellOf(sqlite('integer'), 5)).toBe(5);
    expect(resultCellOf(sqlite('integer'), '5')).toBe(5);
    expect(resultCellOf(sqlite('blob'), '5')).toBe(undefined);
    expect(resultCellOf(sqlite('blob'), 'x')).toBe('x');
  });

  it('of a result is what the server sent, where that is known', () => {
    const facts = [
      [postgres('boolean'), 't', true],
      [postgres('integer'), '9007199254740993', 9007199254740993n],
      [postgres('decimal'), '1.04', '1.04'],
      [postgres('text'), '007', '007'],
      [postgres('bytes'), '\\x00ff', new Uint8Array([0, 255])],
      [postgres('timestamptz'), '2024-01-01 00:00:00', undefined],
    ] as const;
    for (const [type, text, cell] of facts) expect(resultCellOf(type, new ServerText(text))).toEqual(cell);
  });
});

describe('cellOfText', () => {
  it('keeps what two equal numbers show of themselves', () => {
    expect(cellOfText(postgres('decimal'), '1.00')).toBe('1.00');
    expect(cellOfText(postgres('char'), 'a  ')).toBe('a  ');
    expect(Object.is(cellOfText(postgres('float'), '-0'), -0)).toBe(true);
  });

  it('of an opaque type is the text, so that it can be seen to change', () => {
    expect(cellOfText(postgres('opaque'), '{"a": 1}')).toBe('{"a": 1}');
  });

  it('that cannot be read is not known', () => {
    expect(cellOfText(postgres('date'), '29/02/2024')).toBe(undefined);
    expect(cellOfText(postgres('timestamptz'), '2024-02-29 12:34:56 CET')).toBe(undefined);
    expect(cellOfText(postgres('date'), '2023-02-29')).toBe(undefined);
    expect(cellOfText(postgres('bytes'), 'abc')).toBe(undefined);
    expect(cellOfText(postgres('boolean'), 'yes')).toBe(undefined);
  });
});
