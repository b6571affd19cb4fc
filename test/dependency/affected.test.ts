import { describe, expect, it } from 'vitest';
import { affects, type Reason } from '../../src/dependency/affected.ts';
import type { Change, Row, TableShape } from '../../src/dependency/change.ts';
import { rowKey } from '../../src/dependency/condition/compare.ts';
import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import type { BoundRead, OrderTerm } from '../../src/dependency/template.ts';

const integer = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const TABLE: TableShape = {
  name: 't',
  columns: ['id', 'a', 'b', 'unread'].map((name) => ({ name, type: integer, isNotNull: false })),
  key: [0],
};
/** `SELECT id, a, b FROM t WHERE a = 1`. */
const isOne: Predicate = { kind: 'compare', column: 1, operator: '=', operand: { kind: 'value', value: 1 } };

interface Facts {
  readonly keys?: readonly number[];
  /** Of a window ORDER BY b: its last row's. */
  readonly last?: number | null;
  readonly hasOffset?: boolean;
  readonly predicate?: Predicate;
  readonly order?: Partial<OrderTerm>;
}

function readOf({ keys, last, hasOffset = false, predicate = isOne, order }: Facts): BoundRead {
  const term: OrderTerm = { column: 2, output: 2, isDescending: false, nullsFirst: true, ...order };
  const window = { order: [term], limit: { kind: 'value', value: 1 }, offset: undefined } as const;
  const valueColumns = [0, 1, 2];
  return {
    read: {
      table: TABLE,
      alias: 't',
      predicate,
      valueColumns,
      keyOutputs: keys && [0],
      window: last === undefined ? undefined : window,
    },
    predicate,
    keys: keys && new Set(keys.map((key) => rowKey(TABLE, [key]) as string)),
    bound: last === undefined ? undefined : { last: [last], hasOffset },
  };
}
const insert = (row: Row): Change => ({ kind: 'insert', table: TABLE, new: row });
const remove = (old: Row | undefined): Change => ({ kind: 'delete', table: TABLE, old });
const update = (old: Row | undefined, row: Row): Change => ({ kind: 'update', table: TABLE, old, new: row });
const maybe: Predicate = { kind: 'maybe', columns: [1], reason: 'test' };
const U = undefined;

const facts: readonly [what: string, facts: Facts, change: Change, reason: Reason | undefined][] = [
  ['an insert that satisfies', {}, insert([9, 1, 5, 0]), 'enters'],
  ['an insert that does not', {}, insert([9, 2, 5, 0]), U],
  ['an insert of NULL', {}, insert([9, null, 5, 0]), U],
  ['an insert of what is not known', {}, insert([9, U, 5, 0]), 'maybe'],
  ['an insert before the last row', { last: 5 }, insert([9, 1, 4, 0]), 'enters'],
  ['an insert that ties', { last: 5 }, insert([9, 1, 5, 0]), 'enters'],
  ['an insert after the last row', { last: 5 }, insert([9, 1, 6, 0]), U],
  ['an insert before it, descending', { last: 5, order: { isDescending: true } }, insert([9, 1, 6, 0]), 'enters'],
  ['an insert after it, descending', { last: 5, order: { isDescending: true } }, insert([9, 1, 4, 0]), U],
  ['an insert of NULL, which is first', { last: 5 }, insert([9, 1, null, 0]), 'enters'],
  ['an insert of NULL, which is last', { last: 5, order: { nullsFirst: false } }, insert([9, 1, null, 0]), U],
  ['an insert after a NULL that is first', { last: null }, insert([9, 1, 4, 0]), U],
  [
    'an insert before a NULL that is last',
    { last: null, order: { nullsFirst: false } },
    insert([9, 1, 4, 0]),
    'enters',
  ],
  ['an insert of a NULL that ties', { last: null }, insert([9, 1, null, 0]), 'enters'],
  ['an insert somewhere', { last: 5 }, insert([9, 1, U, 0]), 'enters'],

  ['a delete of a row that is shown', { keys: [9] }, remove([9, 1, 5, 0]), 'record'],
  ['a delete of which only the key is known', { keys: [9] }, remove([9, U, U, U]), 'record'],
  ['a delete of a row that is not shown', { keys: [8] }, remove([9, 1, 5, 0]), U],
  ['a delete of one not shown, by its key', { keys: [8] }, remove([9, U, U, U]), U],
  ['a delete without keys', {}, remove([9, 1, 5, 0]), 'leaves'],
  ['a delete without keys of another row', {}, remove([9, 2, 5, 0]), U],
  ['a delete without keys of an unknown row', {}, remove([9, U, U, U]), 'maybe'],
  ['a delete of nothing known', { keys: [] }, remove(U), 'maybe'],
  ['a delete with an unknown key', { keys: [] }, remove([U, 1, 5, 0]), 'leaves'],
  ['a delete before the window', { keys: [8], last: 5, hasOffset: true }, remove([9, 1, 4, 0]), 'window'],
  ['a delete after the window', { keys: [8], last: 5, hasOffset: true }, remove([9, 1, 6, 0]), U],
  [
    'a delete of an unknown row, perhaps before',
    { keys: [8], last: 5, hasOffset: true },
    remove([9, U, U, U]),
    'window',
  ],
  ['a delete after the last row, without keys', { last: 5 }, remove([9, 1, 6, 0]), U],

  ['an update that enters', {}, update([9, 2, 5, 0], [9, 1, 5, 0]), 'enters'],
  ['an update that leaves', {}, update([9, 1, 5, 0], [9, 2, 5, 0]), 'leaves'],
  ['an update of a value', {}, update([9, 1, 5, 0], [9, 1, 6, 0]), 'value'],
  ['an update of what nobody reads', {}, update([9, 1, 5, 0], [9, 1, 5, 1]), U],
  ['an update of what nobody reads, not known', { predicate: maybe }, update([9, 1, 5, U], [9, 1, 5, U]), U],
  ['an update of another row', {}, update([9, 2, 5, 0], [9, 3, 6, 0]), U],
  ['an update within the condition', { predicate: maybe }, update([9, 1, 5, 0], [9, 2, 5, 0]), 'maybe'],
  ['an update of a row that is shown', { keys: [9] }, update([9, 1, 5, 0], [9, 1, 6, 0]), 'record'],
  ['an update of one not shown', { keys: [8] }, update([9, 1, 5, 0], [9, 1, 6, 0]), 'value'],
  ['an update of one not shown, away', { keys: [8] }, update([9, 1, 5, 0], [9, 2, 5, 0]), U],
  ['an update into a window', { keys: [8], last: 5 }, update([9, 1, 6, 0], [9, 1, 4, 0]), 'value'],
  ['an update beyond a window', { keys: [8], last: 5 }, update([9, 1, 6, 0], [9, 1, 7, 0]), U],
  ['an update out of a window', { keys: [9], last: 5 }, update([9, 1, 4, 0], [9, 1, 7, 0]), 'record'],
  ['an update beyond a window, without keys', { last: 5 }, update([9, 1, 6, 0], [9, 1, 7, 0]), U],
  ['an update from before', { keys: [8], last: 5, hasOffset: true }, update([9, 1, 1, 0], [9, 1, 7, 0]), 'window'],
  ['a key that changes', { keys: [9] }, update([9, 1, 5, 0], [10, 1, 5, 0]), 'record'],
  ['a key that changes, without keys', {}, update([9, 1, 5, 0], [10, 1, 5, 0]), 'value'],
  ['an old row not known, shown', { keys: [9] }, update(U, [9, 2, 5, 0]), 'record'],
  ['an old row not known, not shown', { keys: [8] }, update(U, [9, 2, 5, 0]), U],
  ['an old row not known, not shown, that enters', { keys: [8] }, update(U, [9, 1, 5, 0]), 'maybe'],
  ['an old row not known, without keys', {}, update(U, [9, 2, 5, 0]), 'maybe'],
  ['a truncate', { keys: [] }, { kind: 'truncate', table: TABLE }, 'truncate'],
];

describe('affects', () => {
  for (const [what, given, change, reason] of facts) {
    it(`${what}: ${reason ?? 'no'}`, () => {
      expect(affects(readOf(given), change)).toBe(reason);
    });
  }

  it('a table that is another than when the statement was analysed', () => {
    const other = { ...TABLE, columns: TABLE.columns.slice(1) };
    const same = { ...TABLE, columns: [...TABLE.columns] };
    const change = (table: TableShape): Change => ({ kind: 'insert', table, new: [9, 2, 5, 0] });
    expect(affects(readOf({}), change(other))).toBe('schema');
    expect(affects(readOf({}), change(same))).toBe(undefined);
    expect(affects(readOf({}), change({ ...other, name: 'u' }))).toBe(undefined);
  });

  it('1 and 1.0 in a column without a type, which show no difference', () => {
    const type = { ...integer, affinity: 'blob' } as const;
    const table = { ...TABLE, columns: TABLE.columns.map((column, at) => (at === 2 ? { ...column, type } : column)) };
    const read = readOf({});
    const bound = { ...read, read: { ...read.read, table } };
    expect(affects(bound, { kind: 'update', table, old: [9, 1, 5, 0], new: [9, 1, 5, 1] })).toBe('value');
    expect(affects(bound, { kind: 'update', table, old: [9, 1, 'x', 0], new: [9, 1, 'x', 1] })).toBe(undefined);
  });
});
