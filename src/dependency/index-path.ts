// One way to the instances of a form: a table from the values of key columns to those that have them, who stand in a list
// or, where a range is known, in a tree of intervals.
//
// The one complication: an instance of which some value has no key, or a row of which some cell is not known, has no
// place in the table. Such an instance stands in a list of its own, to which every row leads; such a row leads to all.

import type { Cell, Row, Scalar } from './change.ts';
import type { ColumnType } from './column-type.ts';
import { equalityKey } from './compare.ts';
import type { EndForm, PathForm, RangeForm } from './index-access.ts';
import type { Stored } from './index-form.ts';
import { NONE, Numbers, Places } from './index-numbers.ts';
import { afterPrefix, isInForm, prefixOf } from './interval-order.ts';
import { IntervalTrees } from './interval-tree.ts';

/** The values of instances, by hole and place. */
export interface Values {
  stored(hole: number, place: number): Stored;
  /** Of the window's last row, by its first term. */
  bound(place: number): Cell;
}

type Key = string | number;

/** Of a list that has no key in it: no row leads to it. */
const NEVER: readonly Key[] = [];
const ONLY_KEY: readonly Key[] = [0];

export class IndexPath {
  readonly #form: PathForm;
  readonly #values: Values;
  /** The first or root entry by key. */
  readonly #entries = new Map<Key, number>();
  #loose = NONE;
  readonly #places = new Places();
  readonly #placeOf = new Numbers();
  /** Entries of one instance, by place and by entry. */
  readonly #firstOf = new Numbers();
  readonly #nextOf = new Numbers();
  /** Without a range: neighbours in the list. */
  readonly #before = new Numbers();
  readonly #after = new Numbers();
  /** Ends of the interval that is being added. */
  #low: Cell;
  #high: Cell;
  readonly #trees: IntervalTrees | undefined;
  readonly #found: number[] = [];

  constructor(form: PathForm, values: Values) {
    this.#form = form;
    this.#values = values;
    this.#trees = form.range === undefined ? undefined : new IntervalTrees(form.range.order);
  }

  add(place: number): void {
    this.#firstOf.set(place, NONE);
    if (!this.#setEnds(place)) return;
    const keys = this.#keysOf(place);
    if (keys === undefined) {
      this.#loose = this.#insert(this.#loose, this.#newEntry(place));
      return;
    }
    // The first key's entry is the first of the chain.
    for (let at = keys.length - 1; at >= 0; at--) {
      const key = keys[at] as Key;
      this.#entries.set(key, this.#insert(this.#entries.get(key) ?? NONE, this.#newEntry(place)));
    }
  }

  remove(place: number): void {
    let entry = this.#firstOf.get(place);
    if (entry === NONE) return;
    const keys = this.#keysOf(place);
    if (keys === undefined) {
      this.#loose = this.#remove(this.#loose, entry);
      this.#give(entry);
    } else {
      for (const key of keys) {
        const root = this.#remove(this.#entries.get(key) as number, entry);
        if (root === NONE) this.#entries.delete(key);
        else this.#entries.set(key, root);
        const next = this.#nextOf.get(entry);
        this.#give(entry);
        entry = next;
      }
    }
  }

  /** Adds the places that a row may satisfy. False: it may be any. */
  find(row: Row, places: number[]): boolean {
    const key = this.#keyOfRow(row);
    if (key === undefined) return false;
    if (key === null && this.#loose === NONE) return true;
    const found = this.#found;
    found.length = 0;
    const root = key === null ? undefined : this.#entries.get(key);
    if (root !== undefined) this.#collect(root, row);
    if (this.#loose !== NONE) this.#collect(this.#loose, row);
    for (const entry of found) places.push(this.#placeOf.get(entry));
    return true;
  }

  get guard(): PathForm['guard'] {
    return this.#form.guard;
  }

  #newEntry(place: number): number {
    const entry = this.#places.take();
    this.#placeOf.set(entry, place);
    this.#nextOf.set(entry, this.#firstOf.get(place));
    this.#firstOf.set(place, entry);
    this.#trees?.setEnds(entry, this.#low, this.#high);
    return entry;
  }

  #give(entry: number): void {
    this.#trees?.setEnds(entry, undefined, undefined);
    this.#places.give(entry);
  }

  #insert(root: number, entry: number): number {
    if (this.#trees !== undefined) return this.#trees.insert(root, entry);
    this.#before.set(entry, NONE);
    this.#after.set(entry, root);
    if (root !== NONE) this.#before.set(root, entry);
    return entry;
  }

  #remove(root: number, entry: number): number {
    if (this.#trees !== undefined) return this.#trees.remove(root, entry);
    const before = this.#before.get(entry);
    const after = this.#after.get(entry);
    if (after !== NONE) this.#before.set(after, before);
    if (before === NONE) return after;
    this.#after.set(before, after);
    return root;
  }

  #collect(root: number, row: Row): void {
    const { range } = this.#form;
    if (range === undefined || this.#trees === undefined) {
      for (let entry = root; entry !== NONE; entry = this.#after.get(entry)) this.#found.push(entry);
      return;
    }
    const cell = row[range.column];
    if (cell === null && range.order.nulls === 'none') return;
    const point = range.order.pointOf(cell);
    if (point === undefined) this.#trees.all(root, this.#found);
    else this.#trees.find(root, point, this.#found);
  }

  /** Undefined: some value has no key. */
  #keysOf(place: number): readonly Key[] | undefined {
    const { keys } = this.#form;
    if (keys.length === 0) return ONLY_KEY;
    const list = keys.find(({ isList }) => isList);
    if (list === undefined) {
      const key = this.#keyOf(place, null);
      return key === undefined ? undefined : key === null ? NEVER : [key];
    }
    const all = new Set<Key>();
    for (const value of this.#values.stored(list.hole, place) as readonly Scalar[]) {
      if (value === null) continue;
      const key = this.#keyOf(place, value);
      if (key === undefined) return undefined;
      if (key !== null) all.add(key);
    }
    return [...all];
  }

  /** Null: no row can satisfy it. `value`: of the list. */
  #keyOf(place: number, value: Scalar): Key | undefined | null {
    const { keys } = this.#form;
    const only = keys.length === 1;
    let text = '';
    let isKnown = true;
    for (const { hole, type, isList } of keys) {
      const operand = isList ? value : (this.#values.stored(hole, place) as Scalar);
      if (operand === null) return null;
      const key = keyOfCell(type, operand);
      if (only) return key;
      if (key === undefined) isKnown = false;
      else text += partText(key);
    }
    return isKnown ? text : undefined;
  }

  /** Null: it satisfies nothing in the table. Undefined: it may satisfy any. */
  #keyOfRow(row: Row): Key | undefined | null {
    const { keys } = this.#form;
    if (keys.length === 0) return 0;
    let text = '';
    let isKnown = true;
    for (const { column, type } of keys) {
      const cell = row[column];
      if (cell === null) return null;
      const key = cell === undefined ? undefined : keyOfCell(type, cell);
      if (keys.length === 1) return key;
      if (key === undefined) isKnown = false;
      else text += partText(key);
    }
    return isKnown ? text : undefined;
  }

  /** False: an end is NULL, so that no row lies between them. */
  #setEnds(place: number): boolean {
    const { range } = this.#form;
    if (range === undefined) return true;
    if (range.like !== undefined) return this.#setPrefix(place, range.like, range);
    const low = this.#endOf(range.low, place);
    const high = this.#endOf(range.high, place);
    if ((low === null && range.low.kind === 'hole') || (high === null && range.high.kind === 'hole')) return false;
    this.#low = range.order.pointOf(low);
    this.#high = range.order.pointOf(high);
    return true;
  }

  #setPrefix(place: number, { hole, escapeBy }: NonNullable<RangeForm['like']>, { order }: RangeForm): boolean {
    const pattern = this.#values.stored(hole, place) as Scalar;
    if (pattern === null) return false;
    const prefix = typeof pattern === 'string' ? (order.pointOf(prefixOf(pattern, escapeBy)) as string) : '';
    this.#low = prefix === '' ? undefined : prefix;
    this.#high = afterPrefix(prefix);
    return true;
  }

  #endOf(end: EndForm, place: number): Cell {
    if (end.kind === 'hole') return this.#values.stored(end.hole, place) as Scalar;
    return end.kind === 'window' ? this.#values.bound(place) : undefined;
  }
}

function partText(key: Key): string {
  return typeof key === 'number' ? `${key};` : `$${key.length}:${key}`;
}

/** A key only for what stands in the form of its column: of the rest it is not known what it equals. */
function keyOfCell(type: ColumnType, cell: Scalar): Key | undefined {
  return isInForm(type, cell) ? equalityKey(type, cell) : undefined;
}
