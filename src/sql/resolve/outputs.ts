// Tells what the result shows of the rows it was made of: where their keys are, which of their columns others join with,
// and, for ORDER BY with LIMIT, the window over one read: rows that sort after its last row have no part in the answer.
//
// A row that is not shown must have had no part in the answer. This holds for rows that only add joined rows; a row on
// the nullable side of an outer join also keeps away the row without a partner. Later terms of an order may be unknown. The
// known terms before them suffice: a row that sorts after the last row by those sorts after it by all.

import { isOrdered } from '../../dependency/condition/compare.ts';
import type { Count, OrderTerm, TableRead, Window } from '../../dependency/template.ts';
import { type Analysis, addNote } from '../analysis.ts';
import { Equalities, keyOf, typeOf } from '../narrow/closure.ts';
import { conjunction } from '../narrow/conjuncts.ts';
import type { Results } from '../narrow/narrowing.ts';
import { isBlind, type Region, readsOfRegion } from './regions.ts';
import type { PlainPlan, ReadState, Ref, Resolved, ResolvedOrder } from './resolved.ts';

/** The select of a statement itself. */
export interface Top {
  readonly plan: PlainPlan;
  readonly region: Region;
}

/** Result positions of plain columns; empty where rows of the answer are not joined rows. */
export function shownColumns({ plan }: Top): Results {
  if (!plan.isRowByRow || !plan.hasAllOutputs) return new Map();
  const shown = plan.outputs.flatMap(({ expression }, at) =>
    expression.kind === 'column' ? [[keyOf(expression.ref), at] as const] : [],
  );
  // Of several of one column the first counts.
  return new Map(shown.reverse());
}

/**
 * Whether rows of nullable sides only add to the rows of the kept ones: no condition looks at them, no OFFSET skips any
 * that there could be several of, and no LIMIT follows an order that they have a part in.
 */
export function addsOnly(top: Top): boolean {
  const { plan, region } = top;
  if (!plan.isRowByRow || region.full.length > 0) return false;
  if (hasOffset(plan) && !region.nullable.every(isAtMostOne)) return false;
  const isCut = plan.limit !== undefined || plan.offset !== undefined;
  const order = isCut && !isPlacedFirst(top) ? plan.orderBy.map(({ expression }) => expression) : [];
  return isBlind(region, order);
}

/**
 * Whether the order, before it comes to the nullable side, leaves no two kept rows equal: then it sorts within one of
 * them. With two nullable sides, one could be joined with rows of the other that the LIMIT left out.
 */
function isPlacedFirst({ plan, region }: Top): boolean {
  if (region.nullable.length > 1 || region.members.length === 0) return false;
  const known = new Equalities(region.conjuncts);
  const members = new Set(region.members);
  const placed = new Set<string>();
  for (const { expression } of plan.orderBy) {
    if (expression.kind !== 'column' || !members.has(expression.ref.read)) break;
    for (const ref of known.equalsOf(expression.ref)) placed.add(keyOf(ref));
  }
  return region.members.every(
    (read) => read.table.key.length > 0 && read.table.key.every((column) => placed.has(keyOf({ read, column }))),
  );
}

/** Reads of nullable sides, and of theirs as far as they do not look at those: each of their rows that is joined is shown. */
function addedWithin(region: Region): ReadState[] {
  return region.nullable.flatMap((side) => [...side.members, ...(isBlind(side) ? addedWithin(side) : [])]);
}

/** Whether each row outside has one partner at most in it: all of the primary key is equal to something outside. */
function isAtMostOne(region: Region): boolean {
  const { conjuncts, plans, nullable, full } = region;
  const [read, ...others] = region.members;
  if (read === undefined || others.length + plans.length + full.length > 0) return false;
  const known = new Equalities(conjuncts);
  const own = new Set(readsOfRegion(region));
  const isFixed = (column: number) => known.equalsOf({ read, column }).some((ref) => !own.has(ref.read));
  return read.table.key.length > 0 && read.table.key.every(isFixed) && nullable.every(isAtMostOne);
}

function hasOffset({ offset }: PlainPlan): boolean {
  if (offset === undefined) return false;
  return offset.kind !== 'value' || offset.operand.kind !== 'value' || offset.operand.value !== 0;
}

/** Outputs with the primary key of each row of a read that is in the answer. */
function keyOutputsOf(read: ReadState, top: Top, known: Equalities): readonly number[] | undefined {
  const { plan, region } = top;
  if (!plan.isRowByRow || !plan.hasAllOutputs) return undefined;
  const shown = shownColumns(top);
  const isKept = region.members.includes(read);
  const isAdded = plan.limit === undefined && addsOnly(top) && addedWithin(region).includes(read);
  if (!isKept && !isAdded) return undefined;
  const members = new Set(region.members);
  const outputs = read.table.key.map((column) => {
    const own: Ref = { read, column };
    // Where a partner is missing its columns are NULL, whatever they would be equal to.
    const equal = isKept ? known.equalsOf(own).filter((ref) => members.has(ref.read)) : [];
    return [own, ...equal].map((ref) => shown.get(keyOf(ref))).find((at) => at !== undefined);
  });
  return outputs.every((at) => at !== undefined) && outputs.length > 0 ? outputs : undefined;
}

function noteMissingKey(read: ReadState, analysis: Analysis): void {
  const { name, key, hasNullableKey } = read.table;
  if (hasNullableKey === true) addNote(analysis, 'nullable-primary-key', `${name}: declare it NOT NULL`);
  else if (key.length === 0) addNote(analysis, 'no-primary-key', name);
  else addNote(analysis, 'key-not-selected', read.alias);
}

function windowOf(top: Top, analysis: Analysis): { read: ReadState; window: Window } | undefined {
  const { plan, region } = top;
  if (plan.limit === undefined || !plan.isRowByRow || !plan.hasAllOutputs) return undefined;
  const limit = countOf(plan.limit);
  const offset = hasOffset(plan) && plan.offset !== undefined ? countOf(plan.offset) : undefined;
  if (limit === undefined || (hasOffset(plan) && offset === undefined)) return undefined;
  // By columns that are equal to one value no two rows differ.
  const fixed = fixedIn(top);
  const isFixed = (expression: Resolved) => expression.kind === 'column' && fixed.has(keyOf(expression.ref));
  const terms = plan.orderBy.filter(({ expression }) => !isFixed(expression));
  const first = terms[0]?.expression;
  if (first?.kind !== 'column') return undefined;
  const { read } = first.ref;
  if (!region.members.includes(read)) return undefined;
  const order = orderOf(terms, { read, shown: shownColumns(top) }, analysis);
  return order.length === 0 ? undefined : { read, window: { order, limit, offset } };
}

/**
 * Whether the order alone says which rows a LIMIT leaves: no two that differ in their row of this read are equal by it,
 * so that nothing depends on the way a database finds them in.
 */
function isPlacedByOrder(read: ReadState, top: Top, known: Equalities): boolean {
  const { plan, region } = top;
  if (plan.limit === undefined && plan.offset === undefined) return true;
  const members = new Set(region.members);
  const placed = fixedIn(top);
  for (const { expression } of plan.orderBy) if (expression.kind === 'column') placed.add(keyOf(expression.ref));
  const { key } = read.table;
  if (key.length === 0 || !members.has(read)) return false;
  return key.every((column) =>
    known.equalsOf({ read, column }).some((ref) => members.has(ref.read) && placed.has(keyOf(ref))),
  );
}

function fixedIn({ region }: Top): Set<string> {
  const fixed = new Set<string>();
  for (const conjunct of region.conjuncts) {
    if (conjunct.kind !== 'compare' || conjunct.operator !== '=') continue;
    const [one, two] = [conjunct.left, conjunct.right];
    if (one.kind === 'column' && two.kind === 'value') fixed.add(keyOf(one.ref));
    if (two.kind === 'column' && one.kind === 'value') fixed.add(keyOf(two.ref));
  }
  return fixed;
}

function orderOf(
  given: readonly ResolvedOrder[],
  { read, shown }: { readonly read: ReadState; readonly shown: Results },
  analysis: Analysis,
): OrderTerm[] {
  const terms: OrderTerm[] = [];
  for (const term of given) {
    if (term.expression.kind !== 'column' || term.expression.ref.read !== read) break;
    const { ref } = term.expression;
    const name = `${read.alias}.${read.table.columns[ref.column]?.name}`;
    const output = shown.get(keyOf(ref));
    if (output === undefined || !isOrdered(typeOf(ref))) {
      addNote(analysis, output === undefined ? 'order-not-selected' : 'unknown-collation', name);
      break;
    }
    const nullsFirst = term.nullsFirst ?? analysis.dialect.nullsFirst(term.isDescending);
    terms.push({ column: ref.column, output, isDescending: term.isDescending, nullsFirst });
  }
  return terms;
}

function countOf(count: Resolved): Count | undefined {
  if (count.kind !== 'value' || count.operand.kind === 'list') return undefined;
  const { operand } = count;
  if (operand.kind === 'parameter') return operand;
  const { value } = operand;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? { kind: 'value', value } : undefined;
}

export function readsOf(top: Top, known: Equalities, analysis: Analysis): TableRead[] {
  const window = windowOf(top, analysis);
  return analysis.reads.map((read) => {
    const own = window?.read === read ? window.window : undefined;
    // Rows that an OFFSET skipped are not shown; only a window tells of them.
    const isSkipped = hasOffset(top.plan) && own === undefined;
    const keyOutputs = isSkipped ? undefined : keyOutputsOf(read, top, known);
    const isKept = top.plan.isRowByRow && top.region.members.includes(read);
    if (isKept && keyOutputs === undefined && !isSkipped) noteMissingKey(read, analysis);
    const isSeen = keyOutputs !== undefined && isPlacedByOrder(read, top, known);
    const onlyShown = isSeen ? inOrder([...read.shown].filter((column) => !read.used.has(column))) : [];
    return finished(read, { keyOutputs, onlyShown, window: own });
  });
}

const ANY_ROW = {
  predicate: { kind: 'always' },
  valueColumns: 'all',
  keyOutputs: undefined,
  window: undefined,
} as const;

function inOrder(ordinals: Iterable<number>): number[] {
  return [...ordinals].sort((one, two) => one - two);
}

export function finished(
  { table, alias, predicates, used, shown, isWhole, isPlaced }: ReadState,
  { keyOutputs, onlyShown = [], window }: Partial<Pick<TableRead, 'keyOutputs' | 'onlyShown' | 'window'>>,
): TableRead {
  // A read that was never narrowed may see any row.
  if (isWhole || !isPlaced) return { table, alias, ...ANY_ROW };
  const valueColumns = inOrder(new Set([...used, ...shown]));
  const read = { table, alias, predicate: conjunction(predicates), valueColumns, keyOutputs, window };
  return onlyShown.length === 0 ? read : { ...read, onlyShown };
}
