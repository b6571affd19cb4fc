// Values and keys, in words.

import { describe, expect, test } from 'vitest';
import type { TableShape } from '../../src/dependency/change.ts';
import { rowKey } from '../../src/dependency/condition/compare.ts';
import { cellText, keyText } from '../../src/dependency/describe/texts.ts';

describe('values and keys', () => {
  const column = (type: string) => ({ family: 'postgres', type, isOrdered: true }) as never;
  test.each([
    ['date', 0, `'1970-01-01'`],
    ['date', -1, `'1969-12-31'`],
    ['timestamp', 1_500_000, `'1970-01-01 00:00:01.5'`],
    ['timestamptz', -1, `'1969-12-31 23:59:59.999999+00'`],
    ['timestamptz', Number.POSITIVE_INFINITY, `'infinity'`],
    ['decimal', '1.50', '1.50'],
    ['boolean', true, 'true'],
    ['integer', 2n ** 62n, '4611686018427387904'],
    ['bytes', new Uint8Array([1, 255]), `x'01ff'`],
    ['text', null, 'null'],
    ['text', undefined, '?'],
  ] as const)('%s %s', (type, cell, expected) => expect(cellText(column(type), cell)).toBe(expected));

  test.each([
    [['integer'], [7], '7'],
    [['integer'], [2n ** 62n], '4611686018427387904'],
    [['text'], ['$7'], '$7'],
    [['text'], ['\0x'], '\0x'],
    [['boolean'], [true], 'true'],
    [['date', 'text'], [1, 'a,b'], '1970-01-02, a,b'],
    [['bytes', 'integer'], [new Uint8Array([171]), 3], `x'ab', 3`],
  ] as const)('a key, %#', (types, row, expected) => {
    const columns = types.map((type, at) => ({ name: `c${at}`, type: column(type), isNotNull: true }));
    const table: TableShape = { name: 't', columns, key: types.map((_, at) => at) };
    expect(keyText(table, rowKey(table, row) as string)).toBe(expected);
  });
});
