// A statement after its names are resolved: every column is of one read of one table, views and common tables are gone.
// Types, and the walks over them.
//
// A plan that stands in an expression must be narrowed once only, where it stands; what refers to
// that expression by a name gets its columns without its plans.

import type { Scalar, TableShape } from '../../dependency/change.ts';
import type { ComparisonOperator, GivenTest, Operand, Predicate } from '../../dependency/condition/predicate.ts';

/** A table where it stands in the statement, while it is being analysed. */
export interface ReadState {
  readonly id: number;
  readonly table: TableShape;
  readonly alias: string;
  /** Ordinals of the value columns. */
  readonly used: Set<number>;
  /** Ordinals of columns that the statement itself shows; those among `used` do more than that. */
  readonly shown: Set<number>;
  /** A conjunction. */
  readonly predicates: Predicate[];
  /** Any row and any column of it. */
  isWhole: boolean;
  /** Narrowed, where it stands. */
  isPlaced: boolean;
}

export interface Ref {
  readonly read: ReadState;
  readonly column: number;
}

export type Resolved =
  | { readonly kind: 'column'; readonly ref: Ref }
  | { readonly kind: 'value'; readonly operand: Exclude<Operand, { kind: 'result' | 'lookup' }> }
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Resolved[] }
  | { readonly kind: 'not'; readonly part: Resolved }
  | {
      readonly kind: 'compare';
      readonly operator: ComparisonOperator;
      readonly left: Resolved;
      readonly right: Resolved;
    }
  /** IS, IS NOT DISTINCT FROM. */
  | { readonly kind: 'is'; readonly left: Resolved; readonly right: Resolved }
  | { readonly kind: 'in'; readonly operand: Resolved; readonly list: readonly Resolved[] }
  | { readonly kind: 'is-null'; readonly operand: Resolved }
  /** No column has a part in it. */
  | { readonly kind: 'given'; readonly test: GivenTest }
  | {
      readonly kind: 'like';
      readonly operand: Resolved;
      readonly pattern: Resolved;
      readonly escape: string | undefined;
      readonly foldsCase: boolean;
    }
  | {
      readonly kind: 'other';
      readonly reason: string;
      readonly parts: readonly Resolved[];
      readonly plans: readonly Plan[];
      /** Whether it depends on more than its parts: on a subselect that is narrowed elsewhere, on a function's rows. */
      readonly isHidden?: boolean;
      /** Set for a column of this plan, which is a UNION ALL. */
      readonly union?: { readonly plan: Plan; readonly column: number };
    };

export interface Output {
  /** Empty: the database makes one up. */
  readonly name: string;
  readonly expression: Resolved;
  /** Whether something else in the statement refers to it by name or number. */
  isReferenced: boolean;
}

export interface ResolvedOrder {
  readonly expression: Resolved;
  readonly isDescending: boolean;
  readonly nullsFirst: boolean | undefined;
}

export type SourceNode =
  | { readonly kind: 'read'; readonly read: ReadState }
  | {
      readonly kind: 'join';
      readonly type: 'inner' | 'left' | 'full';
      readonly left: SourceNode;
      readonly right: SourceNode;
      readonly on: readonly Resolved[];
      /** Written as RIGHT: its sides are swapped. */
      readonly wasRight: boolean;
    }
  /** A plain subselect: its sources and its conditions; `others`: columns of it that have plans in them. */
  | {
      readonly kind: 'filter';
      readonly nodes: readonly SourceNode[];
      readonly conjuncts: readonly Resolved[];
      readonly others: readonly Resolved[];
    }
  | { readonly kind: 'plan'; readonly plan: Plan };

export type Plan =
  | PlainPlan
  | {
      readonly kind: 'several';
      readonly plans: readonly Plan[];
      readonly expressions: readonly Resolved[];
      /** Whether its rows are exactly its plans' rows. */
      readonly isUnionAll?: boolean;
    };

export interface PlainPlan {
  readonly kind: 'plain';
  readonly nodes: readonly SourceNode[];
  readonly where: readonly Resolved[];
  readonly outputs: readonly Output[];
  /** Whether `outputs` has all columns; if not, the others are at unknown places. */
  readonly hasAllOutputs: boolean;
  /** Each joined row is a row of the answer: no DISTINCT, GROUP BY, aggregate or window function. */
  readonly isRowByRow: boolean;
  /** GROUP BY, HAVING, DISTINCT ON. */
  readonly groups: readonly Resolved[];
  readonly orderBy: readonly ResolvedOrder[];
  readonly limit: Resolved | undefined;
  readonly offset: Resolved | undefined;
}

export function constant(value: Scalar): Resolved {
  return { kind: 'value', operand: { kind: 'value', value } };
}

export function other(reason: string, parts: readonly Resolved[], plans: readonly Plan[] = []): Resolved {
  return { kind: 'other', reason, parts, plans };
}

/** An expression computed elsewhere: only its columns are seen here. */
export function hidden(reason: string, refs: readonly Ref[] = []): Resolved {
  return { kind: 'other', reason, parts: refs.map(columnOf), plans: [], isHidden: true };
}

/** The expressions directly within one. */
export function partsOf(expression: Resolved): readonly Resolved[] {
  switch (expression.kind) {
    case 'column':
    case 'value':
    case 'given':
      return [];
    case 'and':
    case 'or':
    case 'other':
      return expression.parts;
    case 'not':
      return [expression.part];
    case 'compare':
    case 'is':
      return [expression.left, expression.right];
    case 'in':
      return [expression.operand, ...expression.list];
    case 'is-null':
      return [expression.operand];
    case 'like':
      return [expression.operand, expression.pattern];
  }
}

/** Columns in an expression, not those in its plans. */
export function refsOf(expression: Resolved): Ref[] {
  return expression.kind === 'column' ? [expression.ref] : partsOf(expression).flatMap(refsOf);
}

export function plansOf(expression: Resolved): Plan[] {
  const within = partsOf(expression).flatMap(plansOf);
  return expression.kind === 'other' ? [...expression.plans, ...within] : within;
}

/** An expression, all within it and everywhere in its plans. */
export function allWithin(expression: Resolved): Resolved[] {
  const plans = expression.kind === 'other' ? expression.plans : [];
  return [expression, ...partsOf(expression).flatMap(allWithin), ...plans.flatMap(allWithinPlan)];
}

export function allWithinPlan(plan: Plan): Resolved[] {
  if (plan.kind === 'several') return [...plan.plans.flatMap(allWithinPlan), ...plan.expressions.flatMap(allWithin)];
  return [...plan.nodes.flatMap(allWithinNode), ...[...plan.where, ...shownOf(plan)].flatMap(allWithin)];
}

/** All expressions that a plan computes from its joined rows. */
export function shownOf(plan: PlainPlan): Resolved[] {
  return [...plan.outputs.map(({ expression }) => expression), ...restOf(plan)];
}

/** Those that it does not show. */
export function restOf({ groups, orderBy, limit, offset }: PlainPlan): Resolved[] {
  const counts = [limit, offset].filter((count) => count !== undefined);
  return [...groups, ...orderBy.map(({ expression }) => expression), ...counts];
}

/** Whether its rows are those of its sources that satisfy its conditions, each once, and all columns of them are known. */
export function isFlat(plan: Plan): plan is PlainPlan {
  if (plan.kind !== 'plain' || plan.limit !== undefined || plan.offset !== undefined) return false;
  return plan.isRowByRow && plan.hasAllOutputs;
}

/** The sources directly within one. */
export function sourcesOf(node: SourceNode): readonly SourceNode[] {
  if (node.kind === 'join') return [node.left, node.right];
  return node.kind === 'filter' ? node.nodes : [];
}

function allWithinNode(node: SourceNode): Resolved[] {
  if (node.kind === 'plan') return allWithinPlan(node.plan);
  const joined = node.kind === 'join' ? node.on : [];
  const own = node.kind === 'filter' ? [...node.conjuncts, ...node.others] : joined;
  return [...sourcesOf(node).flatMap(allWithinNode), ...own.flatMap(allWithin)];
}

/** Reads whose rows a source joins; not those of its plans. */
export function readsOfNode(node: SourceNode): ReadState[] {
  return node.kind === 'read' ? [node.read] : sourcesOf(node).flatMap(readsOfNode);
}

/** The expression's columns alone, for use where its plans are narrowed elsewhere. */
function withoutPlans(expression: Resolved): Resolved {
  return plansOf(expression).length === 0 ? expression : hidden('computed', refsOf(expression));
}

/** The expression of an output where something else refers to it by name or number. */
export function referredTo(output: Output): Resolved {
  output.isReferenced = true;
  return withoutPlans(output.expression);
}

export function columnOf(ref: Ref): Resolved {
  return { kind: 'column', ref };
}

/** AND taken apart. */
export function conjunctsOf(expression: Resolved | undefined): Resolved[] {
  if (expression === undefined) return [];
  return expression.kind === 'and' ? expression.parts.flatMap(conjunctsOf) : [expression];
}
