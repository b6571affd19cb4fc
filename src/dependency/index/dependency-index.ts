// The index of what was read: it finds the instances that a change affects without going through all of them
// (docs/architecture.md, exact invalidation). An instance that it does not give is not affected, by the rules of
// `affects`.
//
// It may hold a million instances, so it keeps none of them as an object. A read is a slot: a place in a plan, with the
// values in which it differs from others of its plan, and its records.

import type { Change, TableShape } from '../change.ts';
import type { Predicate } from '../condition/predicate.ts';
import type { Bound, BoundRead, Instance, TableRead } from '../template.ts';
import { NONE, Numbers, Places } from './numbers.ts';
import type { CoarseReason, IndexPlan } from './plan.ts';
import { IndexTable, type MatchReason, type TableCounts } from './table.ts';

export interface DependencyIndexOptions {
  /** Instances kept, at least one; beyond, the oldest are forgotten. Default 1,000,000. */
  readonly maxInstances?: number;
  /** Closer looks at the instances of one plan for one change; if more could be meant, all of those are affected. */
  readonly maxLooks?: number;
}

export interface Match {
  /** Each once. */
  readonly ids: ReadonlySet<number>;
  /** The first that was found for each id, where they were asked for. */
  readonly reasons: ReadonlyMap<number, MatchReason> | undefined;
}

export interface DependencyIndexStats extends Readonly<TableCounts> {
  readonly instances: number;
  readonly reads: number;
  readonly tables: number;
  /** Different rows that instances are known to have shown. */
  readonly records: number;
  readonly forgotten: number;
}

/** The index's view of one read. */
export interface IndexedRead {
  /** The index's number for it. */
  readonly slot: number;
  readonly read: TableRead;
  /** Undefined when the index does not keep it, because reads of this text have too many forms. */
  readonly predicate: Predicate | undefined;
  readonly bound: Bound | undefined;
  /** Keys of the rows that the answer showed, at most `most`; undefined when unknown. */
  readonly keys: ((most: number) => readonly string[]) | undefined;
  /** Why a change of any row affects it. */
  readonly coarse: CoarseReason | undefined;
}

// Fields of each read lie side by side: a match spends most of its time waiting for memory.
const PLAN = 0;
const PLACE = 1;
const RECORDS = 2;
const NEXT_OF_ID = 3;
const READ = 4;

export class DependencyIndex {
  readonly #maxInstances: number;
  readonly #maxLooks: number;
  readonly #tables = new Map<string, IndexTable>();
  readonly #first = new Map<number, number>();
  readonly #slots = new Places();
  readonly #ids: number[] = [];
  readonly #plans: (IndexPlan | undefined)[] = [];
  readonly #planPlaces = new Places();
  readonly #reads = new Numbers();
  /** First slots in the order in which their instances came. */
  readonly #older = new Numbers();
  readonly #newer = new Numbers();
  #oldest = NONE;
  #newest = NONE;
  #forgotten = 0;
  #found = new Set<number>();
  #reasons: Map<number, MatchReason> | undefined;
  readonly #counts = {
    looks: 0,
    skips: 0,
    coarse: { schema: 0, 'too-many-forms': 0, 'too-many-candidates': 0, error: 0 },
  };

  constructor({ maxInstances = 1_000_000, maxLooks = 4_096 }: DependencyIndexOptions = {}) {
    this.#maxInstances = maxInstances >= 1 ? maxInstances : 1;
    this.#maxLooks = maxLooks;
  }

  /**
   * Replaces an instance with an equal id. Returns the ids that were forgotten to make room: nothing finds them any
   * more.
   */
  add(id: number, { reads }: Instance): readonly number[] {
    this.remove(id);
    if (reads.length === 0) return [];
    const forgotten: number[] = [];
    while (this.#first.size >= this.#maxInstances) {
      const oldest = this.#ids[this.#oldest] as number;
      this.remove(oldest);
      forgotten.push(oldest);
    }
    this.#forgotten += forgotten.length;
    let first = NONE;
    for (const read of reads) {
      const slot = this.#addRead(id, read);
      this.#reads.set(READ * slot + NEXT_OF_ID, first);
      first = slot;
    }
    this.#first.set(id, first);
    this.#append(first);
    return forgotten;
  }

  remove(id: number): void {
    const first = this.#first.get(id);
    if (first === undefined) return;
    this.#first.delete(id);
    this.#unlink(first);
    for (let slot = first; slot !== NONE; ) {
      const next = this.#reads.get(READ * slot + NEXT_OF_ID);
      this.#removeRead(slot);
      slot = next;
    }
  }

  /** Finds the instances that the changes affect. Removes none of them. */
  match(changes: readonly Change[], wantsReasons = false): Match {
    this.#found = new Set();
    this.#reasons = wantsReasons ? new Map() : undefined;
    for (const change of changes) {
      const table = this.#tables.get(change.table.name);
      if (table === undefined) continue;
      try {
        table.match(change);
      } catch {
        table.tellAll('error');
      }
    }
    return { ids: this.#found, reasons: this.#reasons };
  }

  /** Shows an instance's reads in their order; each view is good until the next one is looked at. */
  view(id: number, see: (read: IndexedRead) => void): void {
    const slots: number[] = [];
    for (let slot = this.#first.get(id) ?? NONE; slot !== NONE; slot = this.#reads.get(READ * slot + NEXT_OF_ID))
      slots.push(slot);
    for (const slot of slots.reverse()) see(this.#viewed(slot));
  }

  /** Reads that list the record, by their slots, with the ids of their instances. */
  listing(table: string, key: string): ReadonlyMap<number, number> {
    const slots: number[] = [];
    this.#tables.get(table)?.records.find(key, slots);
    return new Map(slots.map((slot) => [slot, this.#ids[slot] as number]));
  }

  /** Reads of the table, with the ids of their instances; each is good until the next one is looked at. */
  *readsOf(table: string): Iterable<readonly [id: number, read: IndexedRead]> {
    for (const slot of this.#tables.get(table)?.slots() ?? []) yield [this.#ids[slot] as number, this.#viewed(slot)];
  }

  /** Shapes of the table, as its reads know it. */
  shapesOf(table: string): ReadonlySet<TableShape> {
    return this.#tables.get(table)?.shapes() ?? new Set();
  }

  stats(): DependencyIndexStats {
    let records = 0;
    for (const table of this.#tables.values()) records += table.records.size;
    return {
      instances: this.#first.size,
      reads: this.#slots.count,
      tables: this.#tables.size,
      records,
      forgotten: this.#forgotten,
      ...this.#counts,
      coarse: { ...this.#counts.coarse },
    };
  }

  #addRead(id: number, read: BoundRead): number {
    const slot = this.#slots.take();
    const table = this.#tableOf(read.read.table.name);
    const plan = table.planFor(read);
    this.#ids[slot] = id;
    this.#reads.set(READ * slot + PLAN, this.#numberOf(plan));
    this.#reads.set(READ * slot + PLACE, plan.add(slot, read));
    const keys = plan.hasKeys ? read.keys : undefined;
    this.#reads.set(READ * slot + RECORDS, keys === undefined ? NONE : table.records.add(slot, keys));
    return slot;
  }

  #viewed(slot: number): IndexedRead {
    const plan = this.#planOf(slot);
    const records = this.#reads.get(READ * slot + RECORDS);
    const keys = (most: number) => this.#tableOf(plan.read.table.name).records.keysOf(records, most);
    const kept = plan.view(this.#placeOf(slot));
    return { slot, read: plan.read, ...kept, keys: plan.hasKeys ? keys : undefined, coarse: plan.coarse };
  }

  #removeRead(slot: number): void {
    const plan = this.#planOf(slot);
    const { name } = plan.read.table;
    const table = this.#tables.get(name) as IndexTable;
    table.remove(slot, this.#reads.get(READ * slot + RECORDS));
    if (table.isEmpty) this.#tables.delete(name);
    if (plan.count === 0) this.#dropPlan(plan);
    this.#slots.give(slot);
  }

  #planOf(slot: number): IndexPlan {
    return this.#plans[this.#reads.get(READ * slot + PLAN)] as IndexPlan;
  }

  #placeOf(slot: number): number {
    return this.#reads.get(READ * slot + PLACE);
  }

  #numberOf(plan: IndexPlan): number {
    if (plan.number === NONE) {
      plan.number = this.#planPlaces.take();
      this.#plans[plan.number] = plan;
    }
    return plan.number;
  }

  #dropPlan(plan: IndexPlan): void {
    this.#plans[plan.number] = undefined;
    this.#planPlaces.give(plan.number);
    plan.number = NONE;
  }

  #tableOf(name: string): IndexTable {
    const known = this.#tables.get(name);
    if (known !== undefined) return known;
    const slots = {
      planOf: (slot: number) => this.#planOf(slot),
      placeOf: (slot: number) => this.#placeOf(slot),
      isFound: (plan: IndexPlan, place: number) =>
        this.#found.size > 0 && this.#found.has(this.#ids[plan.slot(place)] as number),
      tell: (slot: number, reason: MatchReason) => this.#tell(slot, reason),
    };
    const table = new IndexTable(slots, this.#counts, this.#maxLooks);
    this.#tables.set(name, table);
    return table;
  }

  #tell(slot: number, reason: MatchReason): void {
    const id = this.#ids[slot] as number;
    if (this.#found.has(id)) return;
    this.#found.add(id);
    this.#reasons?.set(id, reason);
  }

  #append(slot: number): void {
    this.#older.set(slot, this.#newest);
    this.#newer.set(slot, NONE);
    if (this.#newest === NONE) this.#oldest = slot;
    else this.#newer.set(this.#newest, slot);
    this.#newest = slot;
  }

  #unlink(slot: number): void {
    const older = this.#older.get(slot);
    const newer = this.#newer.get(slot);
    if (older === NONE) this.#oldest = newer;
    else this.#newer.set(older, newer);
    if (newer === NONE) this.#newest = older;
    else this.#older.set(newer, older);
  }
}
