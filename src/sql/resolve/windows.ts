// ORDER BY with LIMIT as a window over one read: rows that sort after its last row have no part in the answer.
//
// Later terms of the order may be unknown. The known terms before them suffice: a row that sorts after the last row by
// those sorts after it by all.

import type { ColumnType } from '../../dependency/condition/column-type.ts';
import type { Count, Dialect, OrderTerm, Window } from '../../dependency/template.ts';
import { type Analysis, addNote } from '../analysis.ts';
import { type Equalities, keyOf, typeOf } from '../narrow/closure.ts';
import type { Results } from '../narrow/narrowing.ts';
import { hasOffset, shownColumns, type Top } from './outputs.ts';
import type { ReadState, Resolved, ResolvedOrder } from './resolved.ts';

interface WindowOfRead {
  readonly read: ReadState;
  readonly window: Window;
}

export function windowOf(top: Top, analysis: Analysis): WindowOfRead | undefined {
  const { plan, region } = top;
  if (plan.limit === undefined || !plan.isRowByRow || !plan.hasAllOutputs) return undefined;
  const limit = countOf(plan.limit);
  const offset = hasOffset(plan) && plan.offset !== undefined ? countOf(plan.offset) : undefined;
  if (limit === undefined || (hasOffset(plan) && offset === undefined)) return undefined;
  const terms = varying(top);
  const first = terms[0]?.expression;
  if (first?.kind !== 'column') return undefined;
  const { read } = first.ref;
  if (!region.members.includes(read)) return undefined;
  const order = orderOf(read, { terms, shown: shownColumns(top) }, analysis);
  return order.length === 0 ? undefined : { read, window: { order, limit, offset } };
}

/**
 * Whether the order alone says which rows a LIMIT leaves: no two that differ in their row of this read are equal by it,
 * so that nothing depends on the way a database finds them in.
 */
export function isPlacedByOrder(read: ReadState, top: Top, known: Equalities): boolean {
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

/** The terms but for columns that are equal to one value, by which no two rows differ. */
function varying(top: Top): ResolvedOrder[] {
  const fixed = fixedIn(top);
  return top.plan.orderBy.filter(({ expression }) => expression.kind !== 'column' || !fixed.has(keyOf(expression.ref)));
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

interface Ordered {
  readonly terms: readonly ResolvedOrder[];
  readonly shown: Results;
}

function orderOf(read: ReadState, { terms: given, shown }: Ordered, analysis: Analysis): OrderTerm[] {
  const terms: OrderTerm[] = [];
  for (const term of given) {
    if (term.expression.kind !== 'column' || term.expression.ref.read !== read) break;
    const { ref } = term.expression;
    const name = `${read.alias}.${read.table.columns[ref.column]?.name}`;
    const output = shown.get(keyOf(ref));
    if (output === undefined) addNote(analysis, 'order-not-selected', name);
    else if (!isOrdered(typeOf(ref))) addNote(analysis, 'unknown-collation', name);
    if (output === undefined || !isOrdered(typeOf(ref))) break;
    const nullsFirst = nullsFirstOf(term, analysis.dialect);
    terms.push({ column: ref.column, output, isDescending: term.isDescending, nullsFirst });
  }
  return terms;
}

/** SQLite takes NULL for the least value, PostgreSQL for the greatest. */
function nullsFirstOf({ nullsFirst, isDescending }: ResolvedOrder, dialect: Dialect): boolean {
  return nullsFirst ?? (dialect === 'sqlite' ? !isDescending : isDescending);
}

function isOrdered(type: ColumnType): boolean {
  return type.family === 'sqlite' ? type.collation !== 'unknown' : type.isOrdered;
}

function countOf(count: Resolved): Count | undefined {
  if (count.kind !== 'value') return undefined;
  const { operand } = count;
  if (operand.kind === 'parameter') return { kind: 'parameter', index: operand.index };
  if (operand.kind === 'list') return undefined;
  const { value } = operand;
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? { kind: 'value', value } : undefined;
}
