// Queries to be run beside a statement, so that more is known of what its joins can find: of `favorites f JOIN users u
// ON u.id = f.user_id WHERE u.name = ?` a row of f matters only if its user_id is one that `SELECT id FROM users WHERE
// name = ?` gives.
//
// One table's content may narrow another table only if the other does not narrow it in turn. Otherwise a row could be
// added on one side and count as one without a partner, and then its partner on the other. So the tables are put in an
// order, the first of which stands by itself.

import { MAX_LOOKED_UP } from '../../dependency/bind.ts';
import type { ColumnShape, ColumnType } from '../../dependency/change.ts';
import type { Predicate } from '../../dependency/condition/predicate.ts';
import { quotedName } from '../../dependency/table-name.ts';
import type { Lookup, LookupOperand } from '../../dependency/template.ts';
import type { Analysis } from '../analysis.ts';
import type { DialectRules } from '../dialect.ts';
import { type Region, regionOf } from '../resolve/regions.ts';
import type { ReadState, Ref } from '../resolve/resolved.ts';
import { type Equalities, isSameType, listKey, typeOf } from './closure.ts';
import { IN_SELECT } from './narrowing.ts';

/** Stands for a parameter until the text is complete. */
const PLACE = '\u0001';

/** `FROM … WHERE …`, of which a query selects some column. */
interface Source {
  readonly text: string;
  readonly operands: readonly LookupOperand[];
}

/** Returns the lookups for the reads of a region, after these are narrowed. */
export function narrowByLookups(region: Region, known: Equalities, { dialect }: Analysis): Lookup[] {
  const lookups: Lookup[] = [];
  const sources = new Map<ReadState, Source>();
  const narrow = (read: ReadState, column: number, { text: whole, operands }: Source): void => {
    // One row more than is used shows that there are too many. A query within another may not be cut.
    let count = 0;
    const text = `${whole} LIMIT ${MAX_LOOKED_UP + 1}`.replaceAll(PLACE, () => dialect.placeholder(++count));
    const same = lookups.findIndex((one) => one.text === text && listKey(one.operands) === listKey(operands));
    const index = same < 0 ? lookups.push({ text, operands }) - 1 : same;
    read.predicates.push({ kind: 'in', column, operands: [{ kind: 'lookup', index }] });
  };
  const members = region.members.filter(canBeAsked);
  for (const { read, column, source } of askedWithin(region, dialect)) {
    if (!members.includes(read) || sources.has(read)) continue;
    sources.set(read, sourceOf(read, dialect, { column, source }));
    narrow(read, column, source);
  }
  // First the members that are one row, then those that others refer to: these change less often than what refers to them.
  const rank = (read: ReadState) => (isOneRow(read) ? 0 : isReferredTo(read, known) ? 1 : 2);
  const selective = members.filter(({ predicates }) => predicates.some(isSelective));
  const roots = selective.sort((one, other) => rank(one) - rank(other));
  for (let root = [...sources.keys()][0] ?? roots[0]; root !== undefined; ) {
    if (!sources.has(root)) sources.set(root, sourceOf(root, dialect));
    for (let found = true; found; ) {
      found = false;
      for (const read of members) {
        const link = sources.has(read) ? undefined : linkOf(read, sources, known);
        if (link === undefined) continue;
        narrow(read, link.column, link.source);
        sources.set(read, sourceOf(read, dialect, link));
        found = true;
      }
    }
    root = roots.find((read) => !sources.has(read));
  }
  return lookups;
}

interface Link {
  readonly column: number;
  /** The values that it may have. */
  readonly source: Source;
}

/** How a read is joined with one of those that come before it. */
function linkOf(read: ReadState, sources: ReadonlyMap<ReadState, Source>, known: Equalities): Link | undefined {
  for (const column of read.table.columns.keys()) {
    // A column that is equal to a value needs no lookup.
    if (read.predicates.some((part) => part.kind === 'compare' && part.operator === '=' && part.column === column))
      continue;
    for (const ref of known.equalsOf({ read, column })) {
      const source = sources.get(ref.read);
      if (source !== undefined && ref.read !== read && isSureType(typeOf(ref)))
        return { column, source: valuesOf(ref, source) };
    }
  }
  return undefined;
}

/** Columns of the region that are looked for among those of a subselect: `a IN (SELECT b …)`. */
function askedWithin({ conjuncts }: Region, dialect: DialectRules): (Link & { readonly read: ReadState })[] {
  return conjuncts.flatMap((conjunct) => {
    if (conjunct.kind !== 'other' || conjunct.reason !== IN_SELECT) return [];
    const [operand] = conjunct.parts;
    const [plan] = conjunct.plans;
    const shown = plan?.kind === 'plain' ? plan.outputs[0]?.expression : undefined;
    if (operand?.kind !== 'column' || plan?.kind !== 'plain' || shown?.kind !== 'column') return [];
    const { read } = shown.ref;
    const isMember = regionOf(plan.nodes, plan.where).members.includes(read);
    if (!isMember || !canBeAsked(read) || !read.predicates.some(isSelective)) return [];
    const type = typeOf(shown.ref);
    if (!isSameType(typeOf(operand.ref), type) || !isSureType(type)) return [];
    return [{ ...operand.ref, source: valuesOf(shown.ref, sourceOf(read, dialect)) }];
  });
}

/** Only a narrowed read of a table with an unambiguous name is looked up. */
function canBeAsked({ table, isWhole }: ReadState): boolean {
  return !isWhole && !table.name.includes('.');
}

/** Rows with one value are few, or so it is taken; at most they are as many as the table has. */
function isSelective(predicate: Predicate): boolean {
  if (predicate.kind === 'compare') return predicate.operator === '=' && predicate.operand.kind === 'parameter';
  return predicate.kind === 'in' && predicate.operands.some(({ kind }) => kind === 'parameter');
}

function isReferredTo(read: ReadState, known: Equalities): boolean {
  const isKey = (ref: Ref) => ref.read.table.key.length === 1 && ref.read.table.key[0] === ref.column;
  return read.table.key.some((column) => {
    const own: Ref = { read, column };
    return isKey(own) && known.equalsOf(own).some((ref) => ref.read !== read && !isKey(ref));
  });
}

function isOneRow({ table, predicates }: ReadState): boolean {
  const fixed = predicates.flatMap((part) => (isSelective(part) && 'column' in part ? [part.column] : []));
  return table.key.length > 0 && table.key.every((column) => fixed.includes(column));
}

function sourceOf({ table, predicates }: ReadState, dialect: DialectRules, link?: Link): Source {
  const parts: Source[] = predicates.flatMap((predicate) => conditionOf(predicate, (at) => table.columns[at]));
  if (link !== undefined) {
    const column = quotedName(table.columns[link.column]?.name as string);
    parts.push({ text: `${column} IN (${link.source.text})`, operands: link.source.operands });
  }
  const where = parts.length === 0 ? '' : ` WHERE ${parts.map(({ text }) => text).join(' AND ')}`;
  // Tables of PostgreSQL's other schemas have a name with a dot, and are not looked up.
  return {
    text: `FROM ${dialect.defaultSchema}.${quotedName(table.name)}${where}`,
    operands: parts.flatMap(({ operands }) => operands),
  };
}

/** Values and parameters of other types of PostgreSQL may mean something else on another connection: a time zone's. */
function isSureType(type: ColumnType | undefined): boolean {
  if (type?.family !== 'postgres') return type !== undefined;
  return type.type === 'integer' || type.type === 'text' || type.type === 'uuid';
}

function valuesOf({ read, column }: Ref, { text, operands }: Source): Source {
  return { text: `SELECT DISTINCT ${quotedName(read.table.columns[column]?.name as string)} ${text}`, operands };
}

/** Returns none where a condition might mean something else as text: more rows are looked up than matter. */
function conditionOf(predicate: Predicate, columnAt: (column: number) => ColumnShape | undefined): Source[] {
  if (predicate.kind !== 'in' && !(predicate.kind === 'compare' && predicate.operator === '=')) return [];
  const { name, type } = columnAt(predicate.column) ?? {};
  const given = predicate.kind === 'in' ? predicate.operands : [predicate.operand];
  const operands = given.filter((operand) => operand.kind === 'parameter' || operand.kind === 'value');
  if (name === undefined || operands.length !== given.length || operands.length === 0) return [];
  if (!isSureType(type)) return [];
  const text = predicate.kind === 'in' ? `IN (${operands.map(() => PLACE).join(', ')})` : `= ${PLACE}`;
  const isText = type?.family === 'sqlite' && type.affinity === 'text';
  return [{ text: `${quotedName(name)} ${text}`, operands: operands.map((operand) => ({ ...operand, isText })) }];
}
