// Intervals by their ends, found by a value that lies in them: a B+ tree in the order of lower ends, in which each
// block is known with the highest upper end below it. Ends count as inside: the caller looks closer at what is found.
//
// There may be as many trees as there are keys, most of them of one interval. So a tree is a number: its root's, or,
// for a single interval, its item. All trees of a path share one set of blocks.

import type { Scalar } from '../change.ts';
import { type Interval, IntervalBlocks, type IntervalOrder, OPEN, type Slot } from './interval-blocks.ts';
import { NONE } from './numbers.ts';

export interface IntervalOptions {
  /** Undefined when all intervals are open at both ends, and every point leads to all. */
  readonly order: IntervalOrder | undefined;
  /** The ends of an item; they stay equal while it is in a tree. Not asked for without an order. */
  readonly ends: (item: number) => Interval;
}

const NOT_THERE = 'expected an item of the tree, got one that is not in it';

/** Items are whole numbers from 0 on, each once in a tree. The tree of no items is NONE. */
export class IntervalTrees {
  readonly #order: IntervalOrder | undefined;
  readonly #ends: IntervalOptions['ends'];
  readonly #blocks: IntervalBlocks;

  constructor({ order, ends }: IntervalOptions) {
    this.#order = order;
    this.#ends = ends;
    this.#blocks = new IntervalBlocks(order);
  }

  /** Returns the tree. */
  insert(tree: number, item: number): number {
    if (tree === NONE) return singleOf(item);
    let root = tree;
    if (tree < NONE) {
      root = this.#blocks.take(0);
      this.#insert(root, this.#slotOf(singleOf(tree)));
    } else if (this.#blocks.isFull(tree)) {
      // A new root above a full one.
      root = this.#blocks.take(this.#blocks.level(tree) + 1);
      this.#blocks.insert(root, 0, this.#blocks.slotOf(tree));
    }
    this.#insert(root, this.#slotOf(item));
    return root;
  }

  /** Returns the tree. */
  remove(tree: number, item: number): number {
    if (tree === singleOf(item)) return NONE;
    if (tree <= NONE) throw new RangeError(NOT_THERE);
    this.#remove(tree, this.#slotOf(item));
    return this.#lowered(tree);
  }

  /** Adds the items whose interval may hold the point. */
  find(tree: number, point: Scalar, found: number[]): void {
    if (tree < NONE) found.push(singleOf(tree));
    else if (this.#order === undefined || this.#blocks.isDisordered) this.#blocks.all(tree, found);
    else this.#blocks.find(tree, point, found);
  }

  all(tree: number, found: number[]): void {
    if (tree < NONE) found.push(singleOf(tree));
    else if (tree !== NONE) this.#blocks.all(tree, found);
  }

  #slotOf(item: number): Slot {
    const { low, high } = this.#order === undefined ? OPEN : this.#ends(item);
    return { item, low, high };
  }

  /**
   * Inserts below a block that is not full. It splits full blocks on the way down, so that there is room for a further
   * block.
   */
  #insert(root: number, slot: Slot): void {
    const blocks = this.#blocks;
    let block = root;
    while (blocks.level(block) > 0) {
      let at = this.#childFor(block, slot);
      if (blocks.isFull(blocks.item(block, at))) {
        this.#splitChild(block, at);
        at = this.#childFor(block, slot);
      }
      const low = at === 0 ? blocks.lower(slot.low, blocks.low(block, 0)) : blocks.low(block, at);
      blocks.setEnds(block, at, { low, high: blocks.higher(blocks.high(block, at), slot.high) });
      block = blocks.item(block, at);
    }
    blocks.insert(block, this.#countBefore(block, slot), slot);
  }

  #remove(block: number, slot: Slot): void {
    const blocks = this.#blocks;
    if (blocks.level(block) === 0) {
      const at = blocks.indexOf(block, slot.item);
      if (at === NONE) throw new RangeError(NOT_THERE);
      blocks.remove(block, at);
      return;
    }
    const at = this.#childFor(block, slot);
    const child = blocks.item(block, at);
    this.#remove(child, slot);
    if (blocks.length(child) > 0) blocks.setEnds(block, at, blocks.slotOf(child));
    else {
      blocks.remove(block, at);
      blocks.give(child);
    }
  }

  /** Without roots of one child, and a single item without a block. */
  #lowered(tree: number): number {
    const blocks = this.#blocks;
    let root = tree;
    while (blocks.length(root) === 1) {
      const only = blocks.item(root, 0);
      const isLeaf = blocks.level(root) === 0;
      blocks.give(root);
      if (isLeaf) return singleOf(only);
      root = only;
    }
    return root;
  }

  #splitChild(block: number, at: number): void {
    const blocks = this.#blocks;
    const child = blocks.item(block, at);
    const rest = blocks.split(child, blocks.length(child) >> 1);
    blocks.setEnds(block, at, blocks.slotOf(child));
    blocks.insert(block, at + 1, blocks.slotOf(rest));
  }

  /** The place of the child that has the slot or is to have it: the last that begins before it, or the first. */
  #childFor(block: number, slot: Slot): number {
    return Math.max(0, this.#countBefore(block, slot) - 1);
  }

  /** How many of a block begin before the slot, or with it. */
  #countBefore(block: number, slot: Slot): number {
    let [from, to] = [0, this.#blocks.length(block)];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (this.#isBefore(slot, block, middle)) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  /** Among equal lower ends the lower number comes before. */
  #isBefore({ item, low }: Slot, block: number, at: number): boolean {
    const other = this.#blocks.low(block, at);
    if (low !== other) {
      if (low === undefined || other === undefined) return low === undefined;
      const order = this.#blocks.compare(low, other);
      if (order !== 0) return order < 0;
    }
    let first = this.#blocks.item(block, at);
    for (let level = this.#blocks.level(block); level > 0; level--) first = this.#blocks.item(first, 0);
    return item < first;
  }
}

/** The tree of this item alone; or the item of that tree. */
function singleOf(number: number): number {
  return -2 - number;
}
