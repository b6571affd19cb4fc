// The instances of one read whose predicates are of one form: their values, the ways to them, and a closer look at each.
//
// Where an instance does not fit, or something throws, the plan turns coarse: every change of a
// column that it looks at affects all of its instances. It stays so until the last of them has left.

import { affects, isAmbiguous, isSameCell, isSameShape, type Reason } from '../affected.ts';
import type { Cell, Change, Row, TableShape } from '../change.ts';
import { evaluate } from '../condition/evaluate.ts';
import { gatherColumns, type Predicate } from '../condition/predicate.ts';
import type { Bound, BoundRead, TableRead } from '../template.ts';
import { pathsOf } from './access.ts';
import { PredicateForm, type Stored } from './form.ts';
import { NONE, Numbers, Places } from './numbers.ts';
import { IndexPath } from './path.ts';

/** Why all of a plan's instances, or all that could be meant, are affected without a closer look. */
export type CoarseReason = 'too-many-forms' | 'too-many-candidates' | 'error';

/** Stands for the keys in `affects`, which only asks whether the row in question is among them. */
class AllKeys extends Set<string> {
  override has(): boolean {
    return true;
  }
}
const ALL_KEYS: ReadonlySet<string> = new AllKeys();
const NO_KEYS: ReadonlySet<string> = new Set();

export class IndexPlan {
  /** The index's number for it. */
  number = NONE;
  coarse: CoarseReason | undefined;
  readonly read: TableRead;
  /** Columns, as bits, whose change can matter. */
  readonly used: number;
  readonly hasKeys: boolean;
  readonly hasOffset: boolean;
  readonly #hasBound: boolean;
  readonly #form: PredicateForm | undefined;
  readonly #paths: readonly IndexPath[];
  readonly #scratch: { -readonly [name in keyof BoundRead]: BoundRead[name] };
  readonly #last: Cell[] = [];
  readonly #places = new Places();
  readonly #slots = new Numbers();
  /** The number of the change for which each was last looked at. */
  #looked = new Numbers();
  readonly #holes: number;
  /** Terms of the window's order whose last value is kept. */
  readonly #terms: number;
  /** All instances side by side, for each the values in its holes and then those of its bound. */
  readonly #kept: (Stored | undefined)[] = [];
  readonly #values: Stored[] = [];
  #agreed: TableShape | undefined;
  #change: Change | undefined;
  #own: Change | undefined;

  /** `like`: the first instance. `coarse`: the plan takes any instance, and is coarse from the start. */
  constructor(read: TableRead, like: BoundRead, coarse?: CoarseReason) {
    this.read = read;
    this.coarse = coarse;
    this.#form = coarse === undefined ? new PredicateForm(read.predicate, like.predicate) : undefined;
    this.hasKeys = like.keys !== undefined && coarse === undefined;
    this.#hasBound = like.bound !== undefined;
    this.hasOffset = like.bound?.hasOffset === true;
    this.used = usedBits(read, like.predicate);
    const predicate = this.#form?.predicate ?? like.predicate;
    const bound = this.#hasBound ? { last: this.#last, hasOffset: this.hasOffset } : undefined;
    this.#scratch = { read, predicate, keys: undefined, bound };
    const terms = this.#hasBound && coarse === undefined ? (read.window?.order ?? []) : [];
    this.#holes = this.#form?.holes ?? 0;
    this.#terms = terms.length;
    const values = {
      stored: (hole: number, place: number) => this.#kept[this.#keptAt(place) + hole] as Stored,
      bound: (place: number) => (this.#terms === 0 ? undefined : this.#boundOf(place, 0)),
    };
    const forms = coarse === undefined ? pathsOf(predicate, read.table, terms[0]) : [];
    this.#paths = forms.map((form) => new IndexPath(form, values));
  }

  /** Instances. */
  get count(): number {
    return this.#places.count;
  }

  get end(): number {
    return this.#places.end;
  }

  /** Whether the instance belongs here; if so it is to be added next. */
  takes({ predicate, keys, bound }: BoundRead): boolean {
    if (this.#form === undefined) return true;
    if ((keys !== undefined) !== this.hasKeys || (bound !== undefined) !== this.#hasBound) return false;
    if (bound !== undefined && (bound.hasOffset !== this.hasOffset || bound.last.length !== this.#terms)) return false;
    return this.#form.collect(predicate, this.#values);
  }

  /** `slot`: by which the index knows it. Returns its place. */
  add(slot: number, { bound }: BoundRead): number {
    const place = this.#places.take();
    this.#slots.set(place, slot);
    const at = this.#keptAt(place);
    for (let hole = 0; hole < this.#holes; hole++) this.#kept[at + hole] = this.#values[hole];
    for (let term = 0; term < this.#terms; term++) this.#kept[at + this.#holes + term] = bound?.last[term];
    if (this.coarse === undefined) this.#guarded(() => this.#paths.forEach((path) => void path.add(place)));
    return place;
  }

  remove(place: number): void {
    if (this.coarse === undefined) this.#guarded(() => this.#paths.forEach((path) => void path.remove(place)));
    const at = this.#keptAt(place);
    for (let value = 0; value < this.#holes + this.#terms; value++) this.#kept[at + value] = undefined;
    this.#slots.set(place, NONE);
    this.#places.give(place);
  }

  slot(place: number): number {
    return this.#slots.get(place);
  }

  agreesWith(table: TableShape): boolean {
    if (table === this.read.table || table === this.#agreed) return true;
    if (table.name !== this.read.table.name || !isSameShape(table, this.read.table)) return false;
    this.#agreed = table;
    return true;
  }

  /** Adds the places of those whose predicate the row may satisfy, some more than once. Returns false when it may be any. */
  find(row: Row, places: number[]): boolean {
    for (const path of this.#paths) {
      if (path.guard !== undefined) {
        const truth = evaluate(path.guard, this.read.table, row);
        if (truth === 'false' || truth === 'null') continue;
      }
      if (!path.find(row, places)) return false;
    }
    return true;
  }

  /** Claims the look at an instance for this change. Returns false when it was claimed before. */
  claimLook(place: number, change: number): boolean {
    if (this.#looked.get(place) === change) return false;
    this.#looked.set(place, change);
    return true;
  }

  forgetLooks(): void {
    this.#looked = new Numbers();
  }

  /** `change`: of a table of this shape. `isListed`: whether the row as it was is among the keys. */
  look(place: number, change: Change, isListed: boolean): Reason | undefined {
    this.#form?.load(this.#kept, this.#keptAt(place));
    for (let term = 0; term < this.#terms; term++) this.#last[term] = this.#boundOf(place, term);
    if (this.hasKeys) this.#scratch.keys = isListed ? ALL_KEYS : NO_KEYS;
    if (change !== this.#change) {
      this.#change = change;
      // So that the shapes need not be held against each other at each look.
      this.#own = change.table === this.read.table ? change : { ...change, table: this.read.table };
    }
    return affects(this.#scratch, this.#own as Change);
  }

  /** The kept data of an instance; good until another is looked at. `predicate` is undefined when it is not kept. */
  view(place: number): { readonly predicate: Predicate | undefined; readonly bound: Bound | undefined } {
    if (this.#form === undefined) return { predicate: undefined, bound: undefined };
    this.#form.load(this.#kept, this.#keptAt(place));
    const last = Array.from({ length: this.#terms }, (_, term) => this.#boundOf(place, term));
    const bound = this.#hasBound ? { last, hasOffset: this.hasOffset } : undefined;
    return { predicate: this.#form.predicate, bound };
  }

  #keptAt(place: number): number {
    return place * (this.#holes + this.#terms);
  }

  #boundOf(place: number, term: number): Cell {
    return this.#kept[this.#keptAt(place) + this.#holes + term] as Cell;
  }

  /** The ways may be half changed when something throws: from then on none is taken. */
  #guarded(step: () => void): void {
    try {
      step();
    } catch {
      this.coarse ??= 'error';
    }
  }
}

const ALL = -1;
const LAST_BIT = 31;

/** Columns as bits, so that most updates are seen not to matter at one look. Those from the 32nd on share the last. */
export function columnBits(columns: readonly number[] | 'all'): number {
  if (columns === 'all') return ALL;
  let bits = 0;
  for (const column of columns) bits |= 1 << Math.min(column, LAST_BIT);
  return bits;
}

/** The columns that a read looks at in any way; its key's among them, as another key is another row. */
function usedBits(read: TableRead, predicate: Predicate): number {
  const columns = new Set(read.table.key);
  for (const { column } of read.window?.order ?? []) columns.add(column);
  gatherColumns(read.predicate, columns);
  gatherColumns(predicate, columns);
  return columnBits(read.valueColumns) | columnBits([...columns]);
}

/** The columns that an update changed, or may have changed. */
export function changedBits(table: TableShape, old: Row | undefined, now: Row): number {
  if (old === undefined) return ALL;
  let bits = 0;
  for (let column = 0; column < table.columns.length; column++) {
    const cell = now[column];
    if (!isSameCell(old[column], cell) || isAmbiguous(table, column, cell)) bits |= 1 << Math.min(column, LAST_BIT);
  }
  return bits;
}
