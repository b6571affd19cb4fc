// Writes that are read wholly: which rows of one table a statement writes, as far as columns tell, and what it writes there.

import type { TableShape } from '../dependency/change.ts';
import type { ConstantOperand } from '../dependency/condition/predicate.ts';
import type { Dialect, TableRead } from '../dependency/template.ts';
import { readsOfQuery, type StatementParts } from './analyse.ts';
import { type Expression, type Select, type Source, selectFrom } from './ast.ts';

/** An INSERT … VALUES, or an UPDATE or DELETE of one table with nothing but a WHERE. */
export interface RowsWritten {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly target: Extract<Source, { kind: 'table' }>;
  readonly where: Expression | undefined;
  /** Those that `values` are for, in that order; undefined: all of the table. */
  readonly columns: readonly string[] | undefined;
  /** A list for each row of an insert, one for an update, none for a delete. */
  readonly values: readonly (readonly Expression[])[];
}

/** Undefined: it is none of those. May throw. */
export type RowsReader = (text: string) => RowsWritten | undefined;

/** The rows of a VALUES with nothing around it. */
export function plainRows({ with: common, body, orderBy, limit, offset }: Select): RowsWritten['values'] | undefined {
  const isPlain = common.length + orderBy.length === 0 && limit === undefined && offset === undefined;
  return isPlain && body.kind === 'values' ? body.rows : undefined;
}

export interface RowWrite {
  readonly kind: RowsWritten['kind'];
  readonly table: TableShape;
  /** The rows that an update or a delete takes. */
  readonly read: TableRead | undefined;
  /** For each row of values, those by column; undefined: computed. A column that is not there is not set, or has its default. */
  readonly values: readonly ReadonlyMap<number, ConstantOperand | undefined>[];
}

/** More rows in one statement are not told apart. */
const MAX_ROWS = 100;

/** Undefined where any part of it is not understood. Never throws. */
export function rowWriteOf(text: string, reader: RowsReader, parts: StatementParts): RowWrite | undefined {
  try {
    const rows = reader(text);
    return rows === undefined || rows.values.length > MAX_ROWS ? undefined : analysed(rows, parts);
  } catch {
    return undefined;
  }
}

function analysed(rows: RowsWritten, parts: StatementParts): RowWrite | undefined {
  const { kind, target, where, values } = rows;
  const relation = parts.catalogue.relation(target.schema, target.name);
  if (relation?.kind !== 'table' || relation.runs !== undefined) return undefined;
  const { table } = relation;
  const columns =
    rows.columns === undefined ? [...table.columns.keys()] : ordinalsOf(rows.columns, table, parts.dialect);
  if (columns === undefined || values.some((row) => row.length !== columns.length)) return undefined;
  // As a query, so that what it calls is judged as in any other.
  const shown = values.flat().map((expression) => ({ kind: 'expression', expression, alias: undefined }) as const);
  const from = kind === 'insert' ? [] : [target];
  const select = selectFrom(from, kind === 'delete' ? undefined : shown, where);
  const reads = shown.length + from.length === 0 ? [] : readsOfQuery(select, parts);
  // Of two reads of the table, one is of other rows.
  if (reads?.length !== from.length) return undefined;
  return {
    kind,
    table,
    read: reads[0],
    values: values.map((row) => new Map(row.map((each, at) => [columns[at] as number, constantOf(each)]))),
  };
}

function ordinalsOf(names: readonly string[], table: TableShape, dialect: Dialect): readonly number[] | undefined {
  const fold = (name: string) => (dialect === 'sqlite' ? name.toLowerCase() : name);
  const ordinals = names.map((name) => table.columns.findIndex((column) => fold(column.name) === fold(name)));
  return ordinals.includes(-1) || new Set(ordinals).size < ordinals.length ? undefined : ordinals;
}

function constantOf(expression: Expression): ConstantOperand | undefined {
  if (expression.kind === 'literal') return { kind: 'value', value: expression.value };
  return expression.kind === 'parameter' ? expression : undefined;
}
