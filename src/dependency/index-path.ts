// One way to the instances of a form: a table from the values of key columns, and from what a text begins with, to those
// that have them, who stand in a tree: by their intervals, where a range is known.
//
// The one complication: an instance of which some value has no key, or a row of which some cell is not known, has no
// place in the table. Such an instance stands in a tree of its own, to which every row leads; such a row leads to all.

import type { Cell, Row, Scalar } from './change.ts';
import type { ColumnType } from './column-type.ts';
import { equalityKey } from './compare.ts';
import type { EndForm, PathForm } from './index-access.ts';
import type { Stored } from './index-form.ts';
import { type Key, KeyTable } from './index-keys.ts';
import { NONE } from './index-numbers.ts';
import { MAX_PREFIX, type PrefixForm, prefixedText, prefixOfPattern } from './index-prefix.ts';
import { type Interval, OPEN } from './interval-blocks.ts';
import { isInForm } from './interval-order.ts';
import { IntervalTrees } from './interval-tree.ts';

/** The values of instances, by hole and place. */
export interface Values {
  stored(hole: number, place: number): Stored;
  /** Of the window's last row, by its first term. */
  bound(place: number): Cell;
}

/** No row leads there. */
const NEVER: readonly Key[] = [];
const ONLY_KEY: readonly Key[] = [0];

export class IndexPath {
  readonly #form: PathForm;
  readonly #values: Values;
  readonly #trees: IntervalTrees;
  /** Trees of places by key. */
  readonly #entries = new KeyTable();
  #loose = NONE;
  /** How many keys have a prefix of each length. */
  readonly #lengths: number[] = new Array(MAX_PREFIX + 1).fill(0);

  constructor(form: PathForm, values: Values) {
    this.#form = form;
    this.#values = values;
    this.#trees = new IntervalTrees({ order: form.range?.order, ends: (place) => this.#endsOf(place) ?? OPEN });
  }

  add(place: number): void {
    const keys = this.#keysOf(place);
    if (keys === undefined) this.#loose = this.#trees.insert(this.#loose, place);
    else for (const key of keys) this.#entries.set(key, this.#trees.insert(this.#entries.get(key), place));
    this.#count(place, keys, 1);
  }

  /** Its values are still to be those it was added with. */
  remove(place: number): void {
    const keys = this.#keysOf(place);
    this.#count(place, keys, -1);
    if (keys === undefined) {
      this.#loose = this.#trees.remove(this.#loose, place);
      return;
    }
    for (const key of keys) this.#entries.set(key, this.#trees.remove(this.#entries.get(key), place));
  }

  /** Adds the places that a row may satisfy. False: it may be any. */
  find(row: Row, places: number[]): boolean {
    const { prefix } = this.#form;
    const key = this.#keyOfRow(row);
    if (key === undefined) return false;
    if (key !== null) {
      if (prefix === undefined) this.#collect(this.#entries.get(key), row, places);
      else if (!this.#findPrefixes({ prefix, key }, row, places)) return false;
    }
    this.#collect(this.#loose, row, places);
    return true;
  }

  get guard(): PathForm['guard'] {
    return this.#form.guard;
  }

  #findPrefixes({ prefix, key }: { prefix: PrefixForm; key: Key }, row: Row, places: number[]): boolean {
    const text = prefixedText(prefix, row[prefix.column]);
    if (text === undefined) return false;
    if (text === null) return true;
    for (let length = 0; length <= text.length; length++) {
      if (this.#lengths[length] === 0) continue;
      this.#collect(this.#entries.get(this.#prefixedKey(key, text.slice(0, length))), row, places);
    }
    return true;
  }

  #collect(tree: number, row: Row, places: number[]): void {
    if (tree === NONE) return;
    const { range } = this.#form;
    if (range === undefined) return this.#trees.all(tree, places);
    const cell = row[range.column];
    if (cell === null && range.order.nulls === 'none') return;
    const point = range.order.pointOf(cell);
    if (point === undefined) this.#trees.all(tree, places);
    else this.#trees.find(tree, point, places);
  }

  #count(place: number, keys: readonly Key[] | undefined, by: 1 | -1): void {
    if (this.#form.prefix === undefined || keys === undefined || keys.length === 0) return;
    const { length } = this.#prefixOf(this.#form.prefix, place) as string;
    this.#lengths[length] = (this.#lengths[length] as number) + by * keys.length;
  }

  #prefixOf(prefix: PrefixForm, place: number): string | null {
    return prefixOfPattern(prefix, this.#values.stored(prefix.hole, place) as Scalar);
  }

  #prefixedKey(key: Key, prefix: string): Key {
    return this.#form.keys.length === 0 ? prefix : partText(key) + prefix;
  }

  /** Undefined: some value has no key. */
  #keysOf(place: number): readonly Key[] | undefined {
    if (this.#endsOf(place) === undefined) return NEVER;
    const { prefix } = this.#form;
    if (prefix === undefined) return this.#equalKeysOf(place);
    const start = this.#prefixOf(prefix, place);
    return start === null ? NEVER : this.#equalKeysOf(place)?.map((key) => this.#prefixedKey(key, start));
  }

  #equalKeysOf(place: number): readonly Key[] | undefined {
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

  /** Undefined: an end is NULL, so that no row lies between them. */
  #endsOf(place: number): Interval | undefined {
    const { range } = this.#form;
    if (range === undefined) return OPEN;
    const low = this.#endOf(range.low, place);
    const high = this.#endOf(range.high, place);
    if ((low === null && range.low.kind === 'hole') || (high === null && range.high.kind === 'hole')) return undefined;
    return { low: range.order.pointOf(low), high: range.order.pointOf(high) };
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
