// SQLite's SQL as statements of ast.ts, by a parser made from SQLite's own grammar. Kept out of the main entry.
//
// A parameter's number is SQLite's, not its place in the text: `?5` is the fifth, `?` the one after the highest so far, a
// name keeps the number it got first. A comma binds like JOIN, from left to right, so a join after it may be an outer join
// of all that stands before: a FROM is one tree of joins here, never a list.

import type {
  As,
  CommonTableExpr,
  Expr,
  FromClause,
  JoinedSelectTable,
  OneSelect,
  Select as SelectNode,
  SelectTable,
  SortedColumn,
  Stmt,
  WindowDef,
  With,
} from 'sqlite3-parser';
import { type ResultColumn as ColumnNode, traverse, withOptions } from 'sqlite3-parser';
import { messageOf } from '../../errors.ts';
import type {
  CommonTable,
  Expression,
  OrderBy,
  Parser,
  ResultColumn,
  Select,
  SelectBody,
  Source,
  Statement,
} from '../ast.ts';
import { bare, selectFrom, Unreadable, wordsOf } from '../ast.ts';
import { expressionOf, type SqlitePlace } from './expression.ts';

/** SQLITE_MAX_VARIABLE_NUMBER as it is compiled in. */
const MAX_PARAMETERS = 32_766;

/** Statements that leave every answer as it was. */
const HARMLESS = new Set(`analyze begin commit explain release reindex rollback savepoint`.split(' '));

/** Settings and questions that change no answer of a query. */
const HARMLESS_PRAGMAS = new Set(
  `analysis_limit application_id auto_vacuum automatic_index busy_timeout cache_size cache_spill cell_size_check
  checkpoint_fullfsync collation_list compile_options data_version database_list defer_foreign_keys foreign_key_check
  foreign_key_list foreign_keys freelist_count fullfsync function_list hard_heap_limit incremental_vacuum index_info
  index_list index_xinfo integrity_check journal_mode journal_size_limit locking_mode max_page_count mmap_size module_list
  optimize page_count page_size pragma_list quick_check secure_delete shrink_memory soft_heap_limit synchronous table_info
  table_list table_xinfo temp_store threads user_version wal_autocheckpoint wal_checkpoint`.split(/\s+/),
);

/** The words for statements that write rows. */
export const WRITES = { InsertStmt: 'insert', UpdateStmt: 'update', DeleteStmt: 'delete' } as const;

const { parse: parseText } = withOptions({ digitSeparator: '_' });

export function createSqliteParser(): Parser {
  return {
    parse(text) {
      try {
        return sqliteTrees(text).map((node) => statementOf(node, text));
      } catch (error) {
        // E.g. nested deeper than the stack.
        return [{ kind: 'unparsed', reason: messageOf(error) }];
      }
    },
  };
}

/** The nodes of a text, for readers of table and view definitions; undefined when it does not parse. */
export function sqliteNodes(text: string): readonly Stmt[] | undefined {
  const parsed = parseText(text);
  return parsed.status === 'ok' ? parsed.root.cmds : undefined;
}

/** Throws where the text does not parse. */
export function sqliteTrees(text: string): readonly Stmt[] {
  // SQLite reads no further than that.
  if (text.includes('\0')) throw new Unreadable('a NUL character in the text');
  const parsed = parseText(text);
  if (parsed.status === 'ok') return parsed.root.cmds;
  throw new Unreadable(parsed.errors[0]?.message ?? 'no reason given');
}

/** Whether this kind of statement leaves every answer as it was. For PRAGMA see `changesAnswers`. */
export function isHarmless({ type }: Stmt): boolean {
  return HARMLESS.has(wordsOf(type));
}

/** Whether the PRAGMA changes the answers of later statements on the connection. */
export function changesAnswers({ name, body }: Extract<Stmt, { type: 'PragmaStmt' }>): boolean {
  return body !== undefined && !HARMLESS_PRAGMAS.has(name.objName.text.toLowerCase());
}

function statementOf(node: Stmt, text: string): Statement {
  switch (node.type) {
    case 'SelectStmt': {
      const { numbers, names } = numbered(node);
      const select = selectOf(node.body, { text, parameters: numbers });
      return { kind: 'query', select, locks: false, parameterNames: names };
    }
    case 'InsertStmt':
    case 'UpdateStmt':
    case 'DeleteStmt': {
      const { dbName, objName } = node.tblName;
      return { kind: WRITES[node.type], tables: [{ schema: dbName?.text, name: objName.text }] };
    }
    case 'PragmaStmt': {
      const name = node.name.objName.text.toLowerCase();
      return { kind: 'other', name: `pragma ${name}`, writes: changesAnswers(node) };
    }
    default:
      return { kind: 'other', name: wordsOf(node.type), writes: !isHarmless(node) };
  }
}

/** Numbers from 0 by offset, and names by number. https://www.sqlite.org/lang_expr.html#parameters */
export function numbered(statement: Stmt): { numbers: Map<number, number>; names: (string | undefined)[] } {
  const found: { name: string; offset: number }[] = [];
  traverse(statement, { nodes: { VariableExpr: ({ name, span }) => void found.push({ name, ...span }) } });
  const numbers = new Map<number, number>();
  const names: (string | undefined)[] = [];
  for (const { name, offset } of found.sort((left, right) => left.offset - right.offset)) {
    const digits = /^\?(\d+)$/.exec(name)?.[1];
    const known = name.startsWith('?') ? -1 : names.indexOf(name);
    const number = digits === undefined ? (known < 0 ? names.length : known) : Number(digits) - 1;
    if (number < 0 || number >= MAX_PARAMETERS) throw new Unreadable(`a parameter's number: ${name}`);
    while (names.length <= number) names.push(undefined);
    if (!name.startsWith('?')) names[number] = name;
    numbers.set(offset, number);
  }
  return { numbers, names };
}

/** State that all parts of one statement share. */
export type SqliteStatementPlace = Pick<SqlitePlace, 'text' | 'parameters'>;

/** Bits of a join's type, as the library has them. */
const NATURAL = 4;
const LEFT = 8;
const RIGHT = 16;
const JOINS: Readonly<Record<number, 'left' | 'right' | 'full'>> = {
  [LEFT]: 'left',
  [RIGHT]: 'right',
  [LEFT | RIGHT]: 'full',
};

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
  const found: string[] = [];
  traverse(table.select, { nodes: { QualifiedName: ({ objName }) => void found.push(objName.text.toLowerCase()) } });
  return found.some((name) => names.has(name));
}

type Read = (node: Expr) => Expression;

export function expressions(statement: SqliteStatementPlace, windows: readonly WindowDef[]): Read {
  const place: SqlitePlace = { ...statement, windows, select: (inner) => selectOf(inner, statement) };
  return (node) => expressionOf(node, place);
}

function bodyOf(node: OneSelect, statement: SqliteStatementPlace): SelectBody {
  if (node.type === 'SelectValues') {
    return { kind: 'values', rows: node.values.map(({ values }) => values.map(expressions(statement, []))) };
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

function orderOf({ expr, order, nulls }: SortedColumn, read: Read): OrderBy {
  return { expression: read(expr), isDescending: order === 'Desc', nullsFirst: nulls && nulls === 'First' };
}

/** Returns no source or one. */
function joined(from: FromClause, statement: SqliteStatementPlace): Source[] {
  if (from.select === undefined) return [];
  const first = sourceOf(from.select, statement, undefined);
  return [(from.joins ?? []).reduce((left, join) => joinOf(left, join, statement), first)];
}

function joinOf(left: Source, node: JoinedSelectTable, statement: SqliteStatementPlace): Source {
  const type = node.operator.type === 'CommaJoinOperator' ? 0 : (node.operator.joinType ?? 0);
  const { constraint } = node;
  const named = constraint?.type === 'UsingJoinConstraint' ? constraint.columns.map(({ text }) => text) : undefined;
  return {
    kind: 'join',
    type: JOINS[type & (LEFT | RIGHT)] ?? 'inner',
    left,
    right: sourceOf(node.table, statement, undefined),
    on: constraint?.type === 'OnJoinConstraint' ? expressions(statement, [])(constraint.expr) : undefined,
    using: (type & NATURAL) !== 0 ? 'natural' : named,
  };
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
  return { kind: 'select', select: selectFrom(inner), alias, columns: undefined, isLateral: false };
}
