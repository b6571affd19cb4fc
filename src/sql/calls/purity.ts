// Whether a select's answer depends on more than the rows of its tables: the clock, chance, the session; and whether an
// expression gives one value for one row.
//
// It need not look like a function: PostgreSQL looks for an operator by its name even where the grammar has a word for it
// (IN is `=`, LIKE is `~~`, NULLIF compares with `=`), and reads a name cast to regclass as a question to the catalogue. It
// chooses among all functions of a name by the types of the arguments, which are not known here. So a name is the system's
// only where nothing else on the search path has it.

import { type Purity, Stop } from '../analysis.ts';
import { type Callee, type Expression, operator, type Routine, type Select, type Source } from '../ast.ts';
import { isSystem, SYSTEM } from '../catalogue.ts';
import type { DialectRules } from '../dialect.ts';
import { isAggregate, isSystemName, isWindow, systemImpurity } from './functions.ts';
import { walkSelect } from './walk.ts';

/** Returns undefined when the callee depends on its arguments alone. `args` are those of a function. */
function impurityOf(callee: Callee, args: readonly Expression[], purity: Purity): string | undefined {
  const { dialect } = purity;
  if (callee.kind === 'function') {
    if (isDeclared(callee.name, purity) || isDeclared(writtenOf(callee), purity)) return undefined;
    if (!isSystem(callee)) return `function ${writtenOf(callee)}`;
    const impurity = systemImpurity(dialect.fold(callee.name), args, dialect.name);
    if (impurity !== undefined) return impurity;
  }
  return dialect.hasOwnOperators ? ownImpurity(callee, purity) : undefined;
}

/** Judges a PostgreSQL callee by the application's routines of that name. */
function ownImpurity(callee: Callee, purity: Purity): string | undefined {
  const what = `${callee.kind} ${writtenOf(callee)}`;
  const { routines } = purity;
  if (routines === undefined) return `${what}, of which nothing is known`;
  if (/^pg_temp/.test(callee.schema ?? '')) return `${what}, a temporary one`;
  if (callee.kind === 'type' && callee.schema === undefined && !routines.isSystemFirst) {
    return `${what}, as ${SYSTEM} is not searched first`;
  }
  const runs = routines.find(callee).flatMap((routine) => routine.runs);
  const impure = impureIn(runs, purity);
  return impure && `${what}, which may run ${impure}`;
}

/** The first of the functions that is not declared to depend on its arguments alone. */
function impureIn(runs: readonly string[], purity: Purity): string | undefined {
  return runs.find((name) => !isDeclared(name, purity) && !isDeclared(name.slice(name.indexOf('.') + 1), purity));
}

function isDeclared(name: string, { pureFunctions }: Purity): boolean {
  return pureFunctions.has(name.toLowerCase());
}

function writtenOf({ schema, name }: Callee): string {
  return schema === undefined || schema === SYSTEM ? name : `${schema}.${name}`;
}

/** Whether the expression itself, apart from its parts, may have no value for a row, several, or one for many rows. */
export function isOverRows(expression: Expression, purity: Purity): boolean {
  if (expression.kind === 'call' && expression.isAggregate) return true;
  // SQLite's min and max of several arguments compare those; PostgreSQL has none such.
  const isScalar = expression.kind === 'call' && /^(?:min|max)$/.test(expression.name) && expression.args.length > 1;
  if (isScalar && !purity.dialect.hasOwnOperators) return false;
  if (expression.kind === 'opaque' && /window|group|aggregate|filter/i.test(expression.reason)) return true;
  return calleesOf(expression, purity.dialect).some((callee) => isOverRowsBy(callee, purity));
}

function isOverRowsBy(callee: Callee, purity: Purity): boolean {
  const { dialect, routines } = purity;
  const own: readonly Routine[] = routines?.find(callee) ?? [];
  if (own.some((routine) => routine.isOverRows)) return true;
  if (callee.kind !== 'function') return false;
  const name = dialect.fold(callee.name);
  if (!isSystem(callee) || !isSystemName(name, dialect.name)) return own.length === 0;
  const isSet = dialect.hasOwnOperators && (routines?.isSetReturning(name) ?? true);
  return isSet || isAggregate(name, dialect.name) || isWindow(name);
}

/** Throws where it does. */
export function checkPurity(select: Select, purity: Purity): void {
  walkSelect(select, {
    expression: (expression) => checkExpression(expression, purity),
    source: (source) => {
      if (source.kind === 'function') checkCallees([functionOf(source)], source.args, purity);
      // USING and NATURAL compare with `=`.
      const compares = source.kind === 'join' && source.using !== undefined && purity.dialect.hasOwnOperators;
      if (compares) checkCallees(EQUALITY, [], purity);
    },
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
export function checkName({ table, name }: { table: readonly string[]; name: string }, purity: Purity): void {
  if (!purity.dialect.hasOwnOperators) return;
  if (SYSTEM_COLUMNS.has(name)) throw new Stop('uncacheable', `column ${[...table, name].join('.')}`);
  // PostgreSQL takes `t.f` for `f(t)` where t has no such column.
  const impurity = table.length > 0 ? ownImpurity({ kind: 'field', schema: undefined, name }, purity) : undefined;
  if (impurity !== undefined) throw new Stop('uncacheable', impurity);
}

/** Checks all names of a select that is reduced to its tables, because nothing else resolves them. */
export function checkNames(select: Select, purity: Purity): void {
  walkSelect(select, {
    expression: (expression) => {
      if (expression.kind !== 'column') return;
      checkName(expression, purity);
      const isRowId = purity.dialect.hasRowid && isRowIdentifier(expression.name);
      if (isRowId) throw new Stop('uncacheable', `${expression.name}, which VACUUM may renumber`);
    },
  });
}

/** Whether SQLite takes this name for the rowid. */
export function isRowIdentifier(name: string): boolean {
  return /^(?:rowid|oid|_rowid_)$/i.test(name);
}

function functionOf({ schema, name }: Extract<Expression | Source, { kind: 'call' | 'function' }>): Callee {
  return { kind: 'function', schema, name };
}

function checkExpression(expression: Expression, purity: Purity): void {
  const args = expression.kind === 'call' ? expression.args : expression.kind === 'opaque' ? expression.parts : [];
  checkCallees(calleesOf(expression, purity.dialect), args, purity);
  const isAsked = expression.kind === 'cast' && purity.dialect.hasOwnOperators && /^reg/.test(expression.type);
  if (isAsked) throw new Stop('uncacheable', `cast to ${expression.type}`);
}

function checkCallees(callees: readonly Callee[], args: readonly Expression[], purity: Purity): void {
  for (const callee of callees) {
    const impurity = impurityOf(callee, args, purity);
    if (impurity !== undefined) throw new Stop('uncacheable', impurity);
  }
}

const EQUALITY = [operator('='), operator('<>')];
const RANGE = [operator('>='), operator('<=')];
const PATTERN = [operator('~~'), operator('!~~')];
const FOLDING_PATTERN = [operator('~~*'), operator('!~~*')];

/** Callees of the expression itself, without those of its parts. */
function calleesOf(expression: Expression, { hasOwnOperators }: DialectRules): readonly Callee[] {
  if (expression.kind === 'opaque') return expression.callees;
  if (expression.kind === 'call')
    return [functionOf(expression), ...(hasOwnOperators && expression.name === 'nullif' ? EQUALITY : [])];
  // SQLite's operators are its own, but for some that are functions of its built-in names.
  if (!hasOwnOperators) return [];
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
