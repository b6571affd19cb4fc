// Resolves the names in expressions.
//
// A comparison only counts as what it looks like where the database compares as with a bare parameter. A cast or a
// COLLATE makes it another one, unless it asks for what the column has anyway.

import type { PostgresColumnType, Scalar } from '../../dependency/change.ts';
import type { ComparisonOperator } from '../../dependency/condition/predicate.ts';
import { type Analysis, type Place, Stop } from '../analysis.ts';
import type { Expression, Select } from '../ast.ts';
import { isOverRows } from '../calls/purity.ts';
import { columnType } from '../narrow/closure.ts';
import {
  castType,
  givenComparison,
  givenFlag,
  givenNullTest,
  inJsonParameter,
  inParameter,
} from '../narrow/constant-lists.ts';
import { IN_SELECT } from '../narrow/narrowing.ts';
import { isTimeless as isTimelessType } from '../postgres/moving-texts.ts';
import { resolveName } from './names.ts';
import { constant, other, type Plan, plansOf, type Resolved } from './resolved.ts';

type Of<Kind extends Expression['kind']> = Extract<Expression, { kind: Kind }>;

export function resolveExpression(expression: Expression, place: Place, analysis: Analysis): Resolved {
  const inner = (part: Expression) => resolveExpression(part, place, analysis);
  switch (expression.kind) {
    case 'column':
      return columnNamed(expression, place, analysis);
    case 'literal': {
      const { value } = expression;
      const isFlag = analysis.dialect.hasNumericTruth && typeof value === 'boolean';
      return constant(isFlag ? Number(value) : value);
    }
    case 'parameter':
      return { kind: 'value', operand: { kind: 'parameter', index: expression.index } };
    case 'and':
    case 'or':
      return { kind: expression.kind, parts: expression.parts.map(inner) };
    case 'not':
      return { kind: 'not', part: inner(expression.operand) };
    case 'is-null': {
      const operand = inner(expression.operand);
      return givenNullTest(expression.operand, operand, analysis.dialect) ?? { kind: 'is-null', operand };
    }
    case 'binary':
      return binaryOf(expression, inner, analysis);
    case 'in-array': {
      const operand = inner(expression.operand);
      judged(operand, expression.array, analysis);
      return inParameter(operand, expression.array) ?? other('any or all', [operand, inner(expression.array)]);
    }
    case 'in-list': {
      const operand = inner(expression.operand);
      const list = expression.list.map((part) => comparedWith(operand, [part, inner(part)], analysis));
      return { kind: 'in', operand, list };
    }
    case 'between':
      return rangeOf(expression, inner, analysis);
    case 'like':
      return patternOf(expression, inner, analysis);
    case 'call':
      return callOf(expression, place, analysis);
    case 'collate':
      return collated(inner(expression.operand), expression.collation);
    case 'cast': {
      const given = analysis.dialect.readsTextsByType ? givenFlag(expression) : undefined;
      return given ?? other(`cast to ${expression.type}`, [inner(expression.operand)]);
    }
    default:
      return withSelects(expression, inner, (select) => analysis.select(select, place).plan);
  }
}

type Inner = (part: Expression) => Resolved;

function columnNamed(name: Of<'column'>, place: Place, analysis: Analysis): Resolved {
  const resolved = resolveName(name, place.scope, analysis);
  const type = columnType(resolved);
  analysis.moving.judge(name, type?.family === 'postgres' && !TEXTS.has(type.type));
  return resolved;
}

function withSelects(
  expression: Of<'in-select' | 'exists' | 'scalar' | 'opaque'>,
  inner: Inner,
  planOf: (select: Select) => Plan,
): Resolved {
  switch (expression.kind) {
    case 'in-select': {
      const operand = inner(expression.operand);
      return inJsonParameter(operand, expression.select) ?? other(IN_SELECT, [operand], [planOf(expression.select)]);
    }
    case 'exists': {
      const plan = planOf(expression.select);
      if (plan.kind !== 'plain' || !plan.isRowByRow) return other('EXISTS', [], [plan]);
      // The selected columns do not decide whether there are rows.
      const outputs = plan.outputs.filter((output) => plansOf(output.expression).length > 0);
      return other('EXISTS', [], [{ ...plan, outputs }]);
    }
    case 'scalar':
      return other('subselect', [], [planOf(expression.select)]);
    case 'opaque':
      return other(expression.reason, expression.parts.map(inner), expression.selects.map(planOf));
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>=']);
const IDENTITIES: ReadonlySet<string> = new Set(['is not distinct from', 'is distinct from']);

function binaryOf(expression: Of<'binary'>, inner: Inner, analysis: Analysis): Resolved {
  const { operator, left, right } = expression;
  const bare = [inner(left), inner(right)] as const;
  const given = givenComparison(expression, bare, analysis.dialect);
  if (given !== undefined) return given;
  // A key, or a place.
  if (/^->>?$/.test(operator)) analysis.moving.judge(right, true);
  if (!COMPARISONS.has(operator) && !IDENTITIES.has(operator)) return other(operator, [...bare]);
  const sides = {
    left: comparedWith(bare[1], [left, bare[0]], analysis),
    right: comparedWith(bare[0], [right, bare[1]], analysis),
  };
  if (operator === 'is not distinct from') return { kind: 'is', ...sides };
  if (operator === 'is distinct from') return { kind: 'not', part: { kind: 'is', ...sides } };
  return { kind: 'compare', operator: operator as ComparisonOperator, ...sides };
}

/** The expression opposite to `column`, without a cast of a value that says no more than the column's type. */
function comparedWith(
  column: Resolved,
  [expression, resolved]: readonly [Expression, Resolved],
  analysis: Analysis,
): Resolved {
  judged(column, expression, analysis);
  const type = columnType(column);
  if (type?.family !== 'postgres' || expression.kind !== 'cast') return resolved;
  return uncast(type, expression) ?? resolved;
}

/** PostgreSQL reads the expression opposite to `column` by the column's type. */
function judged(column: Resolved, expression: Expression, { moving }: Analysis): void {
  const type = columnType(column);
  const isTimeless = type?.family === 'postgres' && !MOMENTS.has(type.type);
  if (expression.kind !== 'cast') moving.judge(expression, isTimeless);
  else if (isTimelessType(expression.type)) moving.judge(expression.operand, isTimeless);
}

/** An opaque type may be either. */
const MOMENTS: ReadonlySet<string> = new Set(['date', 'timestamp', 'timestamptz', 'opaque']);
const TEXTS: ReadonlySet<string> = new Set(['text', 'char', 'opaque']);

function uncast({ type }: PostgresColumnType, { operand, type: name }: Of<'cast'>): Resolved | undefined {
  if (castType(name) !== type) return undefined;
  if (operand.kind === 'parameter') return { kind: 'value', operand: { kind: 'parameter', index: operand.index } };
  return operand.kind === 'literal' && isIdle(type, operand.value) ? constant(operand.value) : undefined;
}

/** Whether a literal says the same without its cast. 1.5::int rounds, 1e3::text is another text; decimals are texts here. */
function isIdle(type: PostgresColumnType['type'], value: Scalar): boolean {
  if (type === 'integer') return Number.isInteger(value) || (typeof value === 'string' && /^[-+]?\d+$/.test(value));
  const isNumeric = typeof value === 'string' && /^\s*[-+]?\.?\d[\d.]*(?:e[-+]?\d+)?\s*$/i.test(value);
  return typeof value === 'string' && !isNumeric && type !== 'decimal';
}

function rangeOf({ operand, low, high }: Of<'between'>, inner: Inner, analysis: Analysis): Resolved {
  const column = inner(operand);
  const from = comparedWith(column, [low, inner(low)], analysis);
  const to = comparedWith(column, [high, inner(high)], analysis);
  if (plansOf(column).length > 0) return other('BETWEEN', [column, from, to]);
  const parts: Resolved[] = [
    { kind: 'compare', operator: '>=', left: column, right: from },
    { kind: 'compare', operator: '<=', left: column, right: to },
  ];
  return { kind: 'and', parts };
}

function patternOf(like: Of<'like'>, inner: Inner, { moving }: Analysis): Resolved {
  const { operand, pattern, escape: mark, foldsCase } = like;
  // Times have no LIKE.
  for (const part of [operand, pattern]) moving.judge(part, true);
  const sides = { operand: inner(operand), pattern: inner(pattern) };
  const text = mark?.kind === 'literal' && typeof mark.value === 'string' ? mark.value : undefined;
  if (mark === undefined || text !== undefined) return { kind: 'like', ...sides, escape: text, foldsCase };
  return other('ESCAPE', [sides.operand, sides.pattern, inner(mark)]);
}

/** An aggregate over columns of an outer query alone is one of that query, and makes it another query. */
function callOf(expression: Of<'call'>, place: Place, analysis: Analysis): Resolved {
  const { name, args } = expression;
  const { scope } = place;
  const [hits, misses] = [scope?.hits ?? 0, scope?.misses ?? 0];
  const parts = args.map((part) => resolveExpression(part, place, analysis));
  const isOuter = scope !== undefined && scope.misses > misses && scope.hits === hits;
  if (isOuter && isOverRows(expression, analysis)) throw new Stop('tables', `aggregate ${name} of an outer query`);
  return other(name, parts);
}

/** https://www.sqlite.org/datatype3.html §7.1: a COLLATE comes before the collation of any column. */
export function collated(operand: Resolved, collation: string): Resolved {
  const type = columnType(operand);
  const isOwn = type?.family === 'sqlite' && type.collation === collation.toLowerCase();
  return isOwn ? operand : other('COLLATE', [operand]);
}
