// Selects and sources of PostgreSQL's parse tree as those of ast.ts.
//
// An alias may rename a table's columns, or hide the tables of a join. Such a source is a subselect
// of everything, by that alias.

import type {
  CommonTable,
  Expression,
  Name,
  OrderBy,
  ResultColumn,
  Select,
  SelectBody,
  Source,
  Statement,
} from '../ast.ts';
import { isNull, opaque, selectFrom, Unreadable } from '../ast.ts';
import { expressionOf, expressionsOf, type PostgresPlace } from './expression.ts';
import { calleeOf, fieldsIf, listOf, namesOf, nodeOf, type Tree, textOf, treeOf, treesIn } from './nodes.ts';

/** Reads the fields of a SelectStmt that writes nothing. */
export function selectOf(fields: Tree): Select {
  const place: PostgresPlace = { windows: fields.windowClause, select: selectOf };
  const clause = treeOf(fields.withClause);
  return {
    with: treesIn(clause.ctes, 'CommonTableExpr').map(commonTable),
    isRecursive: clause.recursive === true,
    body: bodyOf(fields, place),
    orderBy: treesIn(fields.sortClause, 'SortBy').map((sort) => orderOf(sort, place)),
    limit: limitOf(fields, place),
    offset: countOf(fields.limitOffset, place),
  };
}

function commonTable(fields: Tree): CommonTable {
  // SEARCH and CYCLE add columns to the table.
  if (fields.search_clause !== undefined || fields.cycle_clause !== undefined) throw new Unreadable('SEARCH or CYCLE');
  const names = namesOf(fields.aliascolnames);
  const query = fieldsIf(fields.ctequery, 'SelectStmt');
  const unparsed: Statement = { kind: 'unparsed', reason: nodeOf(fields.ctequery).kind };
  const statement: Statement = query ? { kind: 'query', select: selectOf(query), locks: false } : unparsed;
  return { name: textOf(fields.ctename) ?? '', columns: names.length === 0 ? undefined : names, statement };
}

function limitOf(fields: Tree, place: PostgresPlace): Expression | undefined {
  const limit = countOf(fields.limitCount, place);
  if (limit === undefined || fields.limitOption !== 'LIMIT_OPTION_WITH_TIES') return limit;
  return opaque('limit with ties', [limit]);
}

/** LIMIT ALL and LIMIT NULL are none. */
function countOf(node: unknown, place: PostgresPlace): Expression | undefined {
  const count = node === undefined ? undefined : expressionOf(node, place);
  return isNull(count) ? undefined : count;
}

function bodyOf(fields: Tree, place: PostgresPlace): SelectBody {
  if (fields.larg !== undefined) {
    const operator = `${String(fields.op).replace('SETOP_', '').toLowerCase()}${fields.all === true ? ' all' : ''}`;
    return { kind: 'compound', operator, left: selectOf(treeOf(fields.larg)), right: selectOf(treeOf(fields.rarg)) };
  }
  if (fields.valuesLists !== undefined) {
    const rows = listOf(fields.valuesLists).map((row) => expressionsOf(fieldsIf(row, 'List')?.items, place));
    return { kind: 'values', rows };
  }
  const distinct = listOf(fields.distinctClause);
  const distinctOn = distinct.filter((node) => nodeOf(node).kind !== '').map((node) => expressionOf(node, place));
  return {
    kind: 'plain',
    isDistinct: distinct.length > 0 && distinctOn.length === 0,
    distinctOn,
    columns: treesIn(fields.targetList, 'ResTarget').map((target) => columnOf(target, place)),
    from: listOf(fields.fromClause).map((item) => sourceOf(item, place)),
    where: fields.whereClause === undefined ? undefined : expressionOf(fields.whereClause, place),
    groupBy: expressionsOf(fields.groupClause, place),
    having: fields.havingClause === undefined ? undefined : expressionOf(fields.havingClause, place),
  };
}

function columnOf(fields: Tree, place: PostgresPlace): ResultColumn {
  const reference = listOf(fieldsIf(fields.val, 'ColumnRef')?.fields);
  if (nodeOf(reference.at(-1)).kind === 'A_Star') return { kind: 'star', table: namesOf(reference) };
  const expression = expressionOf(fields.val, place);
  const column = { kind: 'expression', expression, alias: textOf(fields.name) } as const;
  const indirection = listOf(fieldsIf(fields.val, 'A_Indirection')?.indirection);
  return nodeOf(indirection.at(-1)).kind === 'A_Star' ? { ...column, isSpread: true } : column;
}

function orderOf(fields: Tree, place: PostgresPlace): OrderBy {
  const own = expressionOf(fields.node, place);
  const isUsing = fields.sortby_dir === 'SORTBY_USING';
  const expression = isUsing ? opaque('order using', [own], [calleeOf('operator', fields.useOp)]) : own;
  const nullsFirst = { SORTBY_NULLS_FIRST: true, SORTBY_NULLS_LAST: false }[String(fields.sortby_nulls)];
  return { expression, isDescending: fields.sortby_dir === 'SORTBY_DESC', nullsFirst };
}

function sourceOf(node: unknown, place: PostgresPlace): Source {
  const { kind, fields } = nodeOf(node);
  switch (kind) {
    case 'RangeVar':
      return aliased({ ...tableOf(fields), kind: 'table', alias: undefined }, treeOf(fields.alias));
    case 'JoinExpr':
      return fields.alias === undefined ? joinOf(fields, place) : aliased(joinOf(fields, place), treeOf(fields.alias));
    case 'RangeSubselect': {
      const { name, columns } = aliasOf(treeOf(fields.alias));
      const select = selectOf(treeOf(fieldsIf(fields.subquery, 'SelectStmt')));
      return { kind: 'select', select, alias: name, columns, isLateral: fields.lateral === true };
    }
    case 'RangeTableSample':
      return sampleOf(fields, place);
    case 'RangeFunction':
      return functionsOf(fields, place);
    case 'RangeTableFunc':
    case 'JsonTable': {
      const { parts, selects } = expressionOf(node, place) as Extract<Expression, { kind: 'opaque' }>;
      const args = [...parts, ...selects.map((select): Expression => ({ kind: 'scalar', select }))];
      const name = kind === 'JsonTable' ? 'json_table' : 'xmltable';
      return { kind: 'function', name, args, alias: aliasOf(treeOf(fields.alias)).name };
    }
    default:
      throw new Unreadable(`${kind} in FROM`);
  }
}

/** The table that a RangeVar names. */
export function tableOf(fields: Tree): Name {
  return { schema: textOf(fields.schemaname), name: textOf(fields.relname) ?? '' };
}

function aliasOf(fields: Tree): { name: string | undefined; columns: readonly string[] | undefined } {
  const columns = namesOf(fields.colnames);
  return { name: textOf(fields.aliasname), columns: columns.length === 0 ? undefined : columns };
}

function aliased(source: Source, alias: Tree): Source {
  const { name, columns } = aliasOf(alias);
  if (source.kind === 'table' && columns === undefined) return { ...source, alias: name };
  return { kind: 'select', select: selectFrom([source]), alias: name, columns, isLateral: false };
}

const JOIN_TYPES: Readonly<Record<string, 'inner' | 'left' | 'right' | 'full'>> = {
  JOIN_INNER: 'inner',
  JOIN_LEFT: 'left',
  JOIN_RIGHT: 'right',
  JOIN_FULL: 'full',
};

function joinOf(fields: Tree, place: PostgresPlace): Source {
  const using = namesOf(fields.usingClause);
  const type = JOIN_TYPES[String(fields.jointype)];
  if (type === undefined) throw new Unreadable(`${String(fields.jointype)} in FROM`);
  return {
    kind: 'join',
    type,
    left: sourceOf(fields.larg, place),
    right: sourceOf(fields.rarg, place),
    on: fields.quals === undefined ? undefined : expressionOf(fields.quals, place),
    using: fields.isNatural === true ? 'natural' : using.length === 0 ? undefined : using,
  };
}

/** A sample is a join with chance: an answer of it is not kept unless the function `tablesample` is known. */
function sampleOf(fields: Tree, place: PostgresPlace): Source {
  const args = expressionsOf([...listOf(fields.args), ...(fields.repeatable ? [fields.repeatable] : [])], place);
  const left = sourceOf(fields.relation, place);
  const right: Source = { kind: 'function', name: 'tablesample', args, alias: undefined };
  return { kind: 'join', type: 'inner', left, right, on: undefined, using: undefined };
}

function functionsOf(fields: Tree, place: PostgresPlace): Source {
  const calls = listOf(fields.functions).map((item) => expressionOf(listOf(fieldsIf(item, 'List')?.items)[0], place));
  const alias = aliasOf(treeOf(fields.alias)).name;
  const [only, ...others] = calls;
  if (only?.kind !== 'call' || others.length > 0) return { kind: 'function', name: 'rows from', args: calls, alias };
  const columns = expressionsOf(fields.coldeflist, place);
  // Without an alias its columns go by its own name.
  return { kind: 'function', schema: only.schema, name: only.name, args: [...only.args, ...columns], alias };
}
