// USING and NATURAL: which columns two sides of a join have in common, and what `*` shows of them.
//
// Where the left side may be missing, the common column is the first of the two that is not NULL,
// and so neither of them.

import { type Analysis, fold, type NamedColumn, Stop } from '../analysis.ts';
import type { Source } from '../ast.ts';
import { other, type Resolved } from './resolved.ts';

export interface JoinSides {
  readonly left: readonly NamedColumn[];
  readonly right: readonly NamedColumn[];
}

interface JoinedColumns {
  readonly visible: readonly NamedColumn[];
  readonly equal: readonly Resolved[];
}

type Join = Extract<Source, { kind: 'join' }>;

export function joinedColumns({ using, type }: Join, sides: JoinSides, analysis: Analysis): JoinedColumns {
  const { left, right } = sides;
  if (using === undefined) return { visible: [...left, ...right], equal: [] };
  const named = (columns: readonly NamedColumn[], name: string) =>
    columns.find((column) => fold(column.name, analysis) === fold(name, analysis));
  const names = using === 'natural' ? left.filter(({ name }) => named(right, name)).map(({ name }) => name) : using;
  const equal: Resolved[] = [];
  const merged: NamedColumn[] = [];
  const gone = new Set<NamedColumn>();
  for (const name of names) {
    const [one, two] = [named(left, name), named(right, name)];
    if (one === undefined || two === undefined) throw new Stop('tables', `USING (${name})`);
    equal.push({ kind: 'compare', operator: '=', left: one.expression, right: two.expression });
    const isLeft = type === 'inner' || type === 'left';
    const expression = isLeft ? one.expression : other('USING', [one.expression, two.expression]);
    merged.push({ name: one.name, expression });
    gone.add(one).add(two);
  }
  const rest = (columns: readonly NamedColumn[]) => columns.filter((column) => !gone.has(column));
  if (analysis.dialect === 'postgres') return { visible: [...merged, ...rest(left), ...rest(right)], equal };
  // SQLite leaves the common columns where the left side has them.
  const inPlace = left.map((column) => merged.find(({ name }) => gone.has(column) && name === column.name) ?? column);
  return { visible: [...inPlace, ...rest(right)], equal };
}
