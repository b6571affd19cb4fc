// `x IN (SELECT y …)`: only those rows of the subselect matter whose y is x.
//
// Where there is no such row, a y that is NULL makes it NULL instead of FALSE, and so does an x that is NULL once there
// is any row. That matters under a NOT, and nowhere else in a condition that has to hold.

import { regionOf } from '../resolve/regions.ts';
import { conjunctsOf, type Plan, type ReadState, type Ref, type Resolved } from '../resolve/resolved.ts';

/** A condition with each such subselect narrowed. `members`: reads whose rows are there. */
export function withMembership(condition: Resolved, members: ReadonlySet<ReadState>, isNegated = false): Resolved {
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
      if (operand?.kind !== 'column' || plan === undefined) return condition;
      const narrowed = narrowedTo(operand, plan, (inside, ref) => {
        return !isNegated || (isThere(operand.ref, members) && isThere(ref, inside));
      });
      return narrowed === undefined ? condition : { ...condition, plans: [narrowed] };
    }
    default:
      return condition;
  }
}

export const IN_SELECT = 'IN (SELECT …)';

type Column = Extract<Resolved, { kind: 'column' }>;

function narrowedTo(
  operand: Column,
  plan: Plan,
  isSound: (members: ReadonlySet<ReadState>, shown: Ref) => boolean,
): Plan | undefined {
  if (plan.kind !== 'plain' || !plan.isRowByRow || !plan.hasAllOutputs) return undefined;
  if (plan.limit !== undefined || plan.offset !== undefined || plan.outputs.length !== 1) return undefined;
  const shown = plan.outputs[0]?.expression;
  if (shown?.kind !== 'column') return undefined;
  const members = new Set(regionOf(plan.nodes, plan.where.flatMap(conjunctsOf)).members);
  if (!isSound(members, shown.ref)) return undefined;
  const equal: Resolved = { kind: 'compare', operator: '=', left: shown, right: operand };
  return { ...plan, where: [...plan.where, equal] };
}

/** Never NULL. */
function isThere({ read, column }: Ref, members: ReadonlySet<ReadState>): boolean {
  return members.has(read) && read.table.columns[column]?.isNotNull === true;
}
