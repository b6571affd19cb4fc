// Lists that are one parameter against what SQLite says of them, and conditions on parameters alone.

import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, test } from 'vitest';
import { bindInstance } from '../../src/dependency/bind.ts';
import type { ColumnType } from '../../src/dependency/change.ts';
import { givenTruth, listCells } from '../../src/dependency/condition/constant-conditions.ts';
import { evaluate } from '../../src/dependency/condition/evaluate.ts';
import type { GivenTest, Predicate } from '../../src/dependency/condition/predicate.ts';
import type { TableRead } from '../../src/dependency/template.ts';

const AFFINITIES = { INTEGER: 'integer', REAL: 'real', TEXT: 'text', NUMERIC: 'numeric', '': 'blob' } as const;
const sqlite = (affinity: (typeof AFFINITIES)[keyof typeof AFFINITIES]): ColumnType => ({
  family: 'sqlite',
  affinity,
  collation: 'binary',
});
const postgres = (type: 'integer' | 'text' | 'boolean' | 'opaque'): ColumnType => ({
  family: 'postgres',
  type,
  isOrdered: true,
});

function readOf(type: ColumnType, predicate: Predicate): TableRead {
  const table = { name: 't', columns: [{ name: 'c', type, isNotNull: false }], key: [] };
  return { table, alias: 't', predicate, valueColumns: [], keyOutputs: undefined, window: undefined };
}

function bound(read: TableRead, parameters: readonly unknown[]): Predicate {
  const template = { kind: 'tracked', id: 'q', text: '', reads: [read], output: [], fallbacks: [] } as const;
  return bindInstance(template, parameters, undefined).reads[0]!.predicate;
}

const list = (form: 'array' | 'json'): Predicate => ({
  kind: 'in',
  column: 0,
  operands: [{ kind: 'list', index: 0, form }],
});

describe('json_each', () => {
  const db = new DatabaseSync(':memory:');
  const texts = ['[5]', '["5"]', '[5.0]', '["5.0","x"]', '[true]', '[null,1]', '[]', '[[5]]', '{"a":5}', '5', '[ 5 ]'];
  const others = ['["a","\\u0000"]', '[9007199254740993]', '[1e2]', '[0.1]', '', '[5,]', "['5']"];
  const cells = [null, 5, 1, 0, 5.5, '5', '5.0', 'x', '', '[5]', 9007199254740993n, 100, 0.1, 'a'];
  test.each(Object.entries(AFFINITIES))('beside a column of type "%s" is as SQLite says', (declared, affinity) => {
    db.exec(`DROP TABLE IF EXISTS t; CREATE TABLE t (c ${declared})`);
    const insert = db.prepare('INSERT INTO t VALUES (?)');
    const select = db.prepare('SELECT c, c IN (SELECT value FROM json_each(?)) AS is_in FROM t');
    select.setReadBigInts(true);
    for (const cell of cells) insert.run(cell);
    const type = sqlite(affinity);
    let decided = 0;
    for (const text of [...texts, ...others, null]) {
      const predicate = bound(readOf(type, list('json')), [text]);
      let rows: Record<string, unknown>[];
      try {
        rows = select.all(text);
      } catch {
        expect(evaluate(predicate, readOf(type, predicate).table, ['any'])).toBe('maybe');
        continue;
      }
      for (const { c, is_in } of rows) {
        const cell = typeof c === 'bigint' && Number.isSafeInteger(Number(c)) ? Number(c) : c;
        const truth = evaluate(predicate, readOf(type, predicate).table, [cell as never]);
        if (truth === 'maybe') continue;
        decided++;
        expect([text, c, truth]).toEqual([text, c, is_in === null ? 'null' : is_in === 1n ? 'true' : 'false']);
      }
    }
    expect(decided).toBeGreaterThan(40);
  });

  it('is not known where it is no list that JavaScript wrote', () => {
    for (const given of ['5', '{"a":1}', '[1, 2]', '[1', 5, undefined, new Uint8Array(2), [1]]) {
      expect(listCells(sqlite('integer'), { kind: 'list', index: 0, form: 'json' }, given)).toBeUndefined();
    }
  });
});

describe('= ANY of an array', () => {
  const cellsOf = (type: ColumnType, given: unknown) =>
    listCells(type, { kind: 'list', index: 0, form: 'array' }, given);

  it('has its elements in the form of the column', () => {
    expect(cellsOf(postgres('integer'), [1, '2', 3n, null])).toEqual([1, 2, 3, null]);
    expect(cellsOf(postgres('text'), ['a', 'b'])).toEqual(['a', 'b']);
    expect(cellsOf(postgres('integer'), [])).toEqual([]);
  });

  it('does not know elements that drivers write in their own ways, nor a text', () => {
    expect(cellsOf(postgres('integer'), [[1], undefined, new Date(), 'x'])).toEqual(Array(4).fill(undefined));
    expect(cellsOf(postgres('boolean'), [true, 't'])).toEqual([true, undefined]);
    expect(cellsOf(postgres('opaque'), ['a'])).toEqual([undefined]);
    expect(cellsOf(postgres('integer'), new Array(1))).toEqual([undefined]);
    for (const given of ['{1,2}', 1, undefined, new Set([1])])
      expect(cellsOf(postgres('integer'), given)).toBeUndefined();
  });

  it('is FALSE of an empty one, NULL of one that is NULL', () => {
    const read = readOf(postgres('integer'), { kind: 'not', part: list('array') });
    expect(evaluate(bound(read, [[]]), read.table, [1])).toBe('true');
    expect(evaluate(bound(read, [null]), read.table, [1])).toBe('null');
    expect(evaluate(bound(read, [[2, null]]), read.table, [1])).toBe('null');
    expect(evaluate(bound(read, [[2, [1]]]), read.table, [1])).toBe('maybe');
  });
});

describe('conditions on parameters alone', () => {
  const db = new DatabaseSync(':memory:');
  const values = [
    null,
    0,
    1,
    -1,
    1.5,
    5n,
    2n ** 62n,
    '',
    'a',
    'A',
    '1',
    '0',
    ' 1',
    'é',
    Number.NaN,
    new Uint8Array([1]),
  ];
  const at = (index: number) => ({ kind: 'parameter', index }) as const;
  const tests: readonly (readonly [string, GivenTest])[] = [
    ['?1 IS NULL', { kind: 'is-null', operand: at(0) }],
    ['?1', { kind: 'flag', operand: at(0) }],
    ['?1 = ?2', { kind: 'equal', left: at(0), right: at(1), isText: false }],
    ['?1 IS ?2', { kind: 'same', left: at(0), right: at(1), isText: false }],
  ];

  test.each(tests)('%s is as SQLite says', (sql, given) => {
    const select = db.prepare(`SELECT (${sql}) IS TRUE AS t, (${sql}) IS FALSE AS f, ?2 IS NULL`);
    let decided = 0;
    for (const one of values) {
      for (const other of values) {
        const { t, f } = select.get(one, other) as { t: number; f: number };
        const truth = givenTruth(given, [one, other], 'sqlite');
        if (truth === undefined) continue;
        decided++;
        expect([one, other, truth]).toEqual([one, other, t ? 'true' : f ? 'false' : 'null']);
      }
    }
    expect(decided).toBeGreaterThan(80);
  });

  it('are decided for PostgreSQL only where each type says the same', () => {
    const equal = (left: unknown, right: unknown, isText = false) =>
      givenTruth({ kind: 'equal', left: at(0), right: at(1), isText }, [left, right], 'postgres');
    expect(equal('a', 'a')).toBe('true');
    expect(equal('a', 'A')).toBeUndefined();
    expect(equal('a', 'A', true)).toBe('false');
    expect(equal('1', 1)).toBe('true');
    expect(equal(1, 2)).toBe('false');
    expect(equal('1.0', 1)).toBeUndefined();
    expect(equal(2 ** 24 + 2, 2 ** 24 + 1)).toBeUndefined();
    expect(equal(null, undefined)).toBeUndefined();
    expect(equal(null, 1)).toBe('null');
    expect(equal(true, false)).toBe('false');
    const isNull = (value: unknown) => givenTruth({ kind: 'is-null', operand: at(0) }, [value], 'postgres');
    expect([null, 'a', '(,)', [null], undefined, {}].map(isNull)).toEqual([
      'true',
      'false',
      undefined,
      'false',
      undefined,
      undefined,
    ]);
  });

  it('go when they are bound, so that the rest stands alone', () => {
    const equal: Predicate = { kind: 'compare', column: 0, operator: '=', operand: at(0) };
    const isNull: Predicate = { kind: 'given', test: { kind: 'is-null', operand: at(0) } };
    const read = readOf(sqlite('integer'), { kind: 'or', parts: [isNull, equal] });
    expect(bound(read, [5])).toEqual({ ...equal, operand: { kind: 'value', value: 5 } });
    expect(bound(read, [null])).toEqual({ kind: 'always' });
    const none = readOf(sqlite('integer'), { kind: 'and', parts: [isNull, equal] });
    expect(bound(none, [5])).toEqual({ kind: 'never', truth: 'false' });
    const not = readOf(sqlite('integer'), {
      kind: 'not',
      part: { kind: 'given', test: { kind: 'flag', operand: at(0) } },
    });
    expect(evaluate(bound(not, [null]), not.table, [1])).toBe('null');
    expect(evaluate(bound(not, ['x']), not.table, [1])).toBe('maybe');
  });
});
