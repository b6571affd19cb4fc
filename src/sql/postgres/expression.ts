// Converts expressions of PostgreSQL's parse tree to those of ast.ts. An expression without a form there is opaque,
// with all its parts. A row on either side of an operator changes what NULL and order mean: such comparisons are opaque.
//
// Operators and functions are names that the session's search path gives a meaning. A name with a schema other than
// pg_catalog keeps the schema, and matches no known operator.

import type { Scalar } from '../../dependency/change.ts';
import { shortest } from '../../dependency/condition/cells.ts';
import { type Callee, type Expression, negated, operator, type Select } from '../ast.ts';
import { isAggregate } from '../calls/functions.ts';
import { isSystem, SYSTEM } from '../catalogue.ts';
import {
  calleeOf,
  fieldsIf,
  isTree,
  listOf,
  namesOf,
  nodeOf,
  qualifiedName,
  type Tree,
  textOf,
  treeOf,
  treesIn,
} from './nodes.ts';

/** The surroundings of an expression. */
export interface PostgresPlace {
  /** The WINDOW clause. */
  readonly windows: unknown;
  readonly select: (fields: Tree) => Select;
}

type Handler = (fields: Tree, place: PostgresPlace) => Expression;

/** Kinds of expressions that have a form; any other is gone through for those within it. */
const POSTGRES_EXPRESSIONS: Readonly<Record<string, Handler>> = {
  A_Const: constant,
  A_Expr: operatorOf,
  BoolExpr: (fields, place) => {
    const parts = listOf(fields.args).map((item) => expressionOf(item, place));
    if (fields.boolop === 'NOT_EXPR') return negated(true, parts[0] as Expression);
    return { kind: fields.boolop === 'AND_EXPR' ? 'and' : 'or', parts };
  },
  BooleanTest: booleanTest,
  A_Indirection: (fields, place) => {
    const callees = namesOf(fields.indirection).map((name): Callee => ({ kind: 'field', schema: undefined, name }));
    return opaqueAt(place)('field or element', fields, callees);
  },
  CaseExpr: (fields, place) => opaqueAt(place)('case', fields, fields.arg === undefined ? [] : [operator('=')]),
  CoalesceExpr: (fields, place) => grammar('coalesce', expressionsOf(fields.args, place)),
  CollateClause: (fields, place) => ({
    kind: 'collate',
    operand: expressionOf(fields.arg, place),
    collation: qualifiedName(fields.collname),
  }),
  ColumnRef: (fields) => {
    // A whole row is a column by the name of `*`, which no table has.
    const names = listOf(fields.fields).map((item) => textOf(fieldsIf(item, 'String')?.sval) ?? '*');
    return { kind: 'column', table: names.slice(0, -1), name: names.at(-1) ?? '*' };
  },
  FuncCall: functionCall,
  JsonArrayAgg: (fields, place) => jsonAggregate('json_arrayagg', fields, place),
  JsonFuncExpr: (fields, place) => {
    const operand = opaqueAt(place)('JSON function', fields);
    const returning = isTree(fields.output) ? fields.output.typeName : undefined;
    return returning === undefined ? operand : castOf(operand, treeOf(returning));
  },
  JsonObjectAgg: (fields, place) => jsonAggregate('json_objectagg', fields, place),
  MinMaxExpr: (fields, place) =>
    grammar(fields.op === 'IS_LEAST' ? 'least' : 'greatest', expressionsOf(fields.args, place)),
  NullTest: (fields, place) => {
    if (nodeOf(fields.arg).kind === 'RowExpr') return opaqueAt(place)('row value', fields);
    const operand = expressionOf(fields.arg, place);
    return negated(fields.nulltesttype === 'IS_NOT_NULL', { kind: 'is-null', operand });
  },
  ParamRef: (fields, place) => {
    if (typeof fields.number !== 'number') return opaqueAt(place)('parameter', fields);
    return { kind: 'parameter', index: fields.number - 1 };
  },
  SQLValueFunction: ({ op }) => grammar(`${op}`.replaceAll(/^SVFOP_|_N$/g, '').toLowerCase(), []),
  SubLink: subLink,
  TypeCast: (fields, place) => castOf(expressionOf(fields.arg, place), treeOf(fields.typeName)),
};

const REASONS: Readonly<Record<string, string>> = {
  A_ArrayExpr: 'array',
  GroupingFunc: 'grouping',
  GroupingSet: 'grouping sets',
  RowExpr: 'row value',
};

export function expressionOf(node: unknown, place: PostgresPlace): Expression {
  const { kind, fields } = nodeOf(node);
  const handle = Object.hasOwn(POSTGRES_EXPRESSIONS, kind) ? POSTGRES_EXPRESSIONS[kind] : undefined;
  return handle === undefined ? opaqueAt(place)(REASONS[kind] ?? kind, fields) : handle(fields, place);
}

export function expressionsOf(nodes: unknown, place: PostgresPlace): Expression[] {
  return listOf(nodes).map((node) => expressionOf(node, place));
}

/** A form of the grammar: no name that the search path gives a meaning. */
function grammar(name: string, args: readonly Expression[]): Expression {
  return { kind: 'call', schema: SYSTEM, name, args, isAggregate: false };
}

/** All expressions, selects and types below a node that has no form of its own. */
function opaqueAt(
  place: PostgresPlace,
): (reason: string, value: unknown, callees?: readonly Callee[]) => Extract<Expression, { kind: 'opaque' }> {
  return (reason, value, callees = []) => {
    const parts: Expression[] = [];
    const selects: Select[] = [];
    const types: Callee[] = [];
    const gather = (inner: unknown): void => {
      if (Array.isArray(inner)) for (const item of inner) gather(item);
      if (!isTree(inner)) return;
      for (const [key, child] of Object.entries(inner)) {
        if (key === 'SelectStmt') selects.push(place.select(treeOf(child)));
        else if (Object.hasOwn(POSTGRES_EXPRESSIONS, key)) parts.push(expressionOf({ [key]: child }, place));
        else if (/^typename$/i.test(key)) types.push(calleeOf('type', treeOf(child).names));
        else gather(child);
      }
    };
    gather(value);
    return { kind: 'opaque', reason, callees: [...callees, ...types], parts, selects };
  };
}

/** Whole numbers are numbers, others the text of a decimal. */
function constant(fields: Tree, place: PostgresPlace): Expression {
  const { ival, fval, boolval, sval } = fields;
  if (fields.isnull === true) return { kind: 'literal', value: null };
  if (ival !== undefined) return { kind: 'literal', value: Number(treeOf(ival).ival ?? 0) };
  if (boolval !== undefined) return { kind: 'literal', value: treeOf(boolval).boolval === true };
  if (sval !== undefined) return { kind: 'literal', value: textOf(treeOf(sval).sval) ?? '' };
  if (fval !== undefined) return { kind: 'literal', value: decimal(textOf(treeOf(fval).fval) ?? '0') };
  return opaqueAt(place)('bit string', fields);
}

function decimal(written: string): Scalar {
  const text = written.replaceAll('_', '');
  if (!/^-?(?:\d+|0[xob][\da-f]+)$/i.test(text)) return text;
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  return BigInt.asIntN(64, value) === value ? shortest(value) : String(value);
}

function booleanTest(fields: Tree, place: PostgresPlace): Expression {
  const test = String(fields.booltesttype);
  const operand = expressionOf(fields.arg, place);
  const isNegated = test.startsWith('IS_NOT_');
  if (test.endsWith('UNKNOWN')) return negated(isNegated, { kind: 'is-null', operand });
  const right: Expression = { kind: 'literal', value: test.endsWith('TRUE') };
  return negated(isNegated, { kind: 'binary', operator: 'is not distinct from', left: operand, right });
}

function functionCall(fields: Tree, place: PostgresPlace): Expression {
  const callee = calleeOf('function', fields.funcname);
  if (fields.over !== undefined) return opaqueAt(place)('window function', [fields, place.windows], [callee]);
  const marks = ['agg_star', 'agg_distinct', 'agg_order', 'agg_filter', 'agg_within_group'];
  const isMarked = marks.some((field) => fields[field] !== undefined) || isAggregate(callee.name, 'postgres');
  return { ...callee, kind: 'call', args: argumentsOf(fields, place), isAggregate: isMarked };
}

/** Aggregates that the grammar has words for. */
function jsonAggregate(name: string, fields: Tree, place: PostgresPlace): Expression {
  const callee: Callee = { kind: 'function', schema: SYSTEM, name };
  if (treeOf(fields.constructor).over !== undefined)
    return opaqueAt(place)('window function', [fields, place.windows], [callee]);
  return { ...callee, kind: 'call', args: argumentsOf(fields, place), isAggregate: true };
}

/** An aggregate also looks at the expressions it filters and orders by. */
function argumentsOf(fields: Tree, place: PostgresPlace): Expression[] {
  const { parts, selects, ...others } = opaqueAt(place)('type', fields);
  const scalars = selects.map((select): Expression => ({ kind: 'scalar', select }));
  return [...parts, ...scalars, ...(others.callees.length === 0 ? [] : [{ ...others, parts: [], selects: [] }])];
}

function subLink(fields: Tree, place: PostgresPlace): Expression {
  const name = qualifiedName(fields.operName);
  const type = fields.subLinkType;
  const inner = fieldsIf(fields.subselect, 'SelectStmt');
  if (inner !== undefined) {
    if (type === 'EXISTS_SUBLINK') return { kind: 'exists', select: place.select(inner) };
    if (type === 'EXPR_SUBLINK') return { kind: 'scalar', select: place.select(inner) };
    if (type === 'ANY_SUBLINK' && (name === '' || name === '='))
      return { kind: 'in-select', operand: expressionOf(fields.testexpr, place), select: place.select(inner) };
  }
  const reason = type === 'ARRAY_SUBLINK' ? 'array' : 'any or all';
  return opaqueAt(place)(reason, fields, name === '' ? [] : [calleeOf('operator', fields.operName)]);
}

function castOf(operand: Expression, type: Tree): Expression {
  return { kind: 'cast', operand, type: typeName(type), target: calleeOf('type', type.names) };
}

/** The type as written, without pg_catalog: `int4`, `varchar(20)`, `text[]`. */
function typeName(fields: Tree): string {
  const sizes = treesIn(fields.typmods, 'A_Const').map(({ ival }) => String(treeOf(ival).ival ?? '?'));
  const size = sizes.length === 0 ? '' : `(${sizes.join(',')})`;
  return `${qualifiedName(fields.names)}${size}${'[]'.repeat(listOf(fields.arrayBounds).length)}`;
}

const OPERATORS_WITHOUT_FORM: Readonly<Record<string, string>> = {
  AEXPR_SIMILAR: 'similar to',
  AEXPR_BETWEEN_SYM: 'between symmetric',
  AEXPR_NOT_BETWEEN_SYM: 'between symmetric',
  AEXPR_OP_ALL: 'any or all',
  AEXPR_OP_ANY: 'any or all',
};

function operatorOf(fields: Tree, place: PostgresPlace): Expression {
  const { kind, name, lexpr, rexpr } = fields;
  const written = qualifiedName(name);
  const elements = listOf(fieldsIf(rexpr, 'List')?.items);
  const read = (node: unknown) => expressionOf(node, place);
  const binary = (by: string): Expression => ({ kind: 'binary', operator: by, left: read(lexpr), right: read(rexpr) });
  // BETWEEN has the words of the grammar for a name.
  const callees = String(kind).includes('BETWEEN') ? [operator('>='), operator('<=')] : [calleeOf('operator', name)];
  const opaque = (reason: string) => opaqueAt(place)(reason, [lexpr, rexpr], callees);
  if ([lexpr, rexpr, ...elements].some((side) => nodeOf(side).kind === 'RowExpr')) return opaque('row value');
  switch (kind) {
    case 'AEXPR_OP':
      if (lexpr === undefined) return opaque(`unary ${written}`);
      return callees.every(isSystem) ? binary(written) : opaque('operator');
    case 'AEXPR_DISTINCT':
      return binary('is distinct from');
    case 'AEXPR_NOT_DISTINCT':
      return binary('is not distinct from');
    case 'AEXPR_NULLIF':
      return grammar('nullif', [read(lexpr), read(rexpr)]);
    case 'AEXPR_IN':
      return negated(written === '<>', { kind: 'in-list', operand: read(lexpr), list: elements.map(read) });
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return like(fields, place);
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN': {
      const [low, high] = elements.map(read) as [Expression, Expression];
      return negated(kind === 'AEXPR_NOT_BETWEEN', { kind: 'between', operand: read(lexpr), low, high });
    }
    default:
      return inArray(fields, place) ?? opaque(OPERATORS_WITHOUT_FORM[String(kind)] ?? 'operator');
  }
}

/** `= ANY` and `<> ALL`. An array written out is a list; one that is a parameter is known when the statement is run. */
function inArray({ kind, name, lexpr, rexpr }: Tree, place: PostgresPlace): Expression | undefined {
  const isIn = kind === 'AEXPR_OP_ANY' && qualifiedName(name) === '=';
  if (!isIn && !(kind === 'AEXPR_OP_ALL' && qualifiedName(name) === '<>')) return undefined;
  const operand = expressionOf(lexpr, place);
  const array = fieldsIf(rexpr, 'A_ArrayExpr');
  if (array === undefined) return negated(!isIn, { kind: 'in-array', operand, array: expressionOf(rexpr, place) });
  const elements = listOf(array.elements);
  const isPlain = elements.length > 0 && elements.every((item) => !/^(?:A_ArrayExpr|RowExpr)$/.test(nodeOf(item).kind));
  return isPlain ? negated(!isIn, { kind: 'in-list', operand, list: expressionsOf(elements, place) }) : undefined;
}

function like({ name, lexpr, rexpr }: Tree, place: PostgresPlace): Expression {
  const operator = qualifiedName(name);
  const escaped = fieldsIf(rexpr, 'FuncCall');
  const isEscaped = escaped !== undefined && qualifiedName(escaped.funcname) === 'like_escape';
  const [pattern, escaping] = isEscaped ? listOf(escaped.args) : [rexpr];
  return negated(operator.startsWith('!'), {
    kind: 'like',
    operand: expressionOf(lexpr, place),
    pattern: expressionOf(pattern, place),
    escape: escaping === undefined ? undefined : expressionOf(escaping, place),
    foldsCase: operator.endsWith('*'),
  });
}
