// Operators of PostgreSQL's parse tree as expressions of ast.ts.
//
// A row on either side changes what NULL and order mean; such comparisons are opaque.

import { type Callee, type Expression, operator as named, negated } from '../ast.ts';
import { SYSTEM } from '../catalogue.ts';
import { calleeOf, fieldsIf, listOf, nodeOf, qualifiedName, type Tree } from './nodes.ts';

interface Reading {
  readonly read: (node: unknown) => Expression;
  readonly opaque: (reason: string, value: unknown, callees?: readonly Callee[]) => Expression;
}

const OPAQUE: Readonly<Record<string, string>> = {
  AEXPR_SIMILAR: 'similar to',
  AEXPR_BETWEEN_SYM: 'between symmetric',
  AEXPR_NOT_BETWEEN_SYM: 'between symmetric',
  AEXPR_OP_ALL: 'any or all',
  AEXPR_OP_ANY: 'any or all',
};

/** Reads an A_Expr. */
export function operatorOf(fields: Tree, reading: Reading): Expression {
  const { kind, lexpr, rexpr } = fields;
  const operator = qualifiedName(fields.name);
  const elements = listOf(fieldsIf(rexpr, 'List')?.items);
  if ([lexpr, rexpr, ...elements].some((side) => nodeOf(side).kind === 'RowExpr')) {
    return reading.opaque('row value', [lexpr, rexpr], calleesOf(fields));
  }
  switch (kind) {
    case 'AEXPR_OP':
      if (lexpr === undefined) return reading.opaque(`unary ${operator}`, rexpr, calleesOf(fields));
      if (isElsewhere(fields)) return reading.opaque('operator', [lexpr, rexpr], calleesOf(fields));
      return binary(operator, fields, reading);
    case 'AEXPR_DISTINCT':
      return binary('is distinct from', fields, reading);
    case 'AEXPR_NOT_DISTINCT':
      return binary('is not distinct from', fields, reading);
    case 'AEXPR_NULLIF':
      return {
        kind: 'call',
        schema: SYSTEM,
        name: 'nullif',
        args: [reading.read(lexpr), reading.read(rexpr)],
        isAggregate: false,
      };
    case 'AEXPR_IN':
      return inList(operator === '<>', [lexpr, elements], reading);
    case 'AEXPR_LIKE':
    case 'AEXPR_ILIKE':
      return like(operator, fields, reading);
    case 'AEXPR_BETWEEN':
    case 'AEXPR_NOT_BETWEEN': {
      const [low, high] = elements.map(reading.read) as [Expression, Expression];
      return negated(kind === 'AEXPR_NOT_BETWEEN', { kind: 'between', operand: reading.read(lexpr), low, high });
    }
    default:
      return anyOrAll(operator, fields, reading);
  }
}

/** Whether the operator names a schema that is not the system's. */
function isElsewhere(fields: Tree): boolean {
  const { schema } = calleeOf('operator', fields.name);
  return schema !== undefined && schema !== SYSTEM;
}

/** BETWEEN has the words of the grammar for a name. */
function calleesOf({ kind, name }: Tree): Callee[] {
  if (String(kind).includes('BETWEEN')) return [named('>='), named('<=')];
  return [calleeOf('operator', name)];
}

function binary(operator: string, { lexpr, rexpr }: Tree, { read }: Reading): Expression {
  return { kind: 'binary', operator, left: read(lexpr), right: read(rexpr) };
}

function inList(isNegated: boolean, [lexpr, elements]: [unknown, readonly unknown[]], { read }: Reading): Expression {
  return negated(isNegated, { kind: 'in-list', operand: read(lexpr), list: elements.map(read) });
}

/** An array written out is a list; one that is a parameter is known when the statement is run. */
function anyOrAll(operator: string, fields: Tree, reading: Reading): Expression {
  const array = fieldsIf(fields.rexpr, 'A_ArrayExpr');
  const elements = listOf(array?.elements);
  const isPlain = elements.length > 0 && elements.every((item) => !/^(?:A_ArrayExpr|RowExpr)$/.test(nodeOf(item).kind));
  if (isPlain && fields.kind === 'AEXPR_OP_ANY' && operator === '=')
    return inList(false, [fields.lexpr, elements], reading);
  if (isPlain && fields.kind === 'AEXPR_OP_ALL' && operator === '<>')
    return inList(true, [fields.lexpr, elements], reading);
  const isAny = fields.kind === 'AEXPR_OP_ANY' && operator === '=';
  if (array === undefined && (isAny || (fields.kind === 'AEXPR_OP_ALL' && operator === '<>'))) {
    const operand = reading.read(fields.lexpr);
    return negated(!isAny, { kind: 'in-array', operand, array: reading.read(fields.rexpr) });
  }
  return reading.opaque(OPAQUE[String(fields.kind)] ?? 'operator', [fields.lexpr, fields.rexpr], calleesOf(fields));
}

function like(operator: string, { lexpr, rexpr }: Tree, { read }: Reading): Expression {
  const escaped = fieldsIf(rexpr, 'FuncCall');
  const isEscaped = escaped !== undefined && qualifiedName(escaped.funcname) === 'like_escape';
  const [pattern, escaping] = isEscaped ? listOf(escaped.args) : [rexpr];
  return negated(operator.startsWith('!'), {
    kind: 'like',
    operand: read(lexpr),
    pattern: read(pattern),
    escape: escaping === undefined ? undefined : read(escaping),
    foldsCase: operator.endsWith('*'),
  });
}
