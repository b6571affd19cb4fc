// Finds what the names in a statement mean: columns, tables, views, common tables (WITH); and all tables of a select that can
// only be read by its tables.
//
// A column that is found nowhere may have been added since the catalogue was read. It only counts as something else where the
// database itself says so (a text in double quotes); otherwise nothing is known of the statement. A common table that reads
// itself is not taken apart. All tables in it are read as a whole: any row, any column.

import type { Analysis, CommonScope, NamedColumn, Place, Scope, ScopeEntry } from '../analysis.ts';
import { addNote, addRead, isSameName, Stop, unread } from '../analysis.ts';
import type { CommonTable, Expression, Name, Relation, Select } from '../ast.ts';
import { checkName, checkNames, checkPurity, checkRuns, isRowIdentifier } from '../calls/purity.ts';
import { commonNamesIn, sourcesIn } from '../calls/walk.ts';
import type { ReadState, Ref, Resolved } from './resolved.ts';
import { columnOf, constant, hidden, other, referredTo, refsOf } from './resolved.ts';

/** The place within a WITH: its tables before those further out. */
export function withCommon(select: Select, place: Place, analysis: Analysis): Place {
  const seesAll = select.isRecursive || analysis.dialect.seesLaterCommon;
  let common = place.common;
  const whole = (): Place => ({ ...place, common });
  for (const table of select.with) {
    const before: Place = { ...place, common };
    common = { outer: common, table, place: seesAll ? whole : () => before };
  }
  return { ...place, common };
}

export function findCommon(name: string, place: Place, analysis: Analysis): CommonScope | undefined {
  for (let common = place.common; common !== undefined; common = common.outer) {
    if (isSameName(common.table.name, name, analysis)) return common;
  }
  return undefined;
}

export function expandCommon({ name, statement }: CommonTable): Select {
  if (statement.kind !== 'query') throw unread(`common table ${name}, which cannot be read`);
  return statement.select;
}

/** Reads all tables of a common table as a whole if it reads itself; returns false when it does not. */
export function readWhole(table: CommonTable, place: Place, analysis: Analysis): boolean {
  const select = expandCommon(table);
  const isOwn = ({ schema, name }: Name): boolean => schema === undefined && isSameName(name, table.name, analysis);
  if (findCommon(table.name, place, analysis)?.table !== table || !sourcesIn(select).some(isOwn)) return false;
  addNote(analysis, 'recursive', table.name);
  readTables(select, place, analysis);
  return true;
}

/** Every table anywhere in a select, as a whole. */
export function readTables(select: Select, place: Place, analysis: Analysis): void {
  const known = new Set<string>();
  const pending: { readonly select: Select; readonly place: Place }[] = [{ select, place }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    checkNames(next.select, analysis);
    for (const { schema, name } of sourcesIn(next.select)) {
      const key = JSON.stringify([schema ?? next.place.schema, analysis.dialect.fold(name)]);
      if (known.has(key)) continue;
      known.add(key);
      const common = schema === undefined ? findCommon(name, next.place, analysis) : undefined;
      if (common !== undefined) pending.push({ select: expandCommon(common.table), place: common.place() });
      // A name may be a common table in one place and a table in another.
      const relation = findRelation({ schema, name }, next.place, analysis);
      const isCommon = (other: string) => isSameName(other, name, analysis);
      if (relation === null && common === undefined && !commonNamesIn(next.select).some(isCommon))
        throw unknownTable({ schema, name });
      if (relation?.kind === 'table') readRelation(relation, name, analysis).isWhole = true;
      if (relation?.kind !== 'view') continue;
      const inner = placeOfView({ schema, name }, next.place, analysis);
      pending.push({ select: selectOfView(name, relation, analysis), place: inner });
    }
  }
}

type Seen<Kind extends 'table' | 'view'> = Extract<Relation, { kind: Kind }>;

/** The relation of a name; a view's names are looked up in its schema first. Throws where changes of it are not seen. */
export function findRelation(
  { schema, name }: Name,
  place: Place,
  { catalogue }: Analysis,
): Seen<'table' | 'view'> | null {
  const own = place.schema === undefined ? null : catalogue.relation(schema ?? place.schema, name);
  const relation = own ?? catalogue.relation(schema, name);
  if (relation?.kind === 'unseen') throw new Stop('uncacheable', relation.what);
  return relation;
}

/** Adds a read of a table. Throws where a function that the server may run for its columns is not known to be pure. */
export function readRelation({ table, runs = [] }: Seen<'table'>, alias: string, analysis: Analysis): ReadState {
  checkRuns(runs, analysis);
  return addRead(analysis, table, alias);
}

/** Throws where it cannot be read, or depends on more than tables. */
export function selectOfView(name: string, { text }: Seen<'view'>, analysis: Analysis): Select {
  const [statement, ...others] = analysis.parser.parse(text);
  if (statement?.kind !== 'query' || others.length > 0) throw unread(`view ${name}, which cannot be read`);
  checkPurity(statement.select, analysis);
  analysis.moving.gather(statement.select);
  return statement.select;
}

export function placeOfView({ schema }: Name, { within }: Place, { dialect }: Analysis): Place {
  return { scope: undefined, common: undefined, schema: dialect.viewSchema(schema), within };
}

/** An unknown table may be a view, and a function that gives rows may look like one. No feed tells of the system's own. */
export function unknownTable({ schema, name }: Name): Stop {
  const isSystem = /^(?:pg_|sqlite_)/i.test(name) || /^(?:pg_catalog|information_schema)$/i.test(schema ?? '');
  if (isSystem) return new Stop('uncacheable', `system table ${name}`);
  return new Stop('uncacheable', schema === undefined ? name : `${schema}.${name}`, 'table');
}

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
  if (name.otherwise !== undefined) return constant(name.otherwise);
  checkName(name, analysis);
  throw unread(`column ${[...name.table, name.name].join('.')}, which is not known`);
}

function findIn(scope: Scope, { table, name }: ColumnName, analysis: Analysis): Resolved | undefined {
  if (name === '*') return rowOf(table.length > 0 ? entriesOf(scope, table, analysis) : scope.entries);
  const same = (named: Pick<NamedColumn, 'name'>) => isSameName(named.name, name, analysis);
  if (table.length > 0) {
    const entries = entriesOf(scope, table, analysis);
    const columns = entries.flatMap((entry) => entry.columns.filter(same));
    const found = one(columns) ?? rowIdentifier(entries, name, analysis);
    if (found !== undefined || !entries.some(({ isOpen }) => isOpen)) return found;
    checkName({ table, name }, analysis);
    return hidden('column of a function');
  }
  const column = one(scope.visible.filter(same)) ?? rowIdentifier(scope.entries, name, analysis);
  if (column !== undefined) return column;
  const alias = scope.aliases.find((output) => output.name !== '' && same(output));
  if (alias !== undefined) return referredTo(alias);
  // PostgreSQL: the name of a table stands for its row.
  const row = analysis.dialect.hasWholeRows ? rowOf(entriesOf(scope, [name], analysis)) : undefined;
  return row ?? hiddenOrFurtherOut(scope, { kind: 'column', table, name }, analysis);
}

export function entriesOf(scope: Scope, path: readonly string[], analysis: Analysis): ScopeEntry[] {
  const [alias = '', schema = ''] = path.toReversed();
  const named = scope.entries.filter((entry) => isSameName(entry.alias, alias, analysis));
  if (path.length === 1 || named.length === 1) return named;
  return named.filter((entry) => entry.schema === undefined || isSameName(entry.schema, schema, analysis));
}

/** Several of one name are an error in most databases; here they are all looked at. */
function one(columns: readonly NamedColumn[]): Resolved | undefined {
  const all = columns.map(({ expression }) => expression);
  return columns.length < 2 ? all[0] : other('ambiguous name', all);
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

function rowOf(entries: readonly ScopeEntry[]): Resolved | undefined {
  const columns = entries.flatMap((entry) => entry.columns.map(({ expression }) => expression));
  return entries.length === 0 ? undefined : other('whole row', columns);
}
