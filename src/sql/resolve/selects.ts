// Selects with their names resolved.
//
// ORDER BY and GROUP BY may name a column of the result, by its name or its number; that is then
// looked at where it stands in the result, and may no longer be taken for something that is only shown.

import {
  type Analysis,
  isSameName,
  type Place,
  type ResolvedSelect,
  type Scope,
  Stop,
  scopeOf,
  unread,
} from '../analysis.ts';
import type { Expression, ResultColumn, Select, SelectBody } from '../ast.ts';
import { isOverRows, isRowIdentifier } from '../calls/purity.ts';
import { selectsOf, someWithin } from '../calls/walk.ts';
import { collated, resolveExpression } from './expressions.ts';
import { entriesOf, withCommon } from './names.ts';
import { hasRightJoin } from './regions.ts';
import { conjunctsOf, hidden, type Output, type Resolved, referredTo, type SourceNode } from './resolved.ts';
import { resolveSource } from './sources.ts';

export function resolveSelect(select: Select, place: Place, analysis: Analysis): ResolvedSelect {
  const within = withCommon(select, place, analysis);
  switch (select.body.kind) {
    case 'plain':
      return plainSelect({ ...select, body: select.body }, within, analysis);
    case 'compound':
      return compoundSelect({ ...select, body: select.body }, within, analysis);
    case 'values': {
      const rows = select.body.rows.map((row) => row.map((item) => resolveExpression(item, within, analysis)));
      const outputs = (rows[0] ?? []).map((_, at) => outputOf(`column${at + 1}`, hidden('VALUES')));
      const expressions = [...rows.flat(), ...countsOf(select, within, analysis)];
      return { plan: { kind: 'several', plans: [], expressions }, outputs, hasAllOutputs: true };
    }
  }
}

type SelectOf<Kind extends SelectBody['kind']> = Select & { readonly body: Extract<SelectBody, { kind: Kind }> };

function compoundSelect(select: SelectOf<'compound'>, place: Place, analysis: Analysis): ResolvedSelect {
  const left = analysis.select(select.body.left, place);
  const right = analysis.select(select.body.right, place);
  // SQLite (3.53) loses conditions such as `? IS NULL OR id = ?` of one part where another has such a join.
  if (analysis.dialect.losesConditions && (hasRightJoin(left.plan) || hasRightJoin(right.plan)))
    throw new Stop('tables', 'a RIGHT or FULL JOIN in a compound');
  // ORDER BY has names of the result here; a subselect is the one thing in it that could read a table.
  if (select.orderBy.some(({ expression }) => someWithin(expression, (part) => selectsOf(part).length > 0)))
    throw new Stop('tables', 'ORDER BY of a compound');
  const expressions = countsOf(select, place, analysis);
  const isUnionAll = select.body.operator === 'union all';
  const plan = { kind: 'several', plans: [left.plan, right.plan], expressions, isUnionAll } as const;
  const outputs = left.outputs.map(({ name }) => outputOf(name, hidden('compound')));
  return { plan, outputs, hasAllOutputs: left.hasAllOutputs };
}

function countsOf({ limit, offset }: Select, place: Place, analysis: Analysis): Resolved[] {
  return [limit, offset].flatMap((count) => (count === undefined ? [] : [countOf(count, place, analysis)]));
}

function countOf(count: Expression, place: Place, analysis: Analysis): Resolved {
  // A count is of a whole number, whatever it is cast to for that.
  const bare = count.kind === 'cast' && /^(?:int\w*|bigint)$/i.test(count.type) ? count.operand : count;
  return resolveExpression(
    bare.kind === 'parameter' ? bare : count,
    { ...place, scope: scopeOf(place.scope) },
    analysis,
  );
}

function plainSelect(select: SelectOf<'plain'>, place: Place, analysis: Analysis): ResolvedSelect {
  const { body } = select;
  const { nodes, scope } = resolveFrom(select, place, analysis);
  const inner: Place = { ...place, scope };
  const { outputs, hasAll } = resolveOutputs(body.columns, inner, analysis);
  scope.aliases = outputs;
  const resolve = (part: Expression): Resolved => resolveExpression(part, inner, analysis);
  const byNumber = (part: Expression): Resolved => numbered(part, outputs, hasAll) ?? resolve(part);
  // A name is first one of the result, then one of a table; in a larger expression it is the other way round.
  const ordered = (term: Expression): Resolved => {
    if (term.kind === 'collate') return collated(ordered(term.operand), term.collation);
    if (term.kind !== 'column' || term.table.length > 0) return byNumber(term);
    const output = outputs.find(({ name }) => name !== '' && isSameName(name, term.name, analysis));
    return output === undefined ? resolve(term) : referredTo(output);
  };
  const plan = {
    kind: 'plain',
    nodes,
    where: body.where === undefined ? [] : conjunctsOf(resolve(body.where)),
    outputs,
    hasAllOutputs: hasAll,
    isRowByRow: isRowByRow(select, analysis),
    groups: [
      ...body.groupBy.map(byNumber),
      ...(body.having === undefined ? [] : [resolve(body.having)]),
      ...body.distinctOn.map(byNumber),
    ],
    orderBy: select.orderBy.map((term) => ({ ...term, expression: ordered(term.expression) })),
    limit: select.limit && countOf(select.limit, place, analysis),
    offset: select.offset && countOf(select.offset, place, analysis),
  } as const;
  return { plan, outputs, hasAllOutputs: hasAll };
}

function resolveFrom({ body }: SelectOf<'plain'>, place: Place, analysis: Analysis) {
  const nodes: SourceNode[] = [];
  let scope = scopeOf(place.scope);
  for (const source of body.from) {
    const { node, entries, visible } = resolveSource(source, scope, { place, analysis });
    nodes.push(node);
    scope = scopeOf(place.scope, [...scope.entries, ...entries], [...scope.visible, ...visible]);
  }
  return { nodes, scope };
}

/** Each joined row is one of the answer, whatever other rows there are. */
function isRowByRow({ body, orderBy }: SelectOf<'plain'>, analysis: Analysis): boolean {
  if (body.isDistinct || body.distinctOn.length > 0 || body.groupBy.length > 0 || body.having !== undefined)
    return false;
  const shown = body.columns.flatMap((column) => (column.kind === 'expression' ? [column.expression] : []));
  const computed = [...shown, ...orderBy.map(({ expression }) => expression)];
  return !computed.some((part) => someWithin(part, (inner) => isOverRows(inner, analysis)));
}

function resolveOutputs(columns: readonly ResultColumn[], place: Place, analysis: Analysis) {
  const scope = place.scope as Scope;
  let hasAll = true;
  const outputs = columns.flatMap((column): Output[] => {
    if (column.kind === 'expression') {
      const expression = resolveExpression(column.expression, place, analysis);
      if (column.isSpread === true) hasAll = false;
      return [outputOf(column.alias ?? nameOf(column.expression, expression, analysis), expression)];
    }
    const entries = column.table.length === 0 ? scope.entries : entriesOf(scope, column.table, analysis);
    if (entries.length === 0) throw unread(`${column.table.join('.')}.*, which is not known`);
    if (entries.some(({ isOpen }) => isOpen)) hasAll = false;
    const shown = column.table.length === 0 ? scope.visible : entries.flatMap((entry) => entry.columns);
    return shown.map(({ name, expression }) => outputOf(name, expression));
  });
  return { outputs, hasAll };
}

function outputOf(name: string, expression: Resolved): Output {
  return { name, expression, isReferenced: false };
}

/** Returns an empty name when it is unknown. SQLite writes a column's name as the table has it. */
function nameOf(written: Expression, resolved: Resolved, { dialect }: Analysis): string {
  if (written.kind === 'call' && dialect.namesResults) return written.name;
  if (written.kind === 'exists') return dialect.namesResults ? 'exists' : '';
  if (written.kind !== 'column') return '';
  if (dialect.namesResults || resolved.kind !== 'column') return written.name;
  const own = resolved.ref.read.table.columns[resolved.ref.column]?.name as string;
  const isOwn = own.toLowerCase() === written.name.toLowerCase() || isRowIdentifier(written.name);
  return isOwn ? own : written.name;
}

/** `ORDER BY 2`. */
function numbered(part: Expression, outputs: readonly Output[], hasAll: boolean): Resolved | undefined {
  if (part.kind !== 'literal' || typeof part.value !== 'number') return undefined;
  const output = outputs[part.value - 1];
  if (output === undefined || !hasAll) throw new Stop('tables', `column ${part.value} of the result`);
  return referredTo(output);
}
