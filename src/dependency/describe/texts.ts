// Values of a database, and conditions on them, as text for people: short, but enough to tell one from another.
//
// They may be personal data, and anyone who may ask the admin API sees them. So each is cut to what is needed to know
// it again. A list may have a hundred thousand values, and a condition as many parts: long texts say that they are cut.

import type { Cell, ColumnType, TableShape } from '../change.ts';
import type { Operand, Predicate } from '../condition/predicate.ts';

const MAX_VALUE = 60;
const MICROSECONDS_PER_MS = 1_000;
const MS_PER_DAY = 86_400_000;
/** https://tc39.es/ecma262/#sec-time-values-and-time-range */
const MAX_DATE_MS = 8.64e15;

/** The value as SQL writes it. */
export function cellText(type: ColumnType | undefined, cell: Cell): string {
  if (cell === undefined) return '?';
  if (cell === null) return 'null';
  if (typeof cell === 'string') {
    const isNumber = type?.family === 'postgres' && type.type === 'decimal';
    return isNumber ? shortened(cell) : `'${shortened(cell, MAX_VALUE - 2).replaceAll("'", "''")}'`;
  }
  if (cell instanceof Uint8Array) {
    const shown = Array.from(cell.subarray(0, MAX_VALUE / 2), (byte) => byte.toString(16).padStart(2, '0')).join('');
    return shortened(`x'${shown}'`);
  }
  if (typeof cell === 'boolean') return String(cell);
  const moment = momentText(type, cell);
  return moment === undefined ? `${cell}` : `'${moment}'`;
}

/** The values of a key (`rowKey`), as texts in the order of the table's key: `7`; `3, de`. */
export function keyText(table: TableShape, key: string): string {
  const types = table.key.map((ordinal) => table.columns[ordinal]?.type);
  const parts = types.length === 1 ? [key.startsWith('$') ? key.slice(1) : Number(key)] : partsOf(key);
  return parts.map((part, at) => partText(types[at], part)).join(', ');
}

export function columnName(table: TableShape, column: number): string {
  return table.columns[column]?.name ?? `column ${column + 1}`;
}

export function shortened(text: string, most = MAX_VALUE): string {
  if (text.length <= most) return text;
  // Never cut within a pair of surrogates.
  return `${text.slice(0, most - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

/** Returns undefined when the cell is a plain number. */
function momentText(type: ColumnType | undefined, cell: number | bigint): string | undefined {
  if (type?.family !== 'postgres') return undefined;
  if (type.type !== 'date' && type.type !== 'timestamp' && type.type !== 'timestamptz') return undefined;
  const ms = Number(cell) * (type.type === 'date' ? MS_PER_DAY : 1 / MICROSECONDS_PER_MS);
  if (Math.abs(ms) === Number.POSITIVE_INFINITY) return ms > 0 ? 'infinity' : '-infinity';
  if (!(Math.abs(ms) <= MAX_DATE_MS)) return undefined;
  const text = new Date(Math.floor(ms)).toISOString();
  if (type.type === 'date') return text.slice(0, text.indexOf('T'));
  const micros = `${Math.round((Number(cell) / 1_000_000 - Math.floor(Number(cell) / 1_000_000)) * 1_000_000) % 1_000_000}`;
  const long = `${text.slice(0, text.indexOf('.')).replace('T', ' ')}.${micros.padStart(6, '0')}`;
  const moment = long.replace(/\.?0+$/, '');
  return type.type === 'timestamptz' ? `${moment}+00` : moment;
}

/** Takes a key of several parts apart; `compare.ts` writes them as `7,` and `$2:de`. */
function partsOf(key: string): (number | string)[] {
  const parts: (number | string)[] = [];
  for (let at = 0; at < key.length; ) {
    if (key[at] !== '$') {
      const end = key.indexOf(',', at);
      parts.push(Number(key.slice(at, end)));
      at = end + 1;
    } else {
      const colon = key.indexOf(':', at);
      const end = colon + 1 + Number(key.slice(at + 1, colon));
      parts.push(key.slice(colon + 1, end));
      at = end;
    }
  }
  return parts;
}

/** An equality key (compare.ts): texts stand as they are, others begin with a zero character. */
function partText(type: ColumnType | undefined, part: number | string): string {
  if (typeof part === 'number') return momentText(type, part) ?? `${part}`;
  if (part.charCodeAt(0) !== 0) return shortened(part);
  const rest = part.slice(2);
  if (part[1] === 'i') return momentText(type, BigInt(rest)) ?? rest;
  if (part[1] === 'b') return shortened(`x'${rest}'`);
  // `\0true`, `\0false`, `\0nan`; `\0t` before a text that begins with a zero character itself.
  return /^\0(?:true|false|nan)$/.test(part) ? part.slice(1) : shortened(rest);
}

const MAX_LISTED = 8;
const MAX_PARTS = 20;
const MAX_TEXT = 600;
const MAX_REASON = 80;

export function predicateText(predicate: Predicate, table: TableShape): string {
  return shortened(textOf(predicate, table), MAX_TEXT);
}

function textOf(predicate: Predicate, table: TableShape): string {
  const name = (column: number): string => columnName(table, column);
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

function junctionText({ kind, parts }: Extract<Predicate, { readonly parts: unknown }>, table: TableShape): string {
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

function listText(lists: readonly Extract<Predicate, { readonly kind: 'in' }>[], table: TableShape): string {
  const [first] = lists;
  const count = lists.reduce((sum, { operands }) => sum + operands.length, 0);
  if (first === undefined || count === 0) return 'no row';
  const type = table.columns[first.column]?.type;
  const shown: string[] = [];
  for (const { operands } of lists) {
    for (const operand of operands) {
      if (shown.length === MAX_LISTED) break;
      shown.push(operandText(operand, type));
    }
  }
  if (count > MAX_LISTED) shown.push(`… ${count - MAX_LISTED} more`);
  return `${columnName(table, first.column)} in (${shown.join(', ')})`;
}

/** Only a statement that was not bound to its parameters has operands that are not values. */
function operandText(operand: Operand, type: ColumnType | undefined): string {
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
