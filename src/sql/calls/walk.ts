// A walk over everything in a statement's text, before any name in it is resolved.
//
// Nothing may be left out. Whatever is added to ast.ts is refused by the compiler here until it is walked.

import type { CommonTable, Expression, Select, SelectBody, Source } from '../ast.ts';

interface Visitor {
  readonly expression?: (expression: Expression) => void;
  readonly source?: (source: Source) => void;
  readonly common?: (table: CommonTable) => void;
}

export function walkSelect(select: Select, visitor: Visitor): void {
  for (const table of select.with) {
    visitor.common?.(table);
    if (table.statement.kind === 'query') walkSelect(table.statement.select, visitor);
  }
  walkBody(select.body, visitor);
  const counts = [select.limit, select.offset].filter((count) => count !== undefined);
  walkAll([...select.orderBy.map(({ expression }) => expression), ...counts], visitor);
}

function walkBody(body: SelectBody, visitor: Visitor): void {
  switch (body.kind) {
    case 'compound':
      walkSelect(body.left, visitor);
      walkSelect(body.right, visitor);
      return;
    case 'values':
      for (const row of body.rows) walkAll(row, visitor);
      return;
    case 'plain': {
      for (const source of body.from) walkSource(source, visitor);
      const columns = body.columns.flatMap((column) => (column.kind === 'expression' ? [column.expression] : []));
      const conditions = [body.where, body.having].filter((condition) => condition !== undefined);
      walkAll([...columns, ...conditions, ...body.groupBy, ...body.distinctOn], visitor);
    }
  }
}

function walkSource(source: Source, visitor: Visitor): void {
  visitor.source?.(source);
  switch (source.kind) {
    case 'table':
      return;
    case 'join':
      walkSource(source.left, visitor);
      walkSource(source.right, visitor);
      if (source.on !== undefined) walkExpression(source.on, visitor);
      return;
    case 'select':
      walkSelect(source.select, visitor);
      return;
    case 'function':
      walkAll(source.args, visitor);
  }
}

function walkAll(expressions: readonly Expression[], visitor: Visitor): void {
  for (const expression of expressions) walkExpression(expression, visitor);
}

function walkExpression(expression: Expression, visitor: Visitor): void {
  visitor.expression?.(expression);
  for (const select of selectsOf(expression)) walkSelect(select, visitor);
  walkAll(partsOfExpression(expression), visitor);
}

export function selectsOf(expression: Expression): readonly Select[] {
  if (expression.kind === 'opaque') return expression.selects;
  const { kind } = expression;
  return kind === 'in-select' || kind === 'exists' || kind === 'scalar' ? [expression.select] : [];
}

/** The expressions directly within one, those of its selects left out. */
function partsOfExpression(expression: Expression): readonly Expression[] {
  switch (expression.kind) {
    case 'column':
    case 'literal':
    case 'parameter':
    case 'exists':
    case 'scalar':
      return [];
    case 'binary':
      return [expression.left, expression.right];
    case 'and':
    case 'or':
    case 'opaque':
      return expression.parts;
    case 'not':
    case 'is-null':
    case 'in-select':
    case 'cast':
    case 'collate':
      return [expression.operand];
    case 'in-list':
      return [expression.operand, ...expression.list];
    case 'in-array':
      return [expression.operand, expression.array];
    case 'between':
      return [expression.operand, expression.low, expression.high];
    case 'like':
      return [expression.operand, expression.pattern, ...(expression.escape === undefined ? [] : [expression.escape])];
    case 'call':
      return expression.args;
  }
}

/** Whether it holds of an expression or of one within it, those of its selects left out. */
export function someWithin(expression: Expression, is: (expression: Expression) => boolean): boolean {
  return is(expression) || partsOfExpression(expression).some((part) => someWithin(part, is));
}

/** All tables, views and common tables that the select names anywhere. */
export function sourcesIn(select: Select): Extract<Source, { kind: 'table' }>[] {
  const found: Extract<Source, { kind: 'table' }>[] = [];
  walkSelect(select, { source: (source) => void (source.kind === 'table' && found.push(source)) });
  return found;
}

export function commonNamesIn(select: Select): string[] {
  const names: string[] = [];
  walkSelect(select, { common: ({ name }) => void names.push(name) });
  return names;
}
