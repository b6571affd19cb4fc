// Finds the column and the read that a name in a statement means.
//
// A name that is found nowhere may be a column that was added since the catalogue was read. It only counts as something
// else where the database itself says so (a text in double quotes); otherwise nothing is known of the statement.

import { type Analysis, fold, type NamedColumn, type Scope, type ScopeEntry, Stop, unread } from '../analysis.ts';
import type { Expression } from '../ast.ts';
import { checkName, isRowIdentifier } from '../calls/purity.ts';
import { columnOf, hidden, other, type Ref, type Resolved, refsOf, withoutPlans } from './resolved.ts';

type ColumnName = Extract<Expression, { kind: 'column' }>;

export function resolveName(name: ColumnName, start: Scope | undefined, analysis: Analysis): Resolved {
  for (let scope = start; scope !== undefined; scope = scope.outer) {
    const found = findIn(scope, name, analysis);
    if (found !== undefined) {
      scope.hits++;
      return found;
    }
    scope.misses++;
  }
  if (name.otherwise !== undefined) return { kind: 'value', operand: { kind: 'value', value: name.otherwise } };
  checkName(name, analysis.purity);
  throw unread(`column ${[...name.table, name.name].join('.')}, which is not known`);
}

function findIn(scope: Scope, { table, name }: ColumnName, analysis: Analysis): Resolved | undefined {
  if (name === '*') return rowOf(table.length > 0 ? entriesOf(scope, table, analysis) : scope.entries);
  const same = ({ name: column }: NamedColumn) => fold(column, analysis) === fold(name, analysis);
  if (table.length > 0) {
    const entries = entriesOf(scope, table, analysis);
    const columns = entries.flatMap((entry) => entry.columns.filter(same));
    return one(columns) ?? rowIdentifier(entries, name, analysis) ?? hiddenIn(entries, { table, name }, analysis);
  }
  const column = one(scope.visible.filter(same)) ?? rowIdentifier(scope.entries, name, analysis);
  if (column !== undefined) return column;
  const alias = scope.aliases.find(
    (output) => output.name !== '' && fold(output.name, analysis) === fold(name, analysis),
  );
  if (alias !== undefined) {
    alias.isReferenced = true;
    return withoutPlans(alias.expression);
  }
  return wholeRow(scope, name, analysis) ?? hiddenOrFurtherOut(scope, { kind: 'column', table, name }, analysis);
}

export function entriesOf(scope: Scope, path: readonly string[], analysis: Analysis): ScopeEntry[] {
  const alias = fold(path[path.length - 1] as string, analysis);
  const named = scope.entries.filter((entry) => fold(entry.alias, analysis) === alias);
  if (path.length === 1 || named.length === 1) return named;
  const schema = fold(path[path.length - 2] as string, analysis);
  return named.filter((entry) => entry.schema === undefined || fold(entry.schema, analysis) === schema);
}

/** Several of one name are an error in most databases; here they are all looked at. */
function one(columns: readonly NamedColumn[]): Resolved | undefined {
  if (columns.length < 2) return columns[0]?.expression;
  return other(
    'ambiguous name',
    columns.map(({ expression }) => expression),
  );
}

function hiddenIn(
  entries: readonly ScopeEntry[],
  name: Pick<ColumnName, 'table' | 'name'>,
  { purity }: Analysis,
): Resolved | undefined {
  if (!entries.some(({ isOpen }) => isOpen)) return undefined;
  checkName(name, purity);
  return hidden('column of a function');
}

/** A function's columns are not known, so that a name may be one of them or one further out. */
function hiddenOrFurtherOut(scope: Scope, name: ColumnName, analysis: Analysis): Resolved | undefined {
  if (!scope.entries.some(({ isOpen }) => isOpen)) return undefined;
  const refs: Ref[] = [];
  for (let outer = scope.outer; outer !== undefined; outer = outer.outer) {
    const found = findIn(outer, name, analysis);
    if (found !== undefined) refs.push(...refsOf(found));
  }
  return hidden('column of a function', refs);
}

/** SQLite's rowid: the INTEGER PRIMARY KEY where there is one; otherwise a number that VACUUM changes silently. */
function rowIdentifier(entries: readonly ScopeEntry[], name: string, analysis: Analysis): Resolved | undefined {
  if (!analysis.dialect.hasRowid || !isRowIdentifier(name)) return undefined;
  const [read, ...others] = entries.flatMap((entry) => entry.read ?? []);
  if (read === undefined) return undefined;
  const column = others.length === 0 ? read.table.rowid : undefined;
  if (column === undefined) throw new Stop('uncacheable', `${name}, which VACUUM may renumber`);
  return columnOf({ read, column });
}

/** PostgreSQL: the name of a table stands for its row. */
function wholeRow(scope: Scope, name: string, analysis: Analysis): Resolved | undefined {
  return analysis.dialect.hasWholeRows ? rowOf(entriesOf(scope, [name], analysis)) : undefined;
}

function rowOf(entries: readonly ScopeEntry[]): Resolved | undefined {
  if (entries.length === 0) return undefined;
  return other(
    'whole row',
    entries.flatMap((entry) => entry.columns.map(({ expression }) => expression)),
  );
}
