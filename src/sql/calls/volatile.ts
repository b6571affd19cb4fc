// Whether a select's answer depends on more than the rows of its tables: the clock, chance, the session.
//
// It need not look like a function. PostgreSQL reads the text 'now' as a time, and a name cast to
// regclass as a question to the catalogue.

import { Stop } from '../analysis.ts';
import type { Callee, Expression, Select } from '../ast.ts';
import { calleesOf, calleesOfSource } from './callees.ts';
import { impureIn, impurityOf, ownImpurity, type Purity } from './purity.ts';
import { walkSelect } from './walk.ts';

/** Throws where it does. */
export function checkPurity(select: Select, purity: Purity): void {
  walkSelect(select, {
    expression: (expression) => checkExpression(expression, purity),
    source: (source) =>
      checkCallees(calleesOfSource(source, purity.dialect), source.kind === 'function' ? source.args : [], purity),
  });
  checkRuns(purity.routines?.implicit ?? [], purity);
}

/** Checks the functions that the server may run for a name in a statement. */
export function checkRuns(runs: readonly string[], purity: Purity): void {
  const impure = impureIn(runs, purity);
  if (impure !== undefined) throw new Stop('uncacheable', `function ${impure}, by which a type is cast`);
}

/** Columns that PostgreSQL keeps beside each row; they change even when no column of the table does. */
const SYSTEM_COLUMNS = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid']);

/** Throws where a name that is not found among the columns may mean more than one. */
export function checkName({ table, name }: Pick<Column, 'table' | 'name'>, purity: Purity): void {
  if (purity.dialect === 'sqlite') return;
  if (SYSTEM_COLUMNS.has(name)) throw new Stop('uncacheable', `column ${[...table, name].join('.')}`);
  // PostgreSQL takes `t.f` for `f(t)` where t has no such column.
  const impurity = table.length > 0 ? ownImpurity({ kind: 'field', schema: undefined, name }, purity) : undefined;
  if (impurity !== undefined) throw new Stop('uncacheable', impurity);
}

type Column = Extract<Expression, { kind: 'column' }>;

/** Checks all names of a select that is reduced to its tables, because nothing else resolves them. */
export function checkNames(select: Select, purity: Purity): void {
  walkSelect(select, {
    expression: (expression) => {
      if (expression.kind !== 'column') return;
      checkName(expression, purity);
      const isRowId = purity.dialect === 'sqlite' && isRowIdentifier(expression.name);
      if (isRowId) throw new Stop('uncacheable', `${expression.name}, which VACUUM may renumber`);
    },
  });
}

/** Whether SQLite takes this name for the rowid. */
export function isRowIdentifier(name: string): boolean {
  return /^(?:rowid|oid|_rowid_)$/i.test(name);
}

function checkExpression(expression: Expression, purity: Purity): void {
  const args = expression.kind === 'call' ? expression.args : expression.kind === 'opaque' ? expression.parts : [];
  checkCallees(calleesOf(expression, purity.dialect), args, purity);
  if (expression.kind === 'cast' && purity.dialect === 'postgres') checkCast(expression);
}

function checkCallees(callees: readonly Callee[], args: readonly Expression[], purity: Purity): void {
  for (const callee of callees) {
    const impurity = impurityOf(callee, args, purity);
    if (impurity !== undefined) throw new Stop('uncacheable', impurity);
  }
}

function checkCast({ type }: Extract<Expression, { kind: 'cast' }>): void {
  if (/^reg/.test(type)) throw new Stop('uncacheable', `cast to ${type}`);
}
