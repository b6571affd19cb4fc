// Whether a statement's functions depend on their arguments alone, and whether they give one value for one row.
//
// PostgreSQL chooses among all functions of a name by the types of the arguments, which are not known here. So a name
// is the system's only where nothing else on the search path has it.

import type { Dialect } from '../../dependency/template.ts';
import type { Callee, Expression, Routine, Routines } from '../ast.ts';
import { SYSTEM } from '../catalogue.ts';
import { calleesOf } from './callees.ts';
import { isAggregate, isSystemName, isWindow, systemImpurity } from './functions.ts';

export interface Purity {
  readonly dialect: Dialect;
  /** Functions of the application that depend on their arguments alone; in lower case. */
  readonly pureFunctions: ReadonlySet<string>;
  /** Undefined when nothing is known of them. */
  readonly routines: Routines | undefined;
}

/** Returns undefined when the callee depends on its arguments alone. `args` are those of a function. */
export function impurityOf(callee: Callee, args: readonly Expression[], purity: Purity): string | undefined {
  const what = `${callee.kind} ${writtenOf(callee)}`;
  if (callee.kind === 'function') {
    if (isDeclared(callee.name, purity) || isDeclared(writtenOf(callee), purity)) return undefined;
    const impurity = isSystem(callee) ? systemImpurity(nameOf(callee, purity), args, purity.dialect) : what;
    if (impurity !== undefined) return impurity;
  }
  return purity.dialect === 'sqlite' ? undefined : ownImpurity(callee, purity);
}

/** Judges a PostgreSQL callee by the application's routines of that name. */
export function ownImpurity(callee: Callee, purity: Purity): string | undefined {
  const what = `${callee.kind} ${writtenOf(callee)}`;
  const { routines } = purity;
  if (routines === undefined) return `${what}, of which nothing is known`;
  if (/^pg_temp/.test(callee.schema ?? '')) return `${what}, a temporary one`;
  if (callee.kind === 'type' && callee.schema === undefined && !routines.isSystemFirst) {
    return `${what}, as ${SYSTEM} is not searched first`;
  }
  const impure = impureIn(
    routines.find(callee).flatMap(({ runs }) => runs),
    purity,
  );
  return impure && `${what}, which may run ${impure}`;
}

/** The first of the functions that is not declared to depend on its arguments alone. */
export function impureIn(runs: readonly string[], purity: Purity): string | undefined {
  return runs.find((name) => !isDeclared(name, purity) && !isDeclared(name.slice(name.indexOf('.') + 1), purity));
}

function isDeclared(name: string, { pureFunctions }: Purity): boolean {
  return pureFunctions.has(name.toLowerCase());
}

function writtenOf({ schema, name }: Callee): string {
  return schema === undefined || schema === SYSTEM ? name : `${schema}.${name}`;
}

/** Whether the call names no other schema. */
function isSystem({ schema }: Callee): boolean {
  return schema === undefined || schema === SYSTEM;
}

/** PostgreSQL's parser has folded it as far as the server does. */
function nameOf({ name }: Callee, { dialect }: Purity): string {
  return dialect === 'sqlite' ? name.toLowerCase() : name;
}

/** Whether the expression itself, apart from its parts, may have no value for a row, several, or one for many rows. */
export function isOverRows(expression: Expression, purity: Purity): boolean {
  if (isScalarOfSqlite(expression, purity.dialect)) return false;
  if (expression.kind === 'call' && expression.isAggregate) return true;
  if (expression.kind === 'opaque' && /window|group|aggregate|filter/i.test(expression.reason)) return true;
  return calleesOf(expression, purity.dialect).some((callee) => isOverRowsBy(callee, purity));
}

/** SQLite's min and max of several arguments compare those; PostgreSQL has none such. */
function isScalarOfSqlite(expression: Expression, dialect: Dialect): boolean {
  if (dialect !== 'sqlite' || expression.kind !== 'call' || expression.isAggregate) return false;
  return /^(?:min|max)$/.test(expression.name) && expression.args.length > 1;
}

function isOverRowsBy(callee: Callee, purity: Purity): boolean {
  const { dialect, routines } = purity;
  const own: readonly Routine[] = routines?.find(callee) ?? [];
  if (own.some((routine) => routine.isOverRows)) return true;
  if (callee.kind !== 'function') return false;
  const name = nameOf(callee, purity);
  if (!isSystem(callee) || !isSystemName(name, dialect)) return own.length === 0;
  const isSet = dialect === 'postgres' && (routines?.isSetReturning(name) ?? true);
  return isSet || isAggregate(name, dialect) || isWindow(name);
}
