// Resolves what stands in a FROM: tables, joins, subselects, and views and common tables, which are taken apart like
// subselects.
//
// A plain subselect is no border. Its sources and conditions are as good as those of the query around it, so that a
// condition on a view's column applies to the table's column. Any other subselect is a border: its columns are values
// of unknown origin, and only its own conditions narrow what it reads.

import { type Analysis, isSameName, type NamedColumn, type Place, type Scope, Stop, scopeOf } from '../analysis.ts';
import type { CommonTable, Relation, Select, Source } from '../ast.ts';
import { resolveExpression } from './expressions.ts';
import {
  expandCommon,
  findCommon,
  findRelation,
  placeOfView,
  readRelation,
  readWhole,
  selectOfView,
  unknownTable,
} from './names.ts';
import { unionColumn } from './regions.ts';
import {
  columnOf,
  conjunctsOf,
  hidden,
  isFlat,
  other,
  type Plan,
  plansOf,
  type Resolved,
  refsOf,
  type SourceNode,
} from './resolved.ts';

type SourceOf<Kind extends Source['kind']> = Extract<Source, { kind: Kind }>;

export interface ResolvedSource {
  readonly node: SourceNode;
  readonly entries: Scope['entries'];
  readonly visible: Scope['visible'];
}

/** `before`: the sources to its left, which LATERAL and functions see. */
export function resolveSource(
  source: Source,
  before: Scope,
  given: { place: Place; analysis: Analysis },
): ResolvedSource {
  const { place, analysis } = given;
  switch (source.kind) {
    case 'table':
      return tableSource(source, place, analysis);
    case 'join':
      return joinSource(source, before, given);
    case 'select': {
      const scope = source.isLateral ? before : before.outer;
      const alias = source.alias ?? '';
      return derived(source.select, { alias, columns: source.columns, place: { ...place, scope } }, analysis);
    }
    case 'function': {
      const expressions = source.args.map((part) => resolveExpression(part, { ...place, scope: before }, analysis));
      return sourceUnder(source.alias ?? source.name, planNode({ kind: 'several', plans: [], expressions }), undefined);
    }
  }
}

function planNode(plan: Plan): SourceNode {
  return { kind: 'plan', plan };
}

/** A source that is no table. `columns`: undefined when it may have any. */
function sourceUnder(alias: string, node: SourceNode, columns: readonly NamedColumn[] | undefined): ResolvedSource {
  const visible = columns ?? [];
  const entry = { alias, schema: undefined, columns: visible, isOpen: columns === undefined, read: undefined };
  return { node, entries: [entry], visible };
}

function tableSource(source: SourceOf<'table'>, place: Place, analysis: Analysis): ResolvedSource {
  const { schema, name } = source;
  const alias = source.alias ?? name;
  const common = schema === undefined ? findCommon(name, place, analysis) : undefined;
  if (common !== undefined) return commonSource(common.table, { alias, place: common.place() }, analysis);
  const relation = findRelation(source, place, analysis);
  if (relation === null) throw unknownTable(source);
  if (relation.kind === 'view') return viewSource(relation, { source, alias, place }, analysis);
  const read = readRelation(relation, alias, analysis);
  const columns = read.table.columns.map(({ name: own }, column) => ({
    name: own,
    expression: columnOf({ read, column }),
  }));
  const entry = { alias, schema: source.alias === undefined ? schema : undefined, columns, isOpen: false, read };
  return { node: { kind: 'read', read }, entries: [entry], visible: columns };
}

function commonSource(table: CommonTable, given: { alias: string; place: Place }, analysis: Analysis): ResolvedSource {
  const select = expandCommon(table);
  const { alias, place } = given;
  if (readWhole(table, place, analysis))
    return sourceUnder(alias, planNode({ kind: 'several', plans: [], expressions: [] }), undefined);
  return derived(select, { alias, columns: table.columns, place: deeper(place, table.name) }, analysis);
}

function viewSource(
  view: Extract<Relation, { kind: 'view' }>,
  { source, alias, place }: { source: SourceOf<'table'>; alias: string; place: Place },
  analysis: Analysis,
): ResolvedSource {
  const select = selectOfView(source.name, view, analysis);
  const inner = deeper(placeOfView(source, place, analysis), source.name);
  const columns = view.columns.length > 0 ? view.columns : undefined;
  return derived(select, { alias, columns, place: inner }, analysis);
}

const MAX_DEPTH = 30;

function deeper(place: Place, name: string): Place {
  const within = [...place.within, name];
  // The walk over all its tables goes no deeper than once into each.
  if (within.length > MAX_DEPTH) throw new Stop('tables', `views and common tables more than ${MAX_DEPTH} deep`);
  return { ...place, within };
}

function derived(
  select: Select,
  { alias, columns: names, place }: { alias: string; columns: readonly string[] | undefined; place: Place },
  analysis: Analysis,
): ResolvedSource {
  const { plan, outputs, hasAllOutputs } = analysis.select(select, place);
  // Columns that are not known may be any that it computes.
  if (!hasAllOutputs) return sourceUnder(alias, planNode(plan), undefined);
  const columns = outputs.map((output, at) => ({
    name: names?.[at] ?? output.name,
    expression: isFlat(plan) ? carried(output.expression) : unionColumn(plan, at),
  }));
  if (!isFlat(plan)) return sourceUnder(alias, planNode(plan), columns);
  const computed = [...plan.outputs, ...plan.orderBy].map(({ expression }) => expression);
  const others = computed.filter((part) => plansOf(part).length > 0);
  return sourceUnder(alias, { kind: 'filter', nodes: plan.nodes, conjuncts: plan.where, others }, columns);
}

/** Carries a table's column as it is. It hides a computed value, which is NULL where a join finds no partner. */
function carried(expression: Resolved): Resolved {
  return expression.kind === 'column' ? expression : hidden('computed', refsOf(expression));
}

function joinSource(
  source: SourceOf<'join'>,
  before: Scope,
  given: { place: Place; analysis: Analysis },
): ResolvedSource {
  const { place, analysis } = given;
  const left = resolveSource(source.left, before, given);
  const among = scopeOf(before.outer, [...before.entries, ...left.entries], [...before.visible, ...left.visible]);
  const right = resolveSource(source.right, among, given);
  const { visible, equal } = joinedColumns(source, { left: left.visible, right: right.visible }, analysis);
  const entries = [...left.entries, ...right.entries];
  // SQLite's ON sees all that stands before the join as well.
  const scope = scopeOf(before, entries, [...left.visible, ...right.visible]);
  const on = source.on === undefined ? [] : conjunctsOf(resolveExpression(source.on, { ...place, scope }, analysis));
  const isSwapped = source.type === 'right';
  const node: SourceNode = {
    kind: 'join',
    type: source.type === 'right' ? 'left' : source.type,
    left: isSwapped ? right.node : left.node,
    right: isSwapped ? left.node : right.node,
    on: [...equal, ...on],
    wasRight: isSwapped,
  };
  return { node, entries, visible };
}

function joinedColumns(
  { using, type }: SourceOf<'join'>,
  { left, right }: { readonly left: readonly NamedColumn[]; readonly right: readonly NamedColumn[] },
  analysis: Analysis,
): { readonly visible: readonly NamedColumn[]; readonly equal: readonly Resolved[] } {
  if (using === undefined) return { visible: [...left, ...right], equal: [] };
  const named = (columns: readonly NamedColumn[], name: string) =>
    columns.find((column) => isSameName(column.name, name, analysis));
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
  if (analysis.dialect.mergesFirst) return { visible: [...merged, ...rest(left), ...rest(right)], equal };
  // SQLite leaves the common columns where the left side has them.
  const inPlace = left.map((column) => merged.find(({ name }) => gone.has(column) && name === column.name) ?? column);
  return { visible: [...inPlace, ...rest(right)], equal };
}
