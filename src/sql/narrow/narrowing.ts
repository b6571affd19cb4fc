// Which rows of each read matter, and which of its columns.
//
// Each plan is narrowed exactly once, where it stands. A condition that could be taken for a read's
// predicate in one place and not in another would narrow both.

import { type Analysis, addNote, Stop } from '../analysis.ts';
import { conditionsOn, isBlind, type Region, readsOfRegion, regionOf } from '../resolve/regions.ts';
import {
  conjunctsOf,
  isFlat,
  type Plan,
  plansOf,
  type ReadState,
  type Ref,
  type Resolved,
  refsOf,
  shownOf,
} from '../resolve/resolved.ts';
import { Equalities, keyOf } from './closure.ts';
import { hasMaybe, predicateOf } from './conjuncts.ts';

/** Columns of reads that the statement's result shows: `keyOf` to the number of the output. */
export type Results = ReadonlyMap<string, number>;

/** Facts known where a plan or a region stands. */
export interface Surroundings {
  readonly inherited: Equalities;
  /** For the reads of the region itself: only rows that join with the result's matter. */
  readonly results?: Results | undefined;
  /** Results for the reads of its nullable sides. */
  readonly nullable?: Results | undefined;
  /** Results for the nullable sides of a nullable side that does not look at them (`isBlind`). */
  readonly chained?: Results | undefined;
  /** Results for whatever is nested in it. */
  readonly nested?: Results | undefined;
  /** For a plan: conditions that hold for each row of it that matters. */
  readonly asked?: ReturnType<typeof conditionsOn>;
}

export function narrowPlan(plan: Plan, { asked = [], ...around }: Surroundings, analysis: Analysis): void {
  if (plan.kind === 'several') {
    for (const inner of plan.plans) narrowPlan(inner, { ...around, asked }, analysis);
    for (const expression of plan.expressions) use(expression, within(around.inherited, around), analysis);
    return;
  }
  const where = [...plan.where, ...asked.map((condition) => condition(plan.outputs))];
  const known = narrowRegion(regionOf(plan.nodes, where), around, analysis);
  for (const expression of shownOf(plan)) use(expression, within(known, around), analysis);
}

/** Returns the equalities in the region's rows. */
export function narrowRegion(region: Region, around: Surroundings, analysis: Analysis): Equalities {
  const known = around.inherited.copy();
  known.learn(region.conjuncts);
  const inside = within(known, around);
  const members = new Set(region.members);
  for (const conjunct of region.conjuncts) place(conjunct, { members, inside }, analysis);
  for (const read of region.members) {
    // A second time would narrow it to what two places have in common.
    if (read.isPlaced) throw new Stop('tables', `${read.alias} in two places`);
    read.isPlaced = true;
    for (const column of read.table.columns.keys()) read.predicates.push(...known.derived({ read, column }));
    if (around.results !== undefined) read.predicates.push(...joinedWith(read, known, around.results));
  }
  for (const nullable of region.nullable) {
    const results = around.nullable && outside(nullable, around.nullable);
    const chained = isBlind(nullable) ? around.chained : undefined;
    narrowRegion(nullable, { ...inside, results, nullable: around.nested ?? chained, chained }, analysis);
  }
  for (const { sides, on } of region.full) {
    addNote(analysis, 'outer-join', 'FULL JOIN');
    const nothing = { inherited: new Equalities() };
    for (const condition of on) use(condition, nothing, analysis);
    for (const side of sides) narrowRegion(side, nothing, analysis);
  }
  for (const plan of region.plans)
    narrowPlan(plan, { ...inside, asked: conditionsOn(plan, region.conjuncts) }, analysis);
  for (const expression of region.others) use(expression, inside, analysis);
  return known;
}

function within(inherited: Equalities, { nested }: Surroundings): Surroundings {
  return { inherited, results: nested, nullable: nested, nested };
}

/** Makes all columns of the expression values, and narrows its plans. */
export function use(expression: Resolved, around: Surroundings, analysis: Analysis): void {
  mark(expression);
  for (const plan of plansOf(expression)) narrowPlan(plan, around, analysis);
}

/** Narrows an expression that the statement computes from the rows it shows, and uses for nothing else. */
export function show(expression: Resolved, around: Surroundings, analysis: Analysis): void {
  for (const { read, column } of refsOf(expression)) read.shown.add(column);
  for (const plan of plansOf(expression)) narrowPlan(plan, around, analysis);
}

function mark(expression: Resolved): void {
  for (const { read, column } of refsOf(expression)) read.used.add(column);
}

/** A condition on one read of the region is part of its predicate; any other makes values of its columns. */
function place(
  conjunct: Resolved,
  { members, inside }: { readonly members: ReadonlySet<ReadState>; readonly inside: Surroundings },
  analysis: Analysis,
): void {
  const reads = new Set(refsOf(conjunct).map(({ read }) => read));
  const [read] = reads;
  const isPlain = plansOf(conjunct).length === 0;
  if (!isPlain || reads.size > 1 || (read !== undefined && !members.has(read)))
    return use(withMembership(conjunct, members), inside, analysis);
  const predicate = predicateOf(conjunct);
  if (read === undefined) {
    // It holds for every row or for none.
    if (predicate.kind !== 'maybe') for (const member of members) member.predicates.push(predicate);
    return;
  }
  if (hasMaybe(predicate)) mark(conjunct);
  if (predicate.kind === 'maybe') addNote(analysis, 'unknown-expression', `${read.alias}: ${predicate.reason}`);
  else read.predicates.push(predicate);
}

function joinedWith(read: ReadState, known: Equalities, results: Results) {
  return [...read.table.columns.keys()].flatMap((column) => {
    const outputs = known.equalsOf({ read, column }).map((ref) => results.get(keyOf(ref)));
    const output = outputs.find((at) => at !== undefined);
    if (output === undefined) return [];
    return [{ kind: 'in', column, operands: [{ kind: 'result', column: output }] } as const];
  });
}

/** Drops the results that the region itself shows: rows that are not joined yet are missing there. */
function outside(region: Region, results: Results): Results {
  const own = new Set(
    readsOfRegion(region).flatMap((read) => [...read.table.columns.keys()].map((column) => keyOf({ read, column }))),
  );
  return new Map([...results].filter(([key]) => !own.has(key)));
}

/** A condition with each such subselect narrowed. `members`: reads whose rows are there. */
function withMembership(condition: Resolved, members: ReadonlySet<ReadState>, isNegated = false): Resolved {
  const inner = (part: Resolved) => withMembership(part, members, isNegated);
  switch (condition.kind) {
    case 'and':
    case 'or':
      return { kind: condition.kind, parts: condition.parts.map(inner) };
    case 'not':
      return { kind: 'not', part: withMembership(condition.part, members, !isNegated) };
    case 'other': {
      if (condition.reason !== IN_SELECT) return condition;
      const [operand] = condition.parts;
      const [plan] = condition.plans;
      if (operand?.kind !== 'column' || plan === undefined || !isFlat(plan)) return condition;
      const [shown, ...others] = plan.outputs.map(({ expression }) => expression);
      if (shown?.kind !== 'column' || others.length > 0) return condition;
      const within = new Set(regionOf(plan.nodes, plan.where.flatMap(conjunctsOf)).members);
      if (isNegated && !(isThere(operand.ref, members) && isThere(shown.ref, within))) return condition;
      const equal: Resolved = { kind: 'compare', operator: '=', left: shown, right: operand };
      return { ...condition, plans: [{ ...plan, where: [...plan.where, equal] }] };
    }
    default:
      return condition;
  }
}

export const IN_SELECT = 'IN (SELECT …)';

/** Never NULL. */
function isThere({ read, column }: Ref, members: ReadonlySet<ReadState>): boolean {
  return members.has(read) && read.table.columns[column]?.isNotNull === true;
}
