// Selects and sources of SQLite's grammar (sqlite3-parser) as those of ast.ts.
//
// A comma binds like JOIN, from left to right, so a join after it may be an outer join of all that stands before. A
// FROM is one tree of joins here, never a list.

import {
  type As,
  type ResultColumn as ColumnNode,
  type CommonTableExpr,
  type Expr,
  type FromClause,
  type JoinedSelectTable,
  type OneSelect,
  type Select as SelectNode,
  type SelectTable,
  type SortedColumn,
  traverse,
  type WindowDef,
  type With,
} from 'sqlite3-parser';
import {
  bare,
  type CommonTable,
  type Expression,
  type OrderBy,
  type ResultColumn,
  type Select,
  type SelectBody,
  type Source,
  starSelect,
} from '../ast.ts';
import { expressionOf, type SqlitePlace } from './expression.ts';

/** State that all parts of one statement share. */
export interface SqliteStatementPlace {
  readonly text: string;
  readonly parameters: ReadonlyMap<number, number>;
}

/** Bits of a join's type, as the library has them. */
const NATURAL = 4;
const LEFT = 8;
const RIGHT = 16;

export function selectOf(node: SelectNode, statement: SqliteStatementPlace): Select {
  const body = (node.compounds ?? []).reduce<SelectBody>(
    (left, { operator, select }) => ({
      kind: 'compound',
      operator: operator === 'UnionAll' ? 'union all' : operator.toLowerCase(),
      left: bare(left),
      right: bare(bodyOf(select, statement)),
    }),
    bodyOf(node.select, statement),
  );
  const windows = node.select.type === 'SelectFrom' ? (node.select.windowClause ?? []) : [];
  const expression = expressions(statement, windows);
  return {
    with: (node.with?.ctes ?? []).map(
      (table): CommonTable => ({
        name: table.tblName.text,
        columns: table.columns?.map(({ colName }) => colName.text),
        statement: { kind: 'query', select: selectOf(table.select, statement), locks: false },
      }),
    ),
    isRecursive: node.with !== undefined && isRecursive(node.with),
    body,
    orderBy: (node.orderBy ?? []).map((term) => orderOf(term, expression)),
    limit: node.limit && expression(node.limit.expr),
    offset: node.limit?.offset && expression(node.limit.offset),
  };
}

/** SQLite lets a common table name itself, and those after it, without the word RECURSIVE. */
function isRecursive({ recursive, ctes }: With): boolean {
  const names = ctes.map(({ tblName }) => tblName.text.toLowerCase());
  return recursive || ctes.some((table, at) => namesOneOf(table, new Set(names.slice(at))));
}

function namesOneOf(table: CommonTableExpr, names: ReadonlySet<string>): boolean {
  let isFound = false;
  traverse(table.select, {
    nodes: {
      QualifiedName: ({ objName }) => {
        isFound ||= names.has(objName.text.toLowerCase());
      },
    },
  });
  return isFound;
}

type Read = (node: Expr) => Expression;

function expressions(statement: SqliteStatementPlace, windows: readonly WindowDef[]): Read {
  const place: SqlitePlace = { ...statement, windows, select: (inner) => selectOf(inner, statement) };
  return (node) => expressionOf(node, place);
}

function bodyOf(node: OneSelect, statement: SqliteStatementPlace): SelectBody {
  if (node.type === 'SelectValues') {
    const read = expressions(statement, []);
    return { kind: 'values', rows: node.values.map(({ values }) => values.map(read)) };
  }
  const read = expressions(statement, node.windowClause ?? []);
  return {
    kind: 'plain',
    isDistinct: node.distinctness === 'Distinct',
    distinctOn: [],
    columns: node.columns.map((column) => columnOf(column, read)),
    from: node.from === undefined ? [] : joined(node.from, statement),
    where: node.whereClause && read(node.whereClause),
    groupBy: (node.groupBy ?? []).map(read),
    having: node.having && read(node.having),
  };
}

function columnOf(node: ColumnNode, read: Read): ResultColumn {
  if (node.type === 'StarResultColumn') return { kind: 'star', table: [] };
  if (node.type === 'TableStarResultColumn') return { kind: 'star', table: [node.table.text] };
  return { kind: 'expression', expression: read(node.expr), alias: node.alias?.name.text };
}

function orderOf(node: SortedColumn, read: Read): OrderBy {
  return {
    expression: read(node.expr),
    isDescending: node.order === 'Desc',
    nullsFirst: node.nulls === undefined ? undefined : node.nulls === 'First',
  };
}

/** Returns no source or one. */
function joined(from: FromClause, statement: SqliteStatementPlace): Source[] {
  if (from.select === undefined) return [];
  const first = sourceOf(from.select, statement, undefined);
  return [(from.joins ?? []).reduce((left, join) => joinOf(left, join, statement), first)];
}

function joinOf(left: Source, node: JoinedSelectTable, statement: SqliteStatementPlace): Source {
  const type = node.operator.type === 'CommaJoinOperator' ? 0 : (node.operator.joinType ?? 0);
  const read = expressions(statement, []);
  const constraint = node.constraint;
  const named = constraint?.type === 'UsingJoinConstraint' ? constraint.columns.map(({ text }) => text) : undefined;
  return {
    kind: 'join',
    type: joinType((type & LEFT) !== 0, (type & RIGHT) !== 0),
    left,
    right: sourceOf(node.table, statement, undefined),
    on: constraint?.type === 'OnJoinConstraint' ? read(constraint.expr) : undefined,
    using: (type & NATURAL) !== 0 ? 'natural' : named,
  };
}

function joinType(isLeft: boolean, isRight: boolean): 'inner' | 'left' | 'right' | 'full' {
  if (isLeft) return isRight ? 'full' : 'left';
  return isRight ? 'right' : 'inner';
}

/** `outer`: the alias of parentheses around it. */
function sourceOf(node: SelectTable, statement: SqliteStatementPlace, outer: string | undefined): Source {
  const alias = outer ?? (node.alias as As | undefined)?.name.text;
  if (node.type === 'TableSelectTable') {
    return { kind: 'table', schema: node.tblName.dbName?.text, name: node.tblName.objName.text, alias };
  }
  if (node.type === 'TableCallSelectTable') {
    const args = (node.args ?? []).map(expressions(statement, []));
    return { kind: 'function', name: node.tblName.objName.text.toLowerCase(), args, alias };
  }
  if (node.type === 'SelectSelectTable') {
    const select = selectOf(node.select, statement);
    return { kind: 'select', select, alias, columns: undefined, isLateral: false };
  }
  if (node.from.joins === undefined && node.from.select !== undefined) {
    return sourceOf(node.from.select, statement, alias);
  }
  const inner = joined(node.from, statement);
  if (alias === undefined && inner[0] !== undefined) return inner[0];
  return { kind: 'select', select: starSelect(inner), alias, columns: undefined, isLateral: false };
}
