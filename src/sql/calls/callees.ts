// Lists what an expression calls by name: functions, and the operators and casts that are functions by other names.
//
// PostgreSQL looks for an operator by its name even where the grammar has a word for it: IN is `=`, LIKE is `~~`,
// NULLIF compares with `=`.

import type { Dialect } from '../../dependency/template.ts';
import type { Callee, Expression, Source } from '../ast.ts';
import { operator } from '../ast-forms.ts';

const EQUALITY = [operator('='), operator('<>')];
const RANGE = [operator('>='), operator('<=')];
const PATTERN = [operator('~~'), operator('!~~')];
const FOLDING_PATTERN = [operator('~~*'), operator('!~~*')];

/** Callees of the expression itself, without those of its parts. */
export function calleesOf(expression: Expression, dialect: Dialect): readonly Callee[] {
  switch (expression.kind) {
    case 'call':
      return [functionOf(expression), ...(dialect === 'postgres' && expression.name === 'nullif' ? EQUALITY : [])];
    case 'opaque':
      return expression.callees;
    default:
      // SQLite's operators are its own, but for some that are functions of its built-in names.
      return dialect === 'postgres' ? operatorsOf(expression) : [];
  }
}

function functionOf({ schema, name }: Extract<Expression | Source, { kind: 'call' | 'function' }>): Callee {
  return { kind: 'function', schema, name };
}

function operatorsOf(expression: Expression): readonly Callee[] {
  switch (expression.kind) {
    case 'binary':
      return expression.operator.startsWith('is ') ? EQUALITY : [operator(expression.operator)];
    case 'in-list':
    case 'in-array':
    case 'in-select':
      return EQUALITY;
    case 'between':
      return RANGE;
    case 'like':
      return expression.foldsCase ? FOLDING_PATTERN : PATTERN;
    case 'cast':
      return expression.target === undefined ? [] : [expression.target];
    default:
      return [];
  }
}

/** Callees of the source itself: USING and NATURAL compare with `=`. */
export function calleesOfSource(source: Source, dialect: Dialect): readonly Callee[] {
  if (source.kind === 'function') return [functionOf(source)];
  return source.kind === 'join' && source.using !== undefined && dialect === 'postgres' ? EQUALITY : [];
}
