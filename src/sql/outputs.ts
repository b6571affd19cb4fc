// What the result shows of the rows it was made of: where their keys are, which of their columns others join with.
//
// The one complication: a row that is not shown must have had no part in the answer. That holds of rows that only add
// joined rows; a row on the nullable side of an outer join also keeps away the row without a partner.

import { type Analysis, addNote } from './analysis.ts';
import { type Equalities, keyOf } from './closure.ts';
import type { Results } from './narrowing.ts';
import { type Region, readsOfRegion } from './regions.ts';
import { allWithin, allWithinPlan, type PlainPlan, type ReadState, type Ref } from './resolved.ts';

/** The select of a statement itself. */
export interface Top {
  readonly plan: PlainPlan;
  readonly region: Region;
}

/** Of plain columns; empty where rows of the answer are not joined rows. */
export function shownColumns({ plan }: Top): Results {
  const results = new Map<string, number>();
  if (!plan.isRowByRow || !plan.hasAllOutputs) return results;
  plan.outputs.forEach(({ expression }, at) => {
    if (expression.kind !== 'column') return;
    const key = keyOf(expression.ref);
    if (!results.has(key)) results.set(key, at);
  });
  return results;
}

/**
 * Whether rows of nullable sides only add to the rows of the kept ones: no condition looks at them, no OFFSET skips any,
 * and no LIMIT follows an order that they have a part in.
 */
export function addsOnly(top: Top): boolean {
  const { plan, region } = top;
  if (!plan.isRowByRow || region.full.length > 0 || hasOffset(plan)) return false;
  const nullable = new Set(region.nullable.flatMap(readsOfRegion));
  const order = plan.limit === undefined ? [] : plan.orderBy.map(({ expression }) => expression);
  const looked = [
    ...[...region.conjuncts, ...region.others, ...order].flatMap(allWithin),
    ...region.plans.flatMap(allWithinPlan),
  ];
  return !looked.some((part) => {
    if (part.kind === 'other') return part.isHidden === true;
    return part.kind === 'column' && nullable.has(part.ref.read);
  });
}

export function hasOffset({ offset }: PlainPlan): boolean {
  if (offset === undefined) return false;
  return offset.kind !== 'value' || offset.operand.kind !== 'value' || offset.operand.value !== 0;
}

/** Outputs with the primary key of each row of a read that is in the answer. */
export function keyOutputsOf(read: ReadState, top: Top, known: Equalities): readonly number[] | undefined {
  const { plan, region } = top;
  if (!plan.isRowByRow || !plan.hasAllOutputs) return undefined;
  const shown = shownColumns(top);
  const isKept = region.members.includes(read);
  const isAdded =
    region.nullable.some(({ members }) => members.includes(read)) && plan.limit === undefined && addsOnly(top);
  if (!isKept && !isAdded) return undefined;
  const members = new Set(region.members);
  const outputs = read.table.key.map((column) => {
    const own: Ref = { read, column };
    // Where a partner is missing its columns are NULL, whatever those are that they would be equal to.
    const equal = isKept ? known.equalsOf(own).filter((ref) => members.has(ref.read)) : [];
    return [own, ...equal].map((ref) => shown.get(keyOf(ref))).find((at) => at !== undefined);
  });
  return outputs.every((at) => at !== undefined) && outputs.length > 0 ? outputs : undefined;
}

export function noteMissingKey(read: ReadState, analysis: Analysis): void {
  if (read.table.key.length === 0) addNote(analysis, 'no-primary-key', read.table.name);
  else addNote(analysis, 'key-not-selected', read.alias);
}
