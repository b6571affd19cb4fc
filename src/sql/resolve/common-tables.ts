// Common tables (WITH), and the walk over all sources of a select that can only be read by its tables.
//
// A common table that reads itself is not taken apart. All tables in it are read as a whole: any row, any column.

import { type Analysis, addNote, addRead, type CommonScope, fold, type Place, Stop, unread } from '../analysis.ts';
import type { CommonTable, Select } from '../ast.ts';
import { checkNames } from '../calls/purity.ts';
import { commonNamesIn, sourcesIn } from '../calls/walk.ts';

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
    if (fold(common.table.name, analysis) === fold(name, analysis)) return common;
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
  const own = findCommon(table.name, place, analysis);
  const isOwn = (name: string) => fold(name, analysis) === fold(table.name, analysis);
  const isRecursive =
    own?.table === table && sourcesIn(select).some(({ schema, name }) => schema === undefined && isOwn(name));
  if (!isRecursive) return false;
  addNote(analysis, 'recursive', table.name);
  readTables(select, place, analysis);
  return true;
}

/** Every table anywhere in a select, as a whole. */
export function readTables(select: Select, place: Place, analysis: Analysis): void {
  const known = new Set<string>();
  const pending: { readonly select: Select; readonly place: Place }[] = [{ select, place }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    checkNames(next.select, analysis.purity);
    for (const { schema, name } of sourcesIn(next.select)) {
      const key = JSON.stringify([schema ?? next.place.schema, fold(name, analysis)]);
      if (known.has(key)) continue;
      known.add(key);
      const common = schema === undefined ? findCommon(name, next.place, analysis) : undefined;
      if (common !== undefined) pending.push({ select: expandCommon(common.table), place: common.place() });
      // A name may be a common table in one place and a table in another.
      const inner = readRelation({ schema, name }, { ...next.place, scope: undefined }, analysis);
      if (inner !== undefined) pending.push(inner);
      else if (common === undefined && !isCommonWithin(next.select, name, analysis))
        requireKnown({ schema, name }, next.place, analysis);
    }
  }
}

interface Name {
  readonly schema: string | undefined;
  readonly name: string;
}

function readRelation({ schema, name }: Name, place: Place, analysis: Analysis) {
  const { catalogue } = analysis;
  const relation =
    (place.schema && catalogue.relation(schema ?? place.schema, name)) || catalogue.relation(schema, name);
  if (relation?.kind === 'unseen') throw new Stop('uncacheable', relation.what);
  if (relation?.kind === 'table') {
    analysis.checkRuns(relation.runs ?? []);
    addRead(analysis, relation.table, name).isWhole = true;
  }
  if (relation?.kind !== 'view') return undefined;
  return {
    select: selectOfView(name, relation, analysis),
    place: { ...place, common: undefined, schema: analysis.dialect.viewSchema(schema) },
  };
}

/** Throws where it cannot be read, or depends on more than tables. */
export function selectOfView(name: string, { text }: { readonly text: string }, { parser, check }: Analysis): Select {
  const [statement, ...others] = parser.parse(text);
  if (statement?.kind !== 'query' || others.length > 0) throw unread(`view ${name}, which cannot be read`);
  check(statement.select);
  return statement.select;
}

function requireKnown({ schema, name }: Name, place: Place, { catalogue }: Analysis): void {
  if (catalogue.relation(schema ?? place.schema, name) !== null || catalogue.relation(schema, name) !== null) return;
  throw unknownTable({ schema, name });
}

/** An unknown table may be a view, and a function that gives rows may look like one. */
export function unknownTable({ schema, name }: Name): Stop {
  return isUnseenSystem(schema, name)
    ? new Stop('uncacheable', `system table ${name}`)
    : new Stop('uncacheable', schema === undefined ? name : `${schema}.${name}`, 'table');
}

function isCommonWithin(select: Select, name: string, analysis: Analysis): boolean {
  return commonNamesIn(select).some((common) => fold(common, analysis) === fold(name, analysis));
}

/** The database's own tables, which no feed tells of. */
function isUnseenSystem(schema: string | undefined, name: string): boolean {
  return /^(?:pg_|sqlite_)/i.test(name) || /^(?:pg_catalog|information_schema)$/i.test(schema ?? '');
}
