// Converts expressions of SQLite's grammar (sqlite3-parser) to those of ast.ts. An expression without a form there is
// opaque, with all its parts.
//
// Some of SQLite's forms look like others and are not: `+x` takes a column's affinity away, `x IS TRUE` is no
// comparison with 1, and `"x"` is a text where there is no such column. And 1 and 1.0 are not the same to a column of texts
// ('1', '1.0'), which JavaScript cannot tell apart: a whole number that was written as a real is no literal here.

import { type AstNode, type Expr, type Select as SelectNode, VisitorKeys, type WindowDef } from 'sqlite3-parser';
import type { Scalar } from '../../dependency/change.ts';
import { shortest } from '../../dependency/condition/cells.ts';
import { type Callee, call, type Expression, isNull, negated, type Select, selectFrom } from '../ast.ts';
import { isAggregate } from '../calls/functions.ts';

/** The surroundings of an expression. */
export interface SqlitePlace {
  readonly text: string;
  /** Number of a parameter from 0, by the offset at which it is written. */
  readonly parameters: ReadonlyMap<number, number>;
  /** Definitions of the WINDOW clause. */
  readonly windows: readonly WindowDef[];
  readonly select: (node: SelectNode) => Select;
}

type ExprOf<Type extends Expr['type']> = Extract<Expr, { type: Type }>;
type Handlers = { readonly [Type in Expr['type']]: (node: ExprOf<Type>, place: SqlitePlace) => Expression };
type Opaque = Extract<Expression, { kind: 'opaque' }>;

const OPERATORS: Readonly<Record<ExprOf<'BinaryExpr'>['op'], string>> = {
  Add: '+',
  And: 'and',
  ArrowRight: '->',
  ArrowRightShift: '->>',
  BitwiseAnd: '&',
  BitwiseOr: '|',
  Concat: '||',
  Equals: '=',
  Divide: '/',
  Greater: '>',
  GreaterEquals: '>=',
  Is: 'is not distinct from',
  IsNot: 'is distinct from',
  LeftShift: '<<',
  Less: '<',
  LessEquals: '<=',
  Modulus: '%',
  Multiply: '*',
  NotEquals: '<>',
  Or: 'or',
  RightShift: '>>',
  Subtract: '-',
};

/** One handler for each kind of expression in the grammar; the compiler checks that none is missing. */
export const SQLITE_EXPRESSIONS: Handlers = {
  BetweenExpr: (node, place) =>
    negated(node.not, {
      kind: 'between',
      operand: expressionOf(node.lhs, place),
      low: expressionOf(node.start, place),
      high: expressionOf(node.end, place),
    }),
  BinaryExpr: binary,
  BlobLiteral: (node) => ({ kind: 'literal', value: node.bytes }),
  CaseExpr: (node, place) => opaque('case', node, place),
  CastExpr: ({ expr, typeName }, place) => {
    return { kind: 'cast', operand: expressionOf(expr, place), type: typeName?.name.toLowerCase() ?? '' };
  },
  CollateExpr: ({ expr, collation }, place) => {
    return { kind: 'collate', operand: expressionOf(expr, place), collation: collation.toLowerCase() };
  },
  CurrentDateLiteral: () => call('current_date', []),
  CurrentTimeLiteral: () => call('current_time', []),
  CurrentTimestampLiteral: () => call('current_timestamp', []),
  ExistsExpr: (node, place) => ({ kind: 'exists', select: place.select(node.select) }),
  FunctionCallExpr: functionCall,
  FunctionCallStarExpr: functionCall,
  Id: (node, place) => columnOrText(node.name, place.text.slice(node.span.offset)),
  InListExpr: ({ lhs, not, rhs = [] }, place) => {
    // Even NULL IN () is false.
    if (rhs.length === 0) return { kind: 'literal', value: not ? 1 : 0 };
    const list = rhs.map((item) => expressionOf(item, place));
    return negated(not, { kind: 'in-list', operand: expressionOf(lhs, place), list });
  },
  InSelectExpr: ({ lhs, not, rhs }, place) =>
    negated(not, { kind: 'in-select', operand: expressionOf(lhs, place), select: place.select(rhs) }),
  InTableExpr: (node, place) =>
    negated(node.not, { kind: 'in-select', operand: expressionOf(node.lhs, place), select: wholeTable(node, place) }),
  IsNullExpr: (node, place) => ({ kind: 'is-null', operand: expressionOf(node.expr, place) }),
  KeywordLiteral: (node, place) => opaque('keyword', node, place),
  LikeExpr: like,
  NameExpr: (node) => ({ kind: 'column', table: [], name: node.name.text }),
  NotNullExpr: (node, place) => negated(true, { kind: 'is-null', operand: expressionOf(node.expr, place) }),
  NullLiteral: () => ({ kind: 'literal', value: null }),
  NumericLiteral: (node, place) => number(node, false, place),
  ParenthesizedExpr: (node, place) => {
    const [first, ...others] = node.exprs;
    return first !== undefined && others.length === 0 ? expressionOf(first, place) : opaque('row value', node, place);
  },
  QualifiedExpr: (node) => ({
    kind: 'column',
    table: [node.schema, node.table].flatMap((name) => (name === undefined ? [] : [name.text])),
    name: node.column.text,
  }),
  RaiseExpr: (node, place) => opaque('raise', node, place),
  StringLiteral: (node) => ({ kind: 'literal', value: node.value }),
  SubqueryExpr: (node, place) => ({ kind: 'scalar', select: place.select(node.select) }),
  UnaryExpr: unary,
  VariableExpr: (node, place) => ({ kind: 'parameter', index: place.parameters.get(node.span.offset) as number }),
};

export function expressionOf(node: Expr, place: SqlitePlace): Expression {
  return (SQLITE_EXPRESSIONS[node.type] as (node: Expr, place: SqlitePlace) => Expression)(node, place);
}

/** All expressions and selects directly below a node that has no form of its own. */
function opaque(reason: string, node: AstNode, place: SqlitePlace): Opaque {
  const parts: Expression[] = [];
  const selects: Select[] = [];
  const gather = (inner: AstNode): void => {
    for (const child of childrenOf(inner)) {
      // The name of a function is an `Id`, as a column is.
      const isName = /^FunctionCall(?:Star)?Expr$/.test(inner.type) && (inner as CallNode).name === child;
      if (child.type === 'Select') selects.push(place.select(child));
      else if (child.type in SQLITE_EXPRESSIONS && !isName) parts.push(expressionOf(child as Expr, place));
      else gather(child);
    }
  };
  gather(node);
  return { kind: 'opaque', reason, callees: [], parts, selects };
}

export function childrenOf(node: AstNode): readonly AstNode[] {
  const keys: readonly string[] = (VisitorKeys as Readonly<Record<string, readonly string[]>>)[node.type] ?? [];
  const fields = node as unknown as Readonly<Record<string, AstNode | readonly AstNode[] | undefined>>;
  return keys.flatMap((key) => fields[key] ?? []);
}

function binary(node: ExprOf<'BinaryExpr'>, place: SqlitePlace): Expression {
  const operator = OPERATORS[node.op];
  if (operator === 'and' || operator === 'or') return { kind: operator, parts: flat(node, place) };
  if (node.left.type === 'ParenthesizedExpr' && node.right.type === 'ParenthesizedExpr') {
    const [left, right] = [node.left, node.right].map(({ exprs }) => exprs.map((item) => expressionOf(item, place)));
    const rows = left !== undefined && right !== undefined && left.length > 1 && left.length === right.length;
    if (rows && /^(?:=|<>|[<>]=?)$/.test(operator)) return rowComparison(operator, left, right);
  }
  if (node.op === 'Is' || node.op === 'IsNot') {
    // `x IS TRUE` asks whether x is other than zero.
    const { right } = node;
    const id = right.type === 'ParenthesizedExpr' && right.exprs.length === 1 ? (right.exprs[0] as Expr) : right;
    if (id.type === 'Id' && truthOf(id.name, place.text.slice(id.span.offset)) !== undefined)
      return opaque('truth test', node, place);
    const sides = [node.left, node.right].map((side) => expressionOf(side, place));
    const operand = sides.find((_, at) => isNull(sides[1 - at]));
    if (operand !== undefined) return negated(node.op === 'IsNot', { kind: 'is-null', operand });
  }
  return { kind: 'binary', operator, left: expressionOf(node.left, place), right: expressionOf(node.right, place) };
}

/** A chain of thousands of ANDs or ORs leans to the left: a loop, not a recursion. */
function flat(node: ExprOf<'BinaryExpr'>, place: SqlitePlace): Expression[] {
  const parts: Expression[] = [];
  let left: Expr = node;
  for (; left.type === 'BinaryExpr' && left.op === node.op; left = left.left)
    parts.push(expressionOf(left.right, place));
  return [expressionOf(left, place), ...parts.reverse()];
}

/** https://www.sqlite.org/rowvalue.html §2.1, as comparisons of one value each; NULLs come out the same. */
function rowComparison(operator: string, left: readonly Expression[], right: readonly Expression[]): Expression {
  const compare = (operator: string, at: number): Expression => ({
    kind: 'binary',
    operator,
    left: left[at] as Expression,
    right: right[at] as Expression,
  });
  const equal: Expression = { kind: 'and', parts: left.map((_, at) => compare('=', at)) };
  if (operator === '=' || operator === '<>') return negated(operator === '<>', equal);
  const from = (at: number): Expression => {
    if (at === left.length - 1) return compare(operator, at);
    const rest: Expression = { kind: 'and', parts: [compare('=', at), from(at + 1)] };
    return { kind: 'or', parts: [compare(operator.slice(0, 1), at), rest] };
  };
  return from(0);
}

function like(node: ExprOf<'LikeExpr'>, place: SqlitePlace): Expression {
  const name = node.op.toLowerCase();
  if (name !== 'like') return negated(node.not, { ...opaque(name, node, place), callees: [functionNamed(name)] });
  return negated(node.not, {
    kind: 'like',
    operand: expressionOf(node.lhs, place),
    pattern: expressionOf(node.rhs, place),
    escape: node.escape === undefined ? undefined : expressionOf(node.escape, place),
    foldsCase: true,
  });
}

function functionNamed(name: string): Callee {
  return { kind: 'function', schema: undefined, name };
}

type CallNode = ExprOf<'FunctionCallExpr' | 'FunctionCallStarExpr'>;

function functionCall(node: CallNode, place: SqlitePlace): Expression {
  const name = node.name.name.toLowerCase();
  const { parts, selects } = opaque('', node, place);
  const over = node.filterOver?.overClause;
  if (over !== undefined) {
    const windows = place.windows.map((window) => opaque('window', window, place));
    const callees = [functionNamed(name)];
    return { kind: 'opaque', reason: 'window function', callees, parts: [...parts, ...windows], selects };
  }
  const { args, distinctness, orderBy } = node.type === 'FunctionCallExpr' ? node : {};
  const count = args?.length ?? 0;
  // Only an aggregate may say DISTINCT or ORDER BY.
  const marked = node.filterOver !== undefined || distinctness === 'Distinct' || orderBy !== undefined;
  const isOne = isAggregate(name, 'sqlite') && (!/^(?:min|max)$/.test(name) || count === 1);
  // An aggregate also looks at the expressions it filters and orders by.
  const scalars = selects.map((select): Expression => ({ kind: 'scalar', select }));
  return call(name, [...parts, ...scalars], marked || isOne);
}

function unary(node: ExprOf<'UnaryExpr'>, place: SqlitePlace): Expression {
  if (node.op === 'Not') return negated(true, expressionOf(node.expr, place));
  if (node.op === 'Negative' && node.expr.type === 'NumericLiteral') return number(node.expr, true, place);
  return opaque(`unary ${{ BitwiseNot: '~', Negative: '-', Positive: '+' }[node.op]}`, node, place);
}

function number(node: ExprOf<'NumericLiteral'>, isNegative: boolean, place: SqlitePlace): Expression {
  const value = numberOf(node.value, isNegative);
  return value === undefined ? opaque('number', node, place) : { kind: 'literal', value };
}

function columnOrText(name: string, written: string): Expression {
  const column = { kind: 'column', table: [], name } as const;
  if (written.startsWith('"')) return { ...column, otherwise: name };
  const truth = truthOf(name, written);
  return truth === undefined ? column : { ...column, otherwise: truth };
}

/** Of TRUE and FALSE, not in quotes. */
function truthOf(name: string, written: string): 1 | 0 | undefined {
  if (!/^(?:true|false)$/i.test(name) || !/^\w/.test(written)) return undefined;
  return name.toLowerCase() === 'true' ? 1 : 0;
}

/** `x IN t`: x is in the one column of t, or of the rows of a function. */
function wholeTable(node: ExprOf<'InTableExpr'>, place: SqlitePlace): Select {
  const name = node.rhs.objName.text;
  const schema = node.rhs.dbName?.text;
  const args = node.args?.map((item) => expressionOf(item, place));
  const table = { kind: 'table', schema, name, alias: undefined } as const;
  const source = args === undefined ? table : ({ kind: 'function', name, args, alias: undefined } as const);
  return selectFrom([source]);
}

/**
 * Returns undefined when the value it compares as is uncertain. `text` has no digit separators; `isNegative` is its
 * sign.
 */
function numberOf(text: string, isNegative: boolean): Scalar | undefined {
  if (/^0x/i.test(text)) {
    const bits = BigInt(text);
    const value = BigInt.asIntN(64, bits);
    return bits < 2n ** 64n ? shortest(isNegative ? -value : value) : undefined;
  }
  if (/^\d+$/.test(text)) {
    const value = isNegative ? -BigInt(text) : BigInt(text);
    return BigInt.asIntN(64, value) === value ? shortest(value) : undefined;
  }
  const real = Number(text);
  // Beyond these sizes the text of a real is written in other ways than JavaScript's.
  if (Number.isInteger(real) || !(real > 1e-4 && real < 1e14) || text.length > 15) return undefined;
  return isNegative ? -real : real;
}
