// Divides a FROM into regions: sources of which each row must satisfy the same conditions to matter.
//
// An outer join is a border for conditions in one direction. A region's WHERE narrows the sources it keeps (its own and
// those on the preserved side). The ON narrows the nullable side, together with what is equal in the rows that are
// kept. A condition that no row without a partner can satisfy makes an outer join an inner one.
//
// A UNION ALL is a border that conditions pass: they are asked of each of its parts. In other set operations a row that does
// not satisfy the condition can stand for one that does, as the two are equal; and a column whose parts differ in type is
// compared in a way that is not known of either part.

import { columnType, isSameType } from '../narrow/closure.ts';
import { rejectsNulls } from '../narrow/conjuncts.ts';
import type { Output, PlainPlan, Plan, ReadState, Resolved, SourceNode } from './resolved.ts';
import { allWithin, allWithinPlan, hidden, isFlat, partsOf, plansOf, readsOfNode, sourcesOf } from './resolved.ts';

export interface Region {
  /** Reads of inner joins and preserved sides. */
  readonly members: ReadState[];
  /** Each holds of every joined row that matters. */
  readonly conjuncts: Resolved[];
  /** Subselects that are a border. */
  readonly plans: Plan[];
  /** Computed, and perhaps not asked for. */
  readonly others: Resolved[];
  /** Their conjuncts are those of their ON. */
  readonly nullable: Region[];
  readonly full: FullJoin[];
}

/** Either side may be missing, so that ON keeps no row away. */
export interface FullJoin {
  readonly sides: readonly [Region, Region];
  readonly on: readonly Resolved[];
}

type Join = Extract<SourceNode, { kind: 'join' }>;

export function regionOf(nodes: readonly SourceNode[], conjuncts: readonly Resolved[]): Region {
  const region: Region = { members: [], conjuncts: [...conjuncts], plans: [], others: [], nullable: [], full: [] };
  let outer: Join[] = [];
  for (const node of nodes) absorb(node, region, outer);
  for (let found = true; found; ) {
    const pending = outer;
    outer = [];
    found = false;
    for (const join of pending) {
      const kept = reduced(join, region.conjuncts);
      if (kept === join) outer.push(join);
      else absorb(kept, region, outer);
      found ||= kept !== join;
    }
  }
  for (const { type, left, right, on } of outer) {
    if (type === 'left') region.nullable.push(regionOf([right], on));
    else region.full.push({ sides: [regionOf([left], []), regionOf([right], [])], on });
  }
  return region;
}

function absorb(node: SourceNode, region: Region, outer: Join[]): void {
  switch (node.kind) {
    case 'read':
      region.members.push(node.read);
      return;
    case 'plan':
      region.plans.push(node.plan);
      return;
    case 'filter':
      region.conjuncts.push(...node.conjuncts);
      region.others.push(...node.others);
      for (const inner of node.nodes) absorb(inner, region, outer);
      return;
    case 'join':
      if (node.type === 'full') {
        outer.push(node);
        return;
      }
      absorb(node.left, region, outer);
      if (node.type === 'left') outer.push({ ...node, left: NOTHING });
      else {
        region.conjuncts.push(...node.on);
        absorb(node.right, region, outer);
      }
  }
}

/** The left side of a join that is in the region already. */
const NOTHING: SourceNode = { kind: 'filter', nodes: [], conjuncts: [], others: [] };

/** The join, kept outer only where a side may still be missing. */
function reduced(join: Join, conjuncts: readonly Resolved[]): Join {
  const needs = (side: SourceNode) => {
    const reads = new Set(readsOfNode(side));
    return reads.size > 0 && conjuncts.some((conjunct) => rejectsNulls(conjunct, reads));
  };
  const needsRight = needs(join.right);
  if (join.type === 'left') return needsRight ? { ...join, type: 'inner' } : join;
  const needsLeft = needs(join.left);
  if (needsLeft && needsRight) return { ...join, type: 'inner' };
  if (needsLeft) return { ...join, type: 'left' };
  return needsRight ? { ...join, type: 'left', left: join.right, right: join.left } : join;
}

/** Whether no condition of a region looks at its nullable sides; `more`: further expressions that may not. */
export function isBlind(region: Region, more: readonly Resolved[] = []): boolean {
  const nullable = new Set(region.nullable.flatMap(readsOfRegion));
  const looked = [
    ...[...region.conjuncts, ...region.others, ...more].flatMap(allWithin),
    ...region.plans.flatMap(allWithinPlan),
  ];
  const looks = looked.some((part) =>
    part.kind === 'other' ? part.isHidden === true : part.kind === 'column' && nullable.has(part.ref.read),
  );
  return region.full.length === 0 && !looks;
}

/** Reads of a region and of all within it. */
export function readsOfRegion(region: Region): ReadState[] {
  const within = [...region.nullable, ...region.full.flatMap(({ sides }) => sides)];
  return [...region.members, ...within.flatMap(readsOfRegion)];
}

/** A condition, for the outputs of a part in the place of the columns of the union. */
type UnionCondition = (outputs: readonly Output[]) => Resolved;

/** A column of a UNION ALL, where a subselect is one. */
export function unionColumn(plan: Plan, column: number): Resolved {
  return { ...hidden('column of a subselect'), union: { plan, column } } as Resolved;
}

/** The conditions that hold for each row of the plan that matters, in the form in which its parts are asked. */
export function conditionsOn(plan: Plan, conditions: readonly Resolved[]): UnionCondition[] {
  const parts = plan.kind === 'several' ? rowsOf(plan) : undefined;
  if (parts === undefined) return [];
  // About columns of the union, and about nothing else.
  const isOn = (condition: Resolved): boolean => {
    const columns = columnsOf(condition, plan) ?? [];
    const isPlain = columns.length > 0 && plansOf(condition).length === 0;
    return isPlain && columns.every((column) => isOneColumn(column, parts));
  };
  return conditions.filter(isOn).map((condition) => (outputs) => asked(condition, outputs));
}

/** The parts whose rows, each for itself, are the union's; undefined when it is not that simple. */
function rowsOf(plan: Plan): PlainPlan[] | undefined {
  if (plan.kind === 'plain') return isFlat(plan) ? [plan] : undefined;
  if (plan.isUnionAll !== true || plan.expressions.length > 0) return undefined;
  const parts = plan.plans.map(rowsOf);
  return parts.every((rows) => rows !== undefined) ? parts.flat() : undefined;
}

/** Whether there is a RIGHT or FULL JOIN in it. */
function keepsRight(node: SourceNode): boolean {
  if (node.kind === 'plan') return hasRightJoin(node.plan);
  return (node.kind === 'join' && (node.type === 'full' || node.wasRight)) || sourcesOf(node).some(keepsRight);
}

/** Whether a RIGHT or FULL JOIN stands in the FROM of a part. */
export function hasRightJoin(plan: Plan): boolean {
  return plan.kind === 'plain' ? plan.nodes.some(keepsRight) : plan.plans.some(hasRightJoin);
}

/** Returns undefined when anything else is in it. */
function columnsOf(condition: Resolved, plan: Plan): number[] | undefined {
  if (condition.kind === 'column') return undefined;
  if (condition.kind === 'other') return condition.union?.plan === plan ? [condition.union.column] : undefined;
  const columns = partsOf(condition).map((part) => columnsOf(part, plan));
  return columns.every((within) => within !== undefined) ? columns.flat() : undefined;
}

/** Whether it is a column of a table in each part, of one type. */
function isOneColumn(column: number, parts: readonly PlainPlan[]): boolean {
  const types = parts.map(({ outputs }) => outputs[column] && columnType(outputs[column].expression));
  const [first] = types;
  return first !== undefined && types.every((type) => type !== undefined && isSameType(type, first));
}

function asked(condition: Resolved, outputs: readonly Output[]): Resolved {
  const each = (part: Resolved) => asked(part, outputs);
  switch (condition.kind) {
    case 'other':
      return outputs[condition.union?.column ?? -1]?.expression ?? condition;
    case 'and':
    case 'or':
      return { ...condition, parts: condition.parts.map(each) };
    case 'not':
      return { ...condition, part: each(condition.part) };
    case 'compare':
    case 'is':
      return { ...condition, left: each(condition.left), right: each(condition.right) };
    case 'in':
      return { ...condition, operand: each(condition.operand), list: condition.list.map(each) };
    case 'is-null':
      return { ...condition, operand: each(condition.operand) };
    case 'like':
      return { ...condition, operand: each(condition.operand), pattern: each(condition.pattern) };
    case 'column':
    case 'value':
    case 'given':
      return condition;
  }
}
