// The blocks of trees of intervals (interval-tree.ts): up to 32 slots side by side, as most of the time of a search is
// waiting for memory. A slot of a leaf is an item with the ends of its interval; above leaves it is a block with the first
// lower end and the highest upper end that are below it.
//
// Most trees are of a few intervals, others of a million. So a block has room for 2, 4 … 32, grows
// and shrinks from one size to the next, and what it leaves is taken by another.

import type { Cell, ColumnType, Scalar } from '../change.ts';
import { compareCells, isInForm } from '../condition/compare.ts';
import { NONE, Numbers, Places } from './numbers.ts';

export interface OrderOptions {
  readonly type: ColumnType;
  /** A NULL is below or above all else, or satisfies nothing. */
  readonly nulls: 'low' | 'high' | 'none';
  /** Sorts from high to low: for intervals without a lower end. */
  readonly isReversed: boolean;
}

/**
 * The order of the ends: that of the column's values, with NULLs at the place that a window gives them. The order of two
 * values may turn out to be unknown. NaN says so, and nothing is left out for it.
 */
export class IntervalOrder {
  readonly nulls: OrderOptions['nulls'];
  readonly #type: ColumnType;
  readonly #sign: 1 | -1;

  constructor({ type, nulls, isReversed }: OrderOptions) {
    this.nulls = nulls;
    this.#type = type;
    this.#sign = isReversed ? -1 : 1;
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
    if (cell === undefined || (cell !== null && !isInForm(this.#type, cell))) return undefined;
    return this.compare(cell, cell) === 0 ? cell : undefined;
  }

  #compare(one: Scalar, other: Scalar): number {
    if (one === null || other === null) {
      if (this.nulls === 'none') return NaN;
      if (one === other) return 0;
      return (one === null) === (this.nulls === 'low') ? -1 : 1;
    }
    const order = compareCells(this.#type, one, other);
    return typeof order === 'number' ? order : NaN;
  }
}

/** An undefined end: there is none on that side. */
export interface Interval {
  readonly low: Cell;
  readonly high: Cell;
}

/** Content of a slot. `item` is an item in a leaf, else a block. */
export interface Slot extends Interval {
  readonly item: number;
}

export const OPEN: Interval = { low: undefined, high: undefined };

const LEAST_LOG = 1;
const MOST_LOG = 5;

const OFFSET = 0;
const LENGTH = 1;
const LOG = 2;
const LEVEL = 3;
const HEAD = 4;

const LOW = 0;
const HIGH = 1;
const ENDS = 2;

export class IntervalBlocks {
  readonly #order: IntervalOrder | undefined;
  readonly #places = new Places();
  readonly #heads = new Numbers();
  /** Items by slot; a free slot holds the next free one. */
  readonly #items = new Numbers();
  readonly #ends: Cell[] = [];
  readonly #free: number[] = new Array(MOST_LOG + 1).fill(NONE);
  #end = 0;
  /** Whether two ends of unknown order were met: then nothing may be left out. */
  isDisordered = false;

  /** Without an order nothing is kept of the ends, which are all open. */
  constructor(order: IntervalOrder | undefined) {
    this.#order = order;
  }

  compare(one: Scalar, other: Scalar): number {
    const order = (this.#order as IntervalOrder).compare(one, other);
    if (!Number.isNaN(order)) return order;
    this.isDisordered = true;
    return 0;
  }

  /** `level`: 0 of a leaf, of others one more than that of the blocks in it. */
  take(level: number): number {
    const block = this.#places.take();
    const head = HEAD * block;
    this.#heads.set(head + OFFSET, this.#takeSlots(LEAST_LOG));
    this.#heads.set(head + LENGTH, 0);
    this.#heads.set(head + LOG, LEAST_LOG);
    this.#heads.set(head + LEVEL, level);
    return block;
  }

  give(block: number): void {
    this.#giveSlots(block);
    this.#places.give(block);
  }

  level(block: number): number {
    return this.#heads.get(HEAD * block + LEVEL);
  }

  length(block: number): number {
    return this.#heads.get(HEAD * block + LENGTH);
  }

  isFull(block: number): boolean {
    return this.length(block) === 1 << MOST_LOG;
  }

  item(block: number, at: number): number {
    return this.#items.get(this.#offset(block) + at);
  }

  low(block: number, at: number): Cell {
    return this.#order === undefined ? undefined : this.#ends[ENDS * (this.#offset(block) + at) + LOW];
  }

  high(block: number, at: number): Cell {
    return this.#order === undefined ? undefined : this.#ends[ENDS * (this.#offset(block) + at) + HIGH];
  }

  /** The entry by which the block above knows a block that is not empty. */
  slotOf(block: number): Slot {
    const length = this.length(block);
    let high = this.high(block, 0);
    for (let at = 1; at < length && high !== undefined; at++) high = this.higher(high, this.high(block, at));
    return { item: block, low: this.low(block, 0), high };
  }

  lower(one: Cell, other: Cell): Cell {
    if (one === undefined || other === undefined) return undefined;
    return this.compare(one, other) < 0 ? one : other;
  }

  higher(one: Cell, other: Cell): Cell {
    if (one === undefined || other === undefined) return undefined;
    return this.compare(one, other) < 0 ? other : one;
  }

  setEnds(block: number, at: number, { low, high }: Interval): void {
    if (this.#order === undefined) return;
    const ends = ENDS * (this.#offset(block) + at);
    this.#ends[ends + LOW] = low;
    this.#ends[ends + HIGH] = high;
  }

  /** Index of the item in the block; NONE when it is not there. */
  indexOf(block: number, item: number): number {
    const length = this.length(block);
    for (let at = 0; at < length; at++) if (this.item(block, at) === item) return at;
    return NONE;
  }

  /** Into a block that is not full. */
  insert(block: number, at: number, added: Slot): void {
    const length = this.length(block);
    const log = this.#heads.get(HEAD * block + LOG);
    if (length === 1 << log) this.#resize(block, log + 1);
    const slot = this.#offset(block) + at;
    this.#move(slot, slot + 1, length - at);
    this.#items.set(slot, added.item);
    this.setEnds(block, at, added);
    this.#heads.set(HEAD * block + LENGTH, length + 1);
  }

  remove(block: number, at: number): void {
    const length = this.length(block) - 1;
    const slot = this.#offset(block) + at;
    this.#move(slot + 1, slot, length - at);
    this.setEnds(block, length, OPEN);
    this.#heads.set(HEAD * block + LENGTH, length);
    const log = this.#heads.get(HEAD * block + LOG);
    if (log > LEAST_LOG && length <= 1 << (log - 2)) this.#resize(block, log - 1);
  }

  /** Moves the slots from there on to a new block, and returns it. */
  split(block: number, from: number): number {
    const rest = this.take(this.level(block));
    const length = this.length(block);
    for (let at = from; at < length; at++)
      this.insert(rest, at - from, {
        item: this.item(block, at),
        low: this.low(block, at),
        high: this.high(block, at),
      });
    for (let at = length - 1; at >= from; at--) this.remove(block, at);
    return rest;
  }

  /** Adds all items below. */
  all(block: number, found: number[]): void {
    const offset = this.#offset(block);
    const end = offset + this.length(block);
    const isLeaf = this.level(block) === 0;
    for (let slot = offset; slot < end; slot++) {
      if (isLeaf) found.push(this.#items.get(slot));
      else this.all(this.#items.get(slot), found);
    }
  }

  /** Adds the items below whose intervals may hold the point. */
  find(block: number, point: Scalar, found: number[]): void {
    const order = this.#order as IntervalOrder;
    const offset = this.#offset(block);
    const end = offset + this.length(block);
    const isLeaf = this.level(block) === 0;
    for (let slot = offset; slot < end; slot++) {
      const low = this.#ends[ENDS * slot + LOW];
      if (low !== undefined && order.compare(low, point) > 0) return;
      const high = this.#ends[ENDS * slot + HIGH];
      if (high !== undefined && order.compare(high, point) < 0) continue;
      if (isLeaf) found.push(this.#items.get(slot));
      else this.find(this.#items.get(slot), point, found);
    }
  }

  #offset(block: number): number {
    return this.#heads.get(HEAD * block + OFFSET);
  }

  #move(from: number, to: number, count: number): void {
    this.#items.copyWithin(to, from, from + count);
    if (this.#order === undefined) return;
    const ends = this.#ends;
    const length = ENDS * count;
    // Copies from the far end, as the ranges may overlap. The built-in method is many times slower.
    if (from < to) for (let at = length - 1; at >= 0; at--) ends[ENDS * to + at] = ends[ENDS * from + at];
    else for (let at = 0; at < length; at++) ends[ENDS * to + at] = ends[ENDS * from + at];
  }

  #resize(block: number, log: number): void {
    const to = this.#takeSlots(log);
    this.#move(this.#offset(block), to, this.length(block));
    this.#giveSlots(block);
    this.#heads.set(HEAD * block + OFFSET, to);
    this.#heads.set(HEAD * block + LOG, log);
  }

  #takeSlots(log: number): number {
    const free = this.#free[log] as number;
    if (free !== NONE) {
      this.#free[log] = this.#items.get(free);
      return free;
    }
    const offset = this.#end;
    this.#end += 1 << log;
    this.#items.set(this.#end - 1, NONE);
    // In order, so that the list has no gaps.
    if (this.#order !== undefined) for (let at = ENDS * offset; at < ENDS * this.#end; at++) this.#ends.push(undefined);
    return offset;
  }

  #giveSlots(block: number): void {
    const offset = this.#offset(block);
    const log = this.#heads.get(HEAD * block + LOG);
    if (this.#order !== undefined) {
      for (let at = ENDS * offset; at < ENDS * (offset + (1 << log)); at++) this.#ends[at] = undefined;
    }
    this.#items.set(offset, this.#free[log] as number);
    this.#free[log] = offset;
  }
}
