// Whether a select's answer depends on more than the rows of its tables: the clock, chance, the session.
//
// The one complication: it need not look like a function. PostgreSQL reads the text 'now' as a time, and a name cast to
// regclass as a question to the catalogue.

import type { Dialect } from '../dependency/template.ts';
import { Stop } from './analysis.ts';
import type { Expression, Select } from './ast.ts';
import { MOVING } from './expressions.ts';
import { impurityOf } from './functions.ts';
import { walkSelect } from './walk.ts';

export interface Purity {
  readonly dialect: Dialect;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions: ReadonlySet<string>;
}

/** Throws where it does. */
export function checkPurity(select: Select, purity: Purity): void {
  walkSelect(select, {
    expression: (expression) => checkExpression(expression, purity),
    source: (source) => {
      if (source.kind === 'function') checkCall(source.name, source.args, purity);
    },
  });
}

function checkExpression(expression: Expression, purity: Purity): void {
  if (expression.kind === 'call') checkCall(expression.name, expression.args, purity);
  if (expression.kind === 'opaque') {
    // What is not spelt like a function is an operator.
    for (const name of expression.names) if (/^[\w.]+$/.test(name)) checkCall(name, expression.parts, purity);
  }
  if (expression.kind === 'cast' && purity.dialect === 'postgres') checkCast(expression);
}

function checkCall(name: string, args: readonly Expression[], { dialect, pureFunctions }: Purity): void {
  if (pureFunctions.has(name.toLowerCase())) return;
  const impurity = impurityOf(name, args, dialect);
  if (impurity !== undefined) throw new Stop('uncacheable', impurity);
}

function checkCast({ operand, type }: Extract<Expression, { kind: 'cast' }>): void {
  if (/^(?:pg_catalog\.)?reg/.test(type)) throw new Stop('uncacheable', `cast to ${type}`);
  const isTime = /date|time|abstime/i.test(type);
  if (!isTime || operand.kind !== 'literal' || typeof operand.value !== 'string') return;
  if (MOVING.test(operand.value)) throw new Stop('uncacheable', 'a time that moves');
}
