// In what order the ends of intervals stand: as the column's values do, with NULLs at the place that a window gives them,
// or as texts do of which prefixes are looked for.
//
// The one complication: an order may turn out not to be known of two values. NaN says so, and nothing is left out for it.

import type { Cell, Scalar } from './change.ts';
import type { ColumnType, PostgresColumnType } from './column-type.ts';
import { compareCells } from './compare.ts';

export interface OrderOptions {
  readonly type: ColumnType;
  /** `prefix`: any order of texts serves in which those with one prefix stand together. */
  readonly by: 'value' | 'prefix';
  /** A NULL is below or above all else, or satisfies nothing. */
  readonly nulls: 'low' | 'high' | 'none';
  /** From high to low: for intervals without a lower end. */
  readonly isReversed: boolean;
  readonly foldsCase: boolean;
}

export class IntervalOrder {
  readonly #options: OrderOptions;
  readonly #isPrefix: boolean;
  readonly #sign: 1 | -1;

  constructor(options: OrderOptions) {
    this.#options = options;
    this.#isPrefix = options.by === 'prefix';
    this.#sign = options.isReversed ? -1 : 1;
  }

  get nulls(): OrderOptions['nulls'] {
    return this.#options.nulls;
  }

  compare(one: Scalar, other: Scalar): number {
    if (typeof one === 'number' && typeof other === 'number') {
      if (one < other) return -this.#sign;
      if (one > other) return this.#sign;
      if (one === other) return 0;
    }
    return this.#sign * this.#compare(one, other);
  }

  /** The value that stands for a cell in this order; undefined: it has no place that is known. */
  pointOf(cell: Cell): Cell {
    if (cell === undefined) return undefined;
    // A zero character ends a text for SQLite, or does not.
    if (this.#isPrefix) return typeof cell === 'string' && !cell.includes('\0') ? this.#fold(cell) : undefined;
    if (cell !== null && !isInForm(this.#options.type, cell)) return undefined;
    return this.compare(cell, cell) === 0 ? cell : undefined;
  }

  #compare(one: Scalar, other: Scalar): number {
    if (this.#isPrefix) return (one as string) < (other as string) ? -1 : one === other ? 0 : 1;
    if (one === null || other === null) {
      if (this.#options.nulls === 'none') return NaN;
      if (one === other) return 0;
      return (one === null) === (this.#options.nulls === 'low') ? -1 : 1;
    }
    const order = compareCells(this.#options.type, one, other);
    return typeof order === 'number' ? order : NaN;
  }

  #fold(text: string): string {
    if (!this.#options.foldsCase || !/[A-Z]/.test(text)) return text;
    return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  }
}

/** Whether values of the type have an order that is known here. */
export function isOrdered(type: ColumnType): boolean {
  return type.family === 'sqlite' ? type.collation !== 'unknown' : type.isOrdered && type.type !== 'opaque';
}

/** Whether a value stands in the form of its column, so that it can be compared with others there. */
export function isInForm(type: ColumnType, cell: Scalar): boolean {
  if (type.family === 'sqlite') return typeof cell !== 'boolean';
  return (typeof cell === 'bigint' ? 'number' : typeof cell) === formOf(type.type);
}

function formOf(type: PostgresColumnType['type']): 'number' | 'string' | 'boolean' | 'object' {
  switch (type) {
    case 'text':
    case 'char':
    case 'uuid':
    case 'decimal':
      return 'string';
    case 'boolean':
      return 'boolean';
    case 'bytes':
      return 'object';
    default:
      return 'number';
  }
}

/** What every text begins with that is LIKE the pattern; nothing, where that may be MAYBE of others. */
export function prefixOf(pattern: string, escapeBy: string): string {
  if (pattern.includes('\0') || (escapeBy !== '' && pattern.endsWith(escapeBy))) return '';
  let at = 0;
  while (at < pattern.length && !isSpecial(pattern.charCodeAt(at)) && pattern[at] !== escapeBy) at++;
  return pattern.slice(0, at);
}

/** `%`, `_`, and halves of characters beyond the first plane. */
function isSpecial(unit: number): boolean {
  return unit === 0x25 || unit === 0x5f || (unit >= 0xd800 && unit <= 0xdfff);
}

/** The least text above all that begin with the prefix; undefined: there is none. */
export function afterPrefix(prefix: string): string | undefined {
  let end = prefix.length;
  while (end > 0 && prefix.charCodeAt(end - 1) === 0xffff) end--;
  if (end === 0) return undefined;
  return prefix.slice(0, end - 1) + String.fromCharCode(prefix.charCodeAt(end - 1) + 1);
}
