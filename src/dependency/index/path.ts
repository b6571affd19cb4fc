// One way to the instances of a form: a table from the values of key columns, and from the beginning of a text, to the
// instances that have them. These stand in a tree: by their intervals, where a range is known.
//
// An instance with a value that has no key, or a row with an unknown cell, has no place in the table. Such an instance
// stands in a tree of its own, to which every row leads. Such a row leads to all instances, or, where only the
// beginning of a text is unknown, to all with its other keys.

import type { Cell, ColumnType, Row, Scalar } from '../change.ts';
import { equalityKey, isInForm } from '../condition/compare.ts';
import { foldAscii } from '../condition/texts.ts';
import type { EndForm, PathForm, PrefixForm } from './access.ts';
import type { Stored } from './form.ts';
import { type Interval, OPEN } from './interval-blocks.ts';
import { IntervalTrees } from './interval-tree.ts';
import { type Key, KeyTable, NONE, Numbers } from './numbers.ts';

/** The values of instances, by hole and place. */
export interface Values {
  stored(hole: number, place: number): Stored;
  /** The window's last row, by its first term. */
  bound(place: number): Cell;
}

/** The keys under which an instance stands, and the prefix that it asks for. */
interface Keyed {
  readonly keys: readonly Key[];
  readonly prefix: string | undefined;
}

/** No row leads there. */
const NO_KEYS: readonly Key[] = [];
const NEVER: Keyed = { keys: NO_KEYS, prefix: undefined };
const ONLY_KEY: readonly Key[] = [0];

export class IndexPath {
  readonly guard: PathForm['guard'];
  readonly #form: PathForm;
  readonly #values: Values;
  readonly #trees: IntervalTrees;
  /** Trees of places by key. */
  readonly #entries = new KeyTable();
  #loose = NONE;
  /** With prefixes: the table by keys without them, for a row whose text has an unknown beginning. */
  readonly #unprefixed = new KeyTable();
  readonly #lengths: PrefixLengths | undefined;
  /** The length of each place's prefix. */
  readonly #cuts = new Numbers();

  constructor(form: PathForm, values: Values) {
    this.#form = form;
    this.guard = form.guard;
    this.#values = values;
    this.#lengths = form.prefix === undefined ? undefined : new PrefixLengths();
    this.#trees = new IntervalTrees({ order: form.range?.order, ends: (place) => this.#endsOf(place) ?? OPEN });
  }

  add(place: number): void {
    const keyed = this.#keyedOf(place);
    if (keyed?.prefix !== undefined) this.#cuts.set(place, this.#lengths?.take(keyed.prefix.length) ?? 0);
    this.#eachTree(place, keyed, (tree) => this.#trees.insert(tree, place));
  }

  /** Its values must still be those it was added with. */
  remove(place: number): void {
    const keyed = this.#keyedOf(place);
    this.#eachTree(place, keyed, (tree) => this.#trees.remove(tree, place));
    if (keyed?.prefix !== undefined) this.#lengths?.give(this.#cuts.get(place));
  }

  /** Adds the places that a row may satisfy. Returns false when it may satisfy any. */
  find(row: Row, places: number[]): boolean {
    const { prefix } = this.#form;
    const key = this.#keyOfRow(row);
    if (key === undefined) return false;
    if (key !== null) {
      if (prefix === undefined) this.#collect(this.#entries.get(key), row, places);
      else this.#findPrefixes({ prefix, key }, row, places);
    }
    this.#collect(this.#loose, row, places);
    return true;
  }

  #findPrefixes({ prefix, key }: { prefix: PrefixForm; key: Key }, row: Row, places: number[]): void {
    const text = prefixedText(prefix, row[prefix.column]);
    if (text === null) return;
    if (text === undefined) return this.#collect(this.#unprefixed.get(key), row, places);
    for (let length = 0; length <= text.length; length++) {
      if (this.#lengths?.has(length) !== true) continue;
      this.#collect(this.#entries.get(this.#prefixedKey(key, text.slice(0, length))), row, places);
    }
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

  /** Changes each tree in which it stands, in all tables. */
  #eachTree(place: number, keyed: Keyed | undefined, change: (tree: number) => number): void {
    if (keyed === undefined) {
      this.#loose = change(this.#loose);
      return;
    }
    const { keys, prefix } = keyed;
    for (const key of keys) {
      const own = prefix === undefined ? key : this.#prefixedKey(key, prefix.slice(0, this.#cuts.get(place)));
      this.#entries.set(own, change(this.#entries.get(own)));
      if (prefix !== undefined) this.#unprefixed.set(key, change(this.#unprefixed.get(key)));
    }
  }

  #prefixedKey(key: Key, prefix: string): Key {
    return this.#form.keys.length === 0 ? prefix : partText(key) + prefix;
  }

  /** Returns undefined when some value has no key. */
  #keyedOf(place: number): Keyed | undefined {
    if (this.#endsOf(place) === undefined) return NEVER;
    const form = this.#form.prefix;
    const prefix = form && prefixOfPattern(form, this.#values.stored(form.hole, place) as Scalar);
    if (prefix === null) return NEVER;
    const keys = this.#equalKeysOf(place);
    return keys && { keys, prefix };
  }

  /** Returns undefined when some value has no key. */
  #equalKeysOf(place: number): readonly Key[] | undefined {
    const { keys } = this.#form;
    if (keys.length === 0) return ONLY_KEY;
    const list = keys.find(({ isList }) => isList);
    if (list === undefined) {
      const key = this.#keyOf(place, null);
      return key === undefined ? undefined : key === null ? NO_KEYS : [key];
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

  /** Returns null when the row satisfies nothing in the table, undefined when it may satisfy any place. */
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

  /** Returns undefined when an end is NULL, so that no row lies between the ends. */
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

/** Returns a key only for values in the form of their column: what others equal is unknown. */
function keyOfCell(type: ColumnType, cell: Scalar): Key | undefined {
  return isInForm(type, cell) ? equalityKey(type, cell) : undefined;
}

/** Longer prefixes are cut. */
export const MAX_PREFIX = 255;
/** Lengths of prefixes in use at a time, besides the empty one: as many keys a text leads to. */
const MAX_LENGTHS = 32;

/** The lengths of the prefixes in use. */
export class PrefixLengths {
  /** How many prefixes are of each. */
  readonly #counts: number[] = new Array(MAX_PREFIX + 1).fill(0);
  #inUse = 0;

  /** Returns the length to which a prefix is cut: its own where there is room for it, else the next lower one in use. */
  take(length: number): number {
    let taken = length;
    if (this.#inUse >= MAX_LENGTHS) while (taken > 0 && this.#counts[taken] === 0) taken--;
    if (this.#counts[taken] === 0 && taken > 0) this.#inUse++;
    this.#counts[taken] = (this.#counts[taken] as number) + 1;
    return taken;
  }

  /** `length`: what `take` returned. */
  give(length: number): void {
    this.#counts[length] = (this.#counts[length] as number) - 1;
    if (this.#counts[length] === 0 && length > 0) this.#inUse--;
  }

  has(length: number): boolean {
    return (this.#counts[length] as number) > 0;
  }
}

/** Null: no text is LIKE this. */
export function prefixOfPattern({ escapeBy, foldsCase }: PrefixForm, pattern: Scalar): string | null {
  if (pattern === null) return null;
  if (typeof pattern !== 'string') return '';
  const prefix = prefixOf(pattern, escapeBy).slice(0, MAX_PREFIX);
  return foldsCase ? foldAscii(prefix) : prefix;
}

/** The text whose beginnings are a cell's prefixes; null when it is LIKE nothing, undefined when it may be LIKE anything. */
export function prefixedText({ foldsCase }: PrefixForm, cell: Cell): string | null | undefined {
  if (cell === null) return null;
  if (typeof cell !== 'string' || cell.includes('\0')) return undefined;
  const start = cell.slice(0, MAX_PREFIX);
  return foldsCase ? foldAscii(start) : start;
}

/** The beginning of every text that is LIKE the pattern; empty where LIKE may be MAYBE for other texts. */
export function prefixOf(pattern: string, escapeBy: string): string {
  if (pattern.includes('\0') || (escapeBy !== '' && pattern.endsWith(escapeBy))) return '';
  const [plain = ''] = pattern.split(SPECIAL, 1);
  const [prefix = ''] = escapeBy === '' ? [plain] : plain.split(escapeBy, 1);
  return prefix;
}

/** `%`, `_`, and halves of characters beyond the first plane. */
const SPECIAL = /[%_\ud800-\udfff]/;
