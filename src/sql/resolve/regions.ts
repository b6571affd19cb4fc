// Divides a FROM into regions: sources of which each row must satisfy the same conditions to matter.
//
// An outer join is a border for conditions in one direction. A region's WHERE narrows the sources it keeps (its own and
// those on the preserved side). The ON narrows the nullable side, together with what is equal in the rows that are
// kept. A condition that no row without a partner can satisfy makes an outer join an inner one.

import { rejectsNulls } from '../narrow/conjuncts.ts';
import {
  allWithin,
  allWithinPlan,
  type Plan,
  type ReadState,
  type Resolved,
  readsOfNode,
  type SourceNode,
} from './resolved.ts';

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
  const looks = looked.some((part) => {
    if (part.kind === 'other') return part.isHidden === true;
    return part.kind === 'column' && nullable.has(part.ref.read);
  });
  return region.full.length === 0 && !looks;
}

/** Reads of a region and of all within it. */
export function readsOfRegion(region: Region): ReadState[] {
  const within = [...region.nullable, ...region.full.flatMap(({ sides }) => sides)];
  return [...region.members, ...within.flatMap(readsOfRegion)];
}
