// Whether a select's answer depends on more than the rows of its tables: the clock, chance, the session.
//
// The one complication: it need not look like a function. PostgreSQL reads the text 'now' as a time, and a name cast to
// regclass as a question to the catalogue.

import { Stop } from './analysis.ts';
import type { Callee, Expression, Select } from './ast.ts';
import { calleesOf, calleesOfSource } from './callees.ts';
import { impureIn, impurityOf, type Purity } from './purity.ts';
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

/** The same of functions that the server may run for what a statement names. */
export function checkRuns(runs: readonly string[], purity: Purity): void {
  const impure = impureIn(runs, purity);
  if (impure !== undefined) throw new Stop('uncacheable', `function ${impure}, by which a type is cast`);
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
