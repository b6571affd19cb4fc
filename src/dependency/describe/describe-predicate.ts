// A condition as text for people, near to SQL: `firstName = 'Lane' and (age > 30 or city is null)`.
//
// A list may have a hundred thousand values, and a condition as many parts: long texts are cut, and say so.

import type { TableShape } from '../change.ts';
import type { Operand, Predicate } from '../condition/predicate.ts';
import { cellText, shortened } from './describe-cells.ts';

const MAX_LISTED = 8;
const MAX_PARTS = 20;
const MAX_TEXT = 600;
const MAX_REASON = 80;

export function predicateText(predicate: Predicate, table: TableShape): string {
  return shortened(textOf(predicate, table), MAX_TEXT);
}

type List = Extract<Predicate, { readonly kind: 'in' }>;
type Junction = Extract<Predicate, { readonly parts: readonly Predicate[] }>;

function textOf(predicate: Predicate, table: TableShape): string {
  const name = (column: number): string => table.columns[column]?.name ?? `column ${column + 1}`;
  const value = (column: number, operand: Operand) => operandText(operand, table.columns[column]?.type);
  switch (predicate.kind) {
    case 'always':
      return 'any row';
    case 'never':
      return 'no row';
    case 'given':
      return '[what its parameters say]';
    case 'and':
    case 'or':
      return junctionText(predicate, table);
    case 'not':
      return `not (${textOf(predicate.part, table)})`;
    case 'compare':
      return `${name(predicate.column)} ${predicate.operator} ${value(predicate.column, predicate.operand)}`;
    case 'in':
      return listText([predicate], table);
    case 'is-null':
      return `${name(predicate.column)} is null`;
    case 'like':
      return `${name(predicate.column)} like ${value(predicate.column, predicate.pattern)}`;
    case 'columns':
      return `${name(predicate.left)} ${predicate.operator} ${name(predicate.right)}`;
    case 'maybe': {
      const of =
        predicate.columns.length === 0 ? '' : ` of ${predicate.columns.slice(0, MAX_LISTED).map(name).join(', ')}`;
      return `[not understood${of}: ${shortened(predicate.reason, MAX_REASON)}]`;
    }
  }
}

function junctionText({ kind, parts }: Junction, table: TableShape): string {
  const lists = parts.filter((part) => part.kind === 'in');
  // One list may be kept in pieces.
  if (kind === 'or' && lists.length === parts.length && lists.every(({ column }) => column === lists[0]?.column)) {
    return listText(lists, table);
  }
  if (parts.length === 1) return textOf(parts[0] as Predicate, table);
  const shown = parts.slice(0, MAX_PARTS).map((part) => {
    const text = textOf(part, table);
    return part.kind === 'or' && text.includes(' or ') ? `(${text})` : text;
  });
  if (parts.length > MAX_PARTS) shown.push(`… ${parts.length - MAX_PARTS} more`);
  return shown.join(` ${kind} `);
}

function listText(lists: readonly List[], table: TableShape): string {
  const [first] = lists;
  const count = lists.reduce((sum, { operands }) => sum + operands.length, 0);
  if (first === undefined || count === 0) return 'no row';
  const column = table.columns[first.column];
  const shown: string[] = [];
  for (const { operands } of lists) {
    for (const operand of operands) {
      if (shown.length === MAX_LISTED) break;
      shown.push(operandText(operand, column?.type));
    }
  }
  if (count > MAX_LISTED) shown.push(`… ${count - MAX_LISTED} more`);
  return `${column?.name ?? `column ${first.column + 1}`} in (${shown.join(', ')})`;
}

/** Only a statement that was not bound to its parameters has operands that are not values. */
function operandText(operand: Operand, type: Parameters<typeof cellText>[0]): string {
  switch (operand.kind) {
    case 'value':
      return cellText(type, operand.value);
    case 'parameter':
    case 'list':
      return `?${operand.index + 1}`;
    case 'result':
      return '[the joined rows]';
    case 'lookup':
      return '[what was looked up]';
  }
}
