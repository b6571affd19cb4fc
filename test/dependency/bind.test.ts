import { describe, expect, it } from 'vitest';
import { bindInstance, resultRowsOf } from '../../src/dependency/bind.ts';
import type { TableShape } from '../../src/dependency/change.ts';
import { ServerText } from '../../src/dependency/condition/cells.ts';
import { rowKey } from '../../src/dependency/condition/compare.ts';
import type { Predicate } from '../../src/dependency/condition/predicate.ts';
import type { BoundRead, Count, TableRead, Template, Window } from '../../src/dependency/template.ts';

const integer = { family: 'sqlite', affinity: 'integer', collation: 'binary' } as const;
const text = { family: 'sqlite', affinity: 'text', collation: 'binary' } as const;
const TABLE: TableShape = {
  name: 't',
  columns: [
    { name: 'id', type: integer, isNotNull: true },
    { name: 'name', type: text, isNotNull: false },
  ],
  key: [0],
};
const READ: TableRead = {
  table: TABLE,
  alias: 't',
  predicate: { kind: 'always' },
  valueColumns: 'all',
  keyOutputs: [0],
  window: undefined,
};
const parameter = (index: number): Count & { kind: 'parameter' } => ({ kind: 'parameter', index });
const WINDOW: Window = {
  order: [{ column: 1, output: 1, isDescending: false, nullsFirst: true }],
  limit: parameter(0),
  offset: undefined,
};

function templateOf(read: TableRead, output = ['id', 'name']): Extract<Template, { kind: 'tracked' }> {
  return { kind: 'tracked', id: 'q', text: 'q', reads: [read], output, fallbacks: [] };
}
const bind = (
  read: Partial<TableRead>,
  parameters: readonly unknown[],
  rows?: readonly (readonly unknown[])[],
): BoundRead => {
  const instance = bindInstance(templateOf({ ...READ, ...read }), parameters, rows && { rows });
  return instance.reads[0] as BoundRead;
};
const keys = (...ids: number[]) => new Set(ids.map((id) => rowKey(TABLE, [id])));
const equals = (column: number, index: number): Predicate => ({
  kind: 'compare',
  column,
  operator: '=',
  operand: parameter(index),
});
const values = (...given: (string | number)[]) => given.map((value) => ({ kind: 'value', value }));
const unknown = (column: number) => ({ kind: 'maybe', columns: [column], reason: 'operand' });

describe('operands', () => {
  it('take the form of their column', () => {
    const predicate: Predicate = { kind: 'and', parts: [equals(0, 0), { kind: 'not', part: equals(1, 1) }] };
    expect(bind({ predicate }, ['5', 5n]).predicate).toEqual({
      kind: 'and',
      parts: [
        { ...equals(0, 0), operand: { kind: 'value', value: 5 } },
        { kind: 'not', part: { ...equals(1, 1), operand: { kind: 'value', value: '5' } } },
      ],
    });
  });

  it('that have none, or are not given, make it MAYBE', () => {
    expect(bind({ predicate: equals(1, 0) }, [5]).predicate).toEqual(unknown(1));
    expect(bind({ predicate: equals(0, 3) }, [5]).predicate).toEqual(unknown(0));
  });

  it('of a list that have none make the list longer by any', () => {
    const operands = [parameter(0), parameter(1)];
    const bound = bind({ predicate: { kind: 'in', column: 1, operands } }, ['a', 5]).predicate;
    const list = { kind: 'in', column: 1, operands: values('a') };
    expect(bound).toEqual({ kind: 'or', parts: [list, unknown(1)] });
  });

  it('that are a column of the result are each value once, without NULL', () => {
    const predicate: Predicate = { kind: 'in', column: 0, operands: [{ kind: 'result', column: 1 }] };
    const rows = [
      [1, 7],
      [2, null],
      [3, 7n],
      [4, 8],
    ];
    expect(bind({ predicate }, [], rows).predicate).toEqual({ kind: 'in', column: 0, operands: values(7, 8) });
    expect(bind({ predicate }, [], []).predicate).toEqual({ kind: 'in', column: 0, operands: [] });
    const none = { kind: 'in', column: 0, operands: [] };
    expect(bind({ predicate }, []).predicate).toEqual({ kind: 'or', parts: [none, unknown(0)] });
    expect(bind({ predicate }, [], [[1]]).predicate).toEqual({ kind: 'or', parts: [none, unknown(0)] });
  });

  it('of LIKE are texts as they are', () => {
    const like = { kind: 'like', column: 0, pattern: parameter(0), escape: undefined, foldsCase: true } as const;
    expect(bind({ predicate: like }, ['5%']).predicate).toEqual({ ...like, pattern: { kind: 'value', value: '5%' } });
    expect(bind({ predicate: like }, [5n]).predicate).toEqual({ ...like, pattern: { kind: 'value', value: '5' } });
    expect(bind({ predicate: like }, [5]).predicate).toEqual(unknown(0));
  });

  it('that are no parameters are bound once, into their form', () => {
    const predicate: Predicate = { ...equals(0, 0), operand: { kind: 'value', value: '5' } } as Predicate;
    const template = templateOf({ ...READ, predicate });
    const [one, other] = [bindInstance(template, [], undefined), bindInstance(template, [1], { rows: [] })];
    expect(one.reads[0]?.predicate).toEqual({ ...predicate, operand: { kind: 'value', value: 5 } });
    expect(other.reads[0]?.predicate).toBe(one.reads[0]?.predicate);
  });
});

describe('keys', () => {
  it('are those of the rows', () => {
    expect(
      bind(
        {},
        [],
        [
          [1, 'a'],
          [2n, 'b'],
        ],
      ).keys,
    ).toEqual(keys(1, 2));
    expect(bind({}, [], []).keys).toEqual(keys());
  });

  it('leave out what an outer join has no partner for', () => {
    expect(
      bind(
        {},
        [],
        [
          [1, 'a'],
          [null, null],
        ],
      ).keys,
    ).toEqual(keys(1));
  });

  it('are not known where one is not, or there is no result', () => {
    expect(
      bind(
        {},
        [],
        [
          [1, 'a'],
          [undefined, 'b'],
        ],
      ).keys,
    ).toBe(undefined);
    expect(bind({}, [], [[2 ** 53, 'a']]).keys).toBe(undefined);
    expect(bind({}, []).keys).toBe(undefined);
    expect(bind({ keyOutputs: undefined }, [], []).keys).toBe(undefined);
    expect(bind({ keyOutputs: [] }, [], []).keys).toBe(undefined);
  });

  it('are known where an OFFSET may have skipped rows: those count as before a bound that nothing is beyond', () => {
    const window = { ...WINDOW, offset: parameter(1) };
    for (const offset of [1, 'x']) {
      const read = bind({ window }, [2, offset], [[1, 'a']]);
      expect(read.keys).toEqual(keys(1));
      expect(read.bound).toEqual({ last: window.order.map(() => undefined), hasOffset: true });
    }
    expect(bind({ window }, [2, 0], [[1, 'a']]).keys).toEqual(keys(1));
    expect(bind({ window }, [1, 1], [[1, 'a']]).keys).toEqual(keys(1));
  });
});

describe('the bound', () => {
  const rows = [
    [1, 'a'],
    [2, 'b'],
  ];

  it('is the last row of a full window', () => {
    expect(bind({ window: WINDOW }, [2], rows).bound).toEqual({ last: ['b'], hasOffset: false });
    expect(bind({ window: WINDOW }, [2n], rows).bound).toEqual({ last: ['b'], hasOffset: false });
    expect(bind({ window: { ...WINDOW, limit: { kind: 'value', value: 2 } } }, [], rows).bound).toBeDefined();
  });

  it('knows of an OFFSET, and of one that may be', () => {
    const window = { ...WINDOW, offset: parameter(1) };
    const hasOffset = (offset: unknown) => bind({ window }, [2, offset], rows).bound?.hasOffset;
    expect([0, 0n, '0', 3, -1, null, 'x'].map(hasOffset)).toEqual([false, false, false, true, true, true, true]);
  });

  it('is not there where the window is not full, or has no end', () => {
    for (const limit of [3, 0, -1, null, 'x', 1.5, undefined]) {
      expect(bind({ window: WINDOW }, [limit], rows).bound).toBe(undefined);
    }
    expect(bind({ window: { ...WINDOW, limit: undefined } }, [], rows).bound).toBe(undefined);
    expect(bind({ window: WINDOW }, [2]).bound).toBe(undefined);
  });

  it('is as exact as the text that the server sent, and unknown of what was made of it', () => {
    const type = { family: 'postgres', type: 'timestamptz', isOrdered: true } as const;
    const table = { ...TABLE, columns: [TABLE.columns[0]!, { name: 'at', type, isNotNull: true }] };
    const last = (value: unknown) => bind({ table, window: WINDOW }, [1], [[1, value]]).bound?.last;
    expect(last(new ServerText('1970-01-01 00:00:01.000009+00'))).toEqual([1_000_009]);
    expect(last(new ServerText('01.01.1970 00:00:01 CET'))).toEqual([undefined]);
    // JavaScript reads the year 99 as 1999.
    expect(last(new Date('0099-05-05 10:00:00+00'))).toEqual([undefined]);
  });
});

describe('resultRowsOf', () => {
  const template = templateOf(READ);

  it('takes arrays as they are, and objects by name', () => {
    expect(resultRowsOf(template, [[1, 'a']])).toEqual({ rows: [[1, 'a']] });
    expect(resultRowsOf(template, [{ name: 'a', id: 1 }])).toEqual({ rows: [[1, undefined]] });
    expect(resultRowsOf(template, [])).toEqual({ rows: [] });
  });

  it('does not know what a name stands for that is there twice or not at all', () => {
    expect(resultRowsOf(templateOf(READ, ['id', 'id']), [{ id: 1 }])).toBe(undefined);
    expect(resultRowsOf(template, [{ ID: 1 }])).toBe(undefined);
    expect(resultRowsOf(template, [{ id: 1 }, [2]])).toBe(undefined);
    expect(resultRowsOf(template, [{ id: 1 }, null])).toBe(undefined);
    expect(resultRowsOf(templateOf({ ...READ, keyOutputs: [2] }), [{ id: 1 }])).toBe(undefined);
  });

  it('needs no name that no fact is taken from', () => {
    expect(resultRowsOf(templateOf(READ, ['id', 'x', 'x']), [{ id: 1, x: 2 }])).toEqual({
      rows: [[1, undefined, undefined]],
    });
  });
});
