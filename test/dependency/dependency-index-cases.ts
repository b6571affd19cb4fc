// Random tables, reads, instances and changes for the facts about the index. Values come from few, so that they meet; no
// care is taken that an instance could come of a real answer: what `affects` says of it is the law.

import type { Cell, Change, ColumnShape, ColumnType, Row, Scalar, TableShape } from '../../src/dependency/change.ts';
import { rowKey } from '../../src/dependency/condition/compare.ts';
import type { Operand, Predicate } from '../../src/dependency/condition/predicate.ts';
import type { BoundRead, Instance, TableRead, Template, Window } from '../../src/dependency/template.ts';

/** A small generator of its own: the same cases for the same seed. */
export class Chance {
  #state: number;
  /** Whether values come that have not the form of their column, which no feed and no binding gives. */
  readonly isOdd: boolean;

  constructor(seed: number) {
    this.#state = seed | 0;
    this.isOdd = (seed & 3) === 0;
  }

  below(end: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  }

  one<T>(of: readonly T[]): T {
    return of[this.below(of.length)] as T;
  }

  is(percent: number): boolean {
    return this.below(100) < percent;
  }

  some<T>(of: readonly T[], percent: number): T[] {
    return of.filter(() => this.is(percent));
  }
}

const sqlite = (affinity: 'integer' | 'text' | 'real' | 'blob', collation: 'binary' | 'nocase' | 'rtrim' | 'unknown') =>
  ({ family: 'sqlite', affinity, collation }) as const;
const postgres = (type: Extract<ColumnType, { family: 'postgres' }>['type'], isOrdered = true) =>
  ({ family: 'postgres', type, isOrdered }) as const;

const TYPES: { readonly [family: string]: readonly ColumnType[] } = {
  sqlite: [
    sqlite('integer', 'binary'),
    sqlite('text', 'binary'),
    sqlite('text', 'nocase'),
    sqlite('text', 'rtrim'),
    sqlite('text', 'unknown'),
    sqlite('real', 'binary'),
    sqlite('blob', 'binary'),
  ],
  postgres: [
    postgres('integer'),
    postgres('text'),
    postgres('text', false),
    postgres('char'),
    postgres('decimal'),
    postgres('float'),
    postgres('boolean'),
    postgres('bytes'),
    postgres('timestamp'),
    postgres('opaque', false),
  ],
};

const TEXTS = ['', 'a', 'A', 'ab', 'aB', 'abc', 'a ', 'b', 'b\0c', '\0', 'é', '\uffff', '\u{1f600}', 'a%', '1', '2.0'];
const NUMBERS: readonly Scalar[] = [0, -0, 1, 2, 3, 4, 2.5, 2 ** 53, 2n ** 53n, 2n ** 53n + 1n, -7, Infinity];
const ODD: readonly Scalar[] = [true, false, new Uint8Array([1]), new Uint8Array([1, 2]), Number.NaN, ...TEXTS];
const PATTERNS = [
  'a%',
  'A%',
  'ab%',
  '%',
  '_',
  'a_%',
  'a\\%',
  'b\0%',
  'a',
  'éb%',
  '\u{1f600}%',
  '\uffff%',
  'a!%!',
  '!%%',
  '',
];

function cellOfType(chance: Chance, type: ColumnType): Scalar {
  if (chance.is(12)) return null;
  if (chance.isOdd && chance.is(5)) return chance.one([...ODD, ...NUMBERS]);
  const kind = type.family === 'sqlite' ? type.affinity : type.type;
  switch (kind) {
    case 'text':
    case 'char':
      return chance.one(TEXTS);
    case 'decimal':
      return chance.one(['0', '1', '1.0', '-2', '10', 'NaN', '2.50']);
    case 'boolean':
      return chance.is(50);
    case 'bytes':
      return chance.one([new Uint8Array([1]), new Uint8Array([1, 2]), new Uint8Array()]);
    case 'blob':
      return chance.one([...NUMBERS, ...TEXTS, new Uint8Array([1]), new Uint8Array([1, 2])]);
    default:
      return chance.one(NUMBERS);
  }
}

function makeTable(chance: Chance, name: string): TableShape {
  const types = TYPES[chance.one(['sqlite', 'postgres'])] as readonly ColumnType[];
  const columns: ColumnShape[] = Array.from({ length: 2 + chance.below(4) }, (_, at) => ({
    name: `c${at}`,
    type: at === 0 ? (types[0] as ColumnType) : chance.one(types),
    isNotNull: false,
  }));
  return { name, columns, key: chance.one([[0], [0], [0], [0, 1], []]) };
}

function makeRow(chance: Chance, { columns }: TableShape): Row {
  const isPartial = chance.is(15);
  return columns.map(({ type }) => (isPartial && chance.is(40) ? undefined : cellOfType(chance, type)));
}

function makeOperand(chance: Chance, type: ColumnType): Operand {
  return chance.is(70) ? { kind: 'parameter', index: 0 } : { kind: 'value', value: cellOfType(chance, type) };
}

function makePredicate(chance: Chance, table: TableShape, depth: number): Predicate {
  const column = chance.below(table.columns.length);
  const type = table.columns[column]?.type as ColumnType;
  if (depth > 0 && chance.is(60)) {
    const kind = chance.one(['and', 'and', 'and', 'or'] as const);
    return { kind, parts: Array.from({ length: chance.below(4) }, () => makePredicate(chance, table, depth - 1)) };
  }
  switch (chance.below(14)) {
    case 0:
      return chance.is(70) ? { kind: 'always' } : { kind: 'never', truth: chance.one(['false', 'null'] as const) };
    case 1:
      return { kind: 'not', part: makePredicate(chance, table, 0) };
    case 2:
      return { kind: 'is-null', column };
    case 3:
      return { kind: 'columns', left: column, operator: '<', right: chance.below(table.columns.length) };
    case 4:
      return chance.is(30) ? { kind: 'maybe', columns: [column], reason: 'test' } : { kind: 'is-null', column };
    case 5:
    case 6: {
      const pattern: Operand = chance.is(70) ? { kind: 'parameter', index: 0 } : { kind: 'value', value: 'a%' };
      return {
        kind: 'like',
        column,
        pattern,
        escape: chance.one([undefined, undefined, '!', '']),
        foldsCase: chance.is(70),
      };
    }
    case 7:
    case 8: {
      const isParameter = chance.is(70);
      const operands = Array.from({ length: chance.below(5) }, () => cellOfType(chance, type));
      const values: Operand[] = operands.map((value) => ({ kind: 'value', value }));
      return { kind: 'in', column, operands: isParameter ? [{ kind: 'parameter', index: 0 }] : values };
    }
    case 9:
    case 10: {
      const operator = chance.one(['<', '<=', '>', '>=', '<>'] as const);
      return { kind: 'compare', column, operator, operand: makeOperand(chance, type) };
    }
    default:
      return { kind: 'compare', column, operator: '=', operand: makeOperand(chance, type) };
  }
}

function makeWindow(chance: Chance, { columns }: TableShape): Window | undefined {
  if (chance.is(50)) return undefined;
  const order = Array.from({ length: chance.below(3) }, () => ({
    column: chance.below(columns.length),
    output: 0,
    isDescending: chance.is(50),
    nullsFirst: chance.is(50),
  }));
  return { order, limit: { kind: 'value', value: 3 }, offset: undefined };
}

function makeRead(chance: Chance, table: TableShape): TableRead {
  return {
    table,
    alias: 't',
    predicate: makePredicate(chance, table, 2),
    valueColumns: chance.is(30) ? 'all' : chance.some([...table.columns.keys()], 30),
    keyOutputs: table.key.length > 0 ? table.key.map((_, at) => at) : undefined,
    window: makeWindow(chance, table),
  };
}

function bindOperand(chance: Chance, type: ColumnType, operand: Operand): Operand {
  return operand.kind === 'value' ? operand : { kind: 'value', value: cellOfType(chance, type) };
}

function bind(chance: Chance, table: TableShape, predicate: Predicate): Predicate {
  const type = 'column' in predicate ? (table.columns[predicate.column]?.type as ColumnType) : undefined;
  if (type !== undefined && 'column' in predicate && chance.is(1)) {
    return { kind: 'maybe', columns: [predicate.column], reason: 'operand' };
  }
  switch (predicate.kind) {
    case 'and':
    case 'or':
      return { kind: predicate.kind, parts: predicate.parts.map((part) => bind(chance, table, part)) };
    case 'not':
      return { kind: 'not', part: bind(chance, table, predicate.part) };
    case 'compare':
      return { ...predicate, operand: bindOperand(chance, type as ColumnType, predicate.operand) };
    case 'like':
      return {
        ...predicate,
        pattern:
          predicate.pattern.kind === 'value'
            ? predicate.pattern
            : { kind: 'value', value: chance.one([...PATTERNS, null]) },
      };
    case 'in': {
      if (predicate.operands.every(({ kind }) => kind === 'value')) return predicate;
      const length = chance.one([0, 1, 2, 3, 7, 8, 9, 20, 64, 65, 70]);
      const values = Array.from({ length }, () => cellOfType(chance, type as ColumnType));
      return { ...predicate, operands: values.map((value) => ({ kind: 'value', value })) };
    }
    default:
      return predicate;
  }
}

function makeBound(chance: Chance, read: TableRead): BoundRead {
  const { table, window } = read;
  const rows = Array.from({ length: chance.below(4) }, () => makeRow(chance, table));
  const keys = rows.map((row) => rowKey(table, row)).filter((key) => key !== undefined);
  const last = window?.order.map(({ column }): Cell => {
    return chance.is(5) ? undefined : cellOfType(chance, table.columns[column]?.type as ColumnType);
  });
  return {
    read,
    predicate: bind(chance, table, read.predicate),
    keys: chance.is(60) ? new Set(keys) : undefined,
    bound: last !== undefined && chance.is(70) ? { last, hasOffset: chance.is(30) } : undefined,
  };
}

export interface World {
  readonly tables: readonly TableShape[];
  instance(): Instance;
  change(): Change;
}

export function makeWorld(chance: Chance): World {
  const tables = ['t', 'u'].map((name) => makeTable(chance, name));
  const templates = Array.from({ length: 1 + chance.below(4) }, (_, at): Extract<Template, { kind: 'tracked' }> => {
    const reads = Array.from({ length: 1 + chance.below(2) }, () => makeRead(chance, chance.one(tables)));
    return { kind: 'tracked', id: `q${at}`, text: '', reads, output: [], fallbacks: [] };
  });
  return {
    tables,
    instance: () => {
      const template = chance.one(templates);
      return { template, reads: template.reads.map((read) => makeBound(chance, read)) };
    },
    change: () => makeChange(chance, chance.one(tables)),
  };
}

function makeChange(chance: Chance, shape: TableShape): Change {
  const table = chance.is(90) ? shape : chance.is(90) ? { ...shape } : { ...shape, columns: shape.columns.slice(1) };
  const now = makeRow(chance, table);
  const before = makeRow(chance, table);
  switch (chance.below(20)) {
    case 0:
      return chance.is(20) ? { kind: 'truncate', table } : { kind: 'delete', table, old: undefined };
    case 1:
      return { kind: 'update', table, old: undefined, new: now };
    case 2:
    case 3:
    case 4:
    case 5:
      return { kind: 'insert', table, new: now };
    case 6:
    case 7:
    case 8:
    case 9:
      return { kind: 'delete', table, old: now };
    case 10:
      return { kind: 'update', table, old: before, new: now };
    default: {
      const changed = new Set(chance.some([...table.columns.keys()], 40));
      return { kind: 'update', table, old: before, new: before.map((cell, at) => (changed.has(at) ? now[at] : cell)) };
    }
  }
}
