// Intervals by their ends, found by a value that lies in them: a treap ordered by the lower end, in which each node knows
// the highest upper end below it. Ends count as inside: whoever asks looks closer at what is found.
//
// The one complication: there may be as many trees as there are keys, most of them of one node. So a tree is the number
// of its root, and all trees of a path share one set of lists in which the nodes' numbers are places.

import type { Cell, Scalar } from './change.ts';
import { NONE, Numbers } from './index-numbers.ts';
import type { IntervalOrder } from './interval-order.ts';

// What one look at a node needs stands together: most of the time of a search is waiting for memory.

const LEFT = 0;
const RIGHT = 1;
const LINKS = 2;
const LOW = 0;
const HIGH = 1;
/** The highest upper end of the node and of all below it. */
const TOP = 2;
const ENDS = 3;

export class IntervalTrees {
  readonly #order: IntervalOrder;
  readonly #links = new Numbers();
  readonly #ends: Cell[] = [];
  #isDisordered = false;
  #lower = NONE;
  #upper = NONE;

  constructor(order: IntervalOrder) {
    this.#order = order;
  }

  /** Of a node that is in no tree. Undefined: it has no end on that side. */
  setEnds(node: number, low: Cell, high: Cell): void {
    // In order, so that the list has no gaps.
    this.#ends[ENDS * node + LOW] = low;
    this.#ends[ENDS * node + HIGH] = high;
    this.#ends[ENDS * node + TOP] = high;
  }

  /** Returns the root. */
  insert(root: number, node: number): number {
    if (root === NONE || priority(node) > priority(root)) {
      this.#split(root, node);
      this.#links.set(LINKS * node + LEFT, this.#lower);
      this.#links.set(LINKS * node + RIGHT, this.#upper);
      this.#pull(node);
      return node;
    }
    if (this.#isBefore(node, root)) this.#links.set(LINKS * root + LEFT, this.insert(this.#left(root), node));
    else this.#links.set(LINKS * root + RIGHT, this.insert(this.#right(root), node));
    this.#pull(root);
    return root;
  }

  /** Returns the root, NONE of an empty tree. The node's ends are still to be those it was inserted with. */
  remove(root: number, node: number): number {
    if (root === NONE) throw new RangeError('expected a node of the tree, got one that is not in it');
    if (root === node) return this.#merge(this.#left(node), this.#right(node));
    if (this.#isBefore(node, root)) this.#links.set(LINKS * root + LEFT, this.remove(this.#left(root), node));
    else this.#links.set(LINKS * root + RIGHT, this.remove(this.#right(root), node));
    this.#pull(root);
    return root;
  }

  /** Adds the nodes whose interval may hold the point. */
  find(root: number, point: Scalar, found: number[]): void {
    if (this.#isDisordered) this.all(root, found);
    else this.#find(root, point, found);
  }

  all(root: number, found: number[]): void {
    for (let node = root; node !== NONE; node = this.#right(node)) {
      found.push(node);
      this.all(this.#left(node), found);
    }
  }

  #find(root: number, point: Scalar, found: number[]): void {
    for (let node = root; node !== NONE; ) {
      if (this.#isBelow(this.#ends[ENDS * node + TOP], point)) return;
      const low = this.#ends[ENDS * node + LOW];
      if (low !== undefined && this.#order.compare(low, point) > 0) {
        node = this.#left(node);
        continue;
      }
      if (!this.#isBelow(this.#ends[ENDS * node + HIGH], point)) found.push(node);
      this.#find(this.#left(node), point, found);
      node = this.#right(node);
    }
  }

  #isBelow(high: Cell, point: Scalar): boolean {
    return high !== undefined && this.#order.compare(high, point) < 0;
  }

  #left(node: number): number {
    return this.#links.get(LINKS * node + LEFT);
  }

  #right(node: number): number {
    return this.#links.get(LINKS * node + RIGHT);
  }

  /** What comes before the node goes to `#lower`, the rest to `#upper`. */
  #split(root: number, node: number): void {
    if (root === NONE) {
      this.#lower = NONE;
      this.#upper = NONE;
    } else if (this.#isBefore(root, node)) {
      this.#split(this.#right(root), node);
      this.#links.set(LINKS * root + RIGHT, this.#lower);
      this.#pull(root);
      this.#lower = root;
    } else {
      this.#split(this.#left(root), node);
      this.#links.set(LINKS * root + LEFT, this.#upper);
      this.#pull(root);
      this.#upper = root;
    }
  }

  #merge(lower: number, upper: number): number {
    if (lower === NONE) return upper;
    if (upper === NONE) return lower;
    if (priority(lower) > priority(upper)) {
      this.#links.set(LINKS * lower + RIGHT, this.#merge(this.#right(lower), upper));
      this.#pull(lower);
      return lower;
    }
    this.#links.set(LINKS * upper + LEFT, this.#merge(lower, this.#left(upper)));
    this.#pull(upper);
    return upper;
  }

  #pull(node: number): void {
    let top = this.#ends[ENDS * node + HIGH];
    const left = this.#left(node);
    if (left !== NONE) top = this.#higher(top, this.#ends[ENDS * left + TOP]);
    const right = this.#right(node);
    if (right !== NONE) top = this.#higher(top, this.#ends[ENDS * right + TOP]);
    this.#ends[ENDS * node + TOP] = top;
  }

  #higher(one: Cell, other: Cell): Cell {
    if (one === undefined || other === undefined) return undefined;
    return this.#compare(one, other) < 0 ? other : one;
  }

  /** Of equal ones the one with the lower number. */
  #isBefore(one: number, other: number): boolean {
    const low = this.#ends[ENDS * one + LOW];
    const otherLow = this.#ends[ENDS * other + LOW];
    if (low === undefined || otherLow === undefined) return low === otherLow ? one < other : low === undefined;
    const order = this.#compare(low, otherLow);
    return order === 0 ? one < other : order < 0;
  }

  /** An order that is not known makes the tree one that is always gone through. */
  #compare(one: Scalar, other: Scalar): number {
    const order = this.#order.compare(one, other);
    if (!Number.isNaN(order)) return order;
    this.#isDisordered = true;
    return 0;
  }
}

/** Chance, but the same each time. */
function priority(node: number): number {
  let hash = Math.imul(node ^ 0x9e3779b9, 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
