// Conditions on the rows of a UNION ALL, asked of each of its parts: of a view of several tables, of a partitioned
// table.
//
// In other set operations a row that does not satisfy the condition can stand for one that does, as the two are equal;
// and a column whose parts differ in type is compared in a way that is not known of either part.

import { isSameType, typeOf } from '../narrow/closure.ts';
import {
  hidden,
  type Output,
  type PlainPlan,
  type Plan,
  partsOf,
  plansOf,
  type Resolved,
  type SourceNode,
} from './resolved.ts';

/** A condition, for the outputs of a part in the place of the columns of the union. */
export type UnionCondition = (outputs: readonly Output[]) => Resolved;

/** A column of a UNION ALL, where a subselect is one. */
export function unionColumn(plan: Plan, column: number): Resolved {
  return { ...hidden('column of a subselect'), union: { plan, column } } as Resolved;
}

/** The conditions that hold for each row of the plan that matters, in the form in which its parts are asked. */
export function conditionsOn(plan: Plan, conditions: readonly Resolved[]): UnionCondition[] {
  const parts = plan.kind === 'several' ? rowsOf(plan) : undefined;
  if (parts === undefined) return [];
  return conditions
    .filter((condition) => isOn(condition, { plan, parts }))
    .map((condition) => (outputs) => asked(condition, outputs));
}

/** The parts whose rows, each for itself, are the union's; undefined when it is not that simple. */
function rowsOf(plan: Plan): PlainPlan[] | undefined {
  if (plan.kind === 'plain') {
    const { isRowByRow, hasAllOutputs, limit, offset } = plan;
    return isRowByRow && hasAllOutputs && limit === undefined && offset === undefined ? [plan] : undefined;
  }
  if (plan.isUnionAll !== true || plan.expressions.length > 0) return undefined;
  const parts: PlainPlan[] = [];
  for (const inner of plan.plans) {
    const rows = rowsOf(inner);
    if (rows === undefined) return undefined;
    parts.push(...rows);
  }
  return parts;
}

/** Whether there is a RIGHT or FULL JOIN in it. */
function keepsRight(node: SourceNode): boolean {
  switch (node.kind) {
    case 'read':
      return false;
    case 'join':
      return node.type === 'full' || node.wasRight || keepsRight(node.left) || keepsRight(node.right);
    case 'filter':
      return node.nodes.some(keepsRight);
    case 'plan':
      return hasRightJoin(node.plan);
  }
}

/** Whether a RIGHT or FULL JOIN stands in the FROM of a part. */
export function hasRightJoin(plan: Plan): boolean {
  return plan.kind === 'plain' ? plan.nodes.some(keepsRight) : plan.plans.some(hasRightJoin);
}

interface Union {
  readonly plan: Plan;
  readonly parts: readonly PlainPlan[];
}

/** Whether it is about columns of the union, and about nothing else. */
function isOn(condition: Resolved, union: Union): boolean {
  const columns = columnsOf(condition, union.plan);
  if (columns === undefined || columns.length === 0 || plansOf(condition).length > 0) return false;
  return columns.every((column) => isOneColumn(column, union.parts));
}

/** Returns undefined when anything else is in it. */
function columnsOf(condition: Resolved, plan: Plan): number[] | undefined {
  if (condition.kind === 'column') return undefined;
  if (condition.kind === 'other') return condition.union?.plan === plan ? [condition.union.column] : undefined;
  const columns: number[] = [];
  for (const part of partsOf(condition)) {
    const within = columnsOf(part, plan);
    if (within === undefined) return undefined;
    columns.push(...within);
  }
  return columns;
}

/** Whether it is a column of a table in each part, of one type. */
function isOneColumn(column: number, parts: readonly PlainPlan[]): boolean {
  const types = parts.map(({ outputs }) => {
    const expression = outputs[column]?.expression;
    return expression?.kind === 'column' ? typeOf(expression.ref) : undefined;
  });
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
