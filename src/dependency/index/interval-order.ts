// The order of the ends of intervals: that of the column's values, with NULLs at the place that a window gives them.
//
// The order of two values may turn out to be unknown. NaN says so, and nothing is left out for it.

import type { Cell, Scalar } from '../change.ts';
import type { ColumnType, PostgresColumnType } from '../condition/column-type.ts';
import { compareCells } from '../condition/compare.ts';

export interface OrderOptions {
  readonly type: ColumnType;
  /** A NULL is below or above all else, or satisfies nothing. */
  readonly nulls: 'low' | 'high' | 'none';
  /** Sorts from high to low: for intervals without a lower end. */
  readonly isReversed: boolean;
}

export class IntervalOrder {
  readonly #options: OrderOptions;
  readonly #sign: 1 | -1;

  constructor(options: OrderOptions) {
    this.#options = options;
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

  /** The value that stands for a cell in this order; undefined when its place is unknown. */
  pointOf(cell: Cell): Cell {
    if (cell === undefined) return undefined;
    if (cell !== null && !isInForm(this.#options.type, cell)) return undefined;
    return this.compare(cell, cell) === 0 ? cell : undefined;
  }

  #compare(one: Scalar, other: Scalar): number {
    if (one === null || other === null) {
      if (this.#options.nulls === 'none') return NaN;
      if (one === other) return 0;
      return (one === null) === (this.#options.nulls === 'low') ? -1 : 1;
    }
    const order = compareCells(this.#options.type, one, other);
    return typeof order === 'number' ? order : NaN;
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
