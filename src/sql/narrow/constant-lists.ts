// Facts about a statement that its parameters decide: lists that are one parameter, and conditions on parameters alone.
//
// A list is only one where the database takes its elements as it takes a parameter beside the column. SQLite's
// json_each is one in exactly one shape, the one that everybody writes.

import type { PostgresColumnType } from '../../dependency/change.ts';
import type { ConstantOperand, GivenTest } from '../../dependency/condition/predicate.ts';
import type { Expression, Select } from '../ast.ts';
import type { DialectRules } from '../dialect.ts';
import type { Resolved } from '../resolve/resolved.ts';
import { columnType } from './closure.ts';

type Of<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

const CASTS: Readonly<Record<string, PostgresColumnType['type']>> = {
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  smallint: 'integer',
  int: 'integer',
  integer: 'integer',
  bigint: 'integer',
  text: 'text',
  varchar: 'text',
  'character varying': 'text',
  uuid: 'uuid',
  bool: 'boolean',
  boolean: 'boolean',
  numeric: 'decimal',
  decimal: 'decimal',
  date: 'date',
  timestamp: 'timestamp',
  timestamptz: 'timestamptz',
  bytea: 'bytes',
};

/** The type that a cast gives a value; undefined when the type is unknown here or cuts the value. */
export function castType(name: string): PostgresColumnType['type'] | undefined {
  return CASTS[name.toLowerCase()];
}

/** `column = ANY ($1)`, also with a cast to the array of the column's own type. */
export function inParameter(operand: Resolved, array: Expression): Resolved | undefined {
  const type = columnType(operand);
  if (type === undefined) return undefined;
  const isOwnCast =
    array.kind === 'cast' && type.family === 'postgres' && castType(elementName(array.type)) === type.type;
  const parameter = isOwnCast ? array.operand : array;
  return parameter.kind === 'parameter' ? inList(operand, parameter.index, 'array') : undefined;
}

/** Element type of an array type; empty when it is no array, or an array of arrays. */
function elementName(name: string): string {
  return /^([^[\]]*)\[\]$/.exec(name)?.[1] ?? '';
}

/** `column IN (SELECT value FROM json_each(?))` */
export function inJsonParameter(operand: Resolved, select: Select): Resolved | undefined {
  const { body } = select;
  if (body.kind !== 'plain' || columnType(operand)?.family !== 'sqlite') return undefined;
  const isBare = select.with.length + select.orderBy.length === 0 && !select.limit && !select.offset;
  if (!isBare || body.where || body.groupBy.length > 0 || body.having) return undefined;
  const [source, ...sources] = body.from;
  const [column, ...columns] = body.columns;
  if (sources.length + columns.length > 0 || source?.kind !== 'function' || column?.kind !== 'expression')
    return undefined;
  const [parameter, ...paths] = source.args;
  const shown = column.expression;
  const isValue = shown.kind === 'column' && shown.name.toLowerCase() === 'value' && shown.table.length < 2;
  if (!isValue || source.name.toLowerCase() !== 'json_each' || paths.length > 0) return undefined;
  const from = shown.table[0] ?? source.name;
  const isOwn = from.toLowerCase() === (source.alias ?? source.name).toLowerCase() || shown.table.length === 0;
  return isOwn && parameter?.kind === 'parameter' ? inList(operand, parameter.index, 'json') : undefined;
}

function inList(operand: Resolved, index: number, form: 'array' | 'json'): Resolved {
  return { kind: 'in', operand, list: [{ kind: 'value', operand: { kind: 'list', index, form } }] };
}

/** Returns undefined unless it is a parameter or a literal. A cast of SQLite may change the value. */
function sideOf(
  expression: Expression,
  resolved: Resolved,
  dialect: DialectRules,
): { readonly operand: ConstantOperand; readonly type?: PostgresColumnType['type'] } | undefined {
  if (resolved.kind === 'value' && resolved.operand.kind !== 'list') return { operand: resolved.operand };
  const isCast = dialect.readsTextsByType && expression.kind === 'cast';
  if (!isCast || expression.operand.kind !== 'parameter') return undefined;
  const type = castType(expression.type);
  return type && { operand: { kind: 'parameter', index: expression.operand.index }, type };
}

/** `resolved`: its sides. */
export function givenComparison(
  { operator, left, right }: Of<'binary'>,
  resolved: readonly [Resolved, Resolved],
  dialect: DialectRules,
): Resolved | undefined {
  const isSame = operator === 'is not distinct from' || operator === 'is distinct from';
  if (!isSame && operator !== '=' && operator !== '<>') return undefined;
  const one = sideOf(left, resolved[0], dialect);
  const two = sideOf(right, resolved[1], dialect);
  if (one === undefined || two === undefined) return undefined;
  const isText = one.type === 'text' || two.type === 'text';
  const test = given({ kind: isSame ? 'same' : 'equal', left: one.operand, right: two.operand, isText });
  return operator === '<>' || operator === 'is distinct from' ? { kind: 'not', part: test } : test;
}

/** `? IS NULL`; an array is not NULL because its elements are. */
export function givenNullTest(expression: Expression, resolved: Resolved, dialect: DialectRules): Resolved | undefined {
  const bare: Expression =
    expression.kind === 'cast' ? { ...expression, type: elementName(expression.type) || expression.type } : expression;
  const side = sideOf(bare, resolved, dialect);
  return side && given({ kind: 'is-null', operand: side.operand });
}

/** A parameter that is cast to a truth value. */
export function givenFlag({ operand, type }: Of<'cast'>): Resolved | undefined {
  if (operand.kind !== 'parameter' || castType(type) !== 'boolean') return undefined;
  return given({ kind: 'flag', operand: { kind: 'parameter', index: operand.index } });
}

function given(test: GivenTest): Resolved {
  return { kind: 'given', test };
}
