// The reads of one table: its plans, the records they list, and the reads among them that a change affects.
//
// A change is found by two ways, its record and its values. Which of them a plan needs depends on whether it lists its
// rows: if it does, a row that is not listed matters only by its new values, unless an OFFSET skips rows.

import { keyOnly, type Reason } from '../affected.ts';
import type { Change, Row, TableShape } from '../change.ts';
import { rowKey } from '../condition/compare.ts';
import type { BoundRead, TableRead } from '../template.ts';
import { NONE } from './numbers.ts';
import { type CoarseReason, changedBits, columnBits, IndexPlan } from './plan.ts';
import { RecordIndex } from './records.ts';

export type MatchReason = Reason | CoarseReason;

/** The index's data for each read, by slot; `tell` receives the affected reads. */
export interface Slots {
  planOf(slot: number): IndexPlan;
  placeOf(slot: number): number;
  isFound(plan: IndexPlan, place: number): boolean;
  tell(slot: number, reason: MatchReason): void;
}

/** Counts since the index began. */
export interface TableCounts {
  /** Closer looks at a read. */
  looks: number;
  /** Plans passed over, as no column that they use was changed. */
  skips: number;
  /** Reads said to be affected without a closer look. */
  readonly coarse: { [reason in CoarseReason | 'schema']: number };
}

/** A change, with the facts that all plans need. */
interface Probe {
  readonly change: Change;
  readonly old: Row | undefined;
  readonly now: Row | undefined;
  readonly changed: number;
  /** Whether the row as it was can be looked up among the records. */
  readonly isKeyed: boolean;
}

/** Further forms of a read share one coarse plan. Each filter that may be left out makes them twice as many. */
const MAX_FORMS = 64;
const MAX_STAMP = 2 ** 31 - 1;

export class IndexTable {
  readonly #plans = new Map<TableRead, IndexPlan[]>();
  /** The records that its reads list. */
  readonly records = new RecordIndex();
  readonly #slots: Slots;
  readonly #counts: TableCounts;
  readonly #maxLooks: number;
  /** The number of the change; a plan knows for which one it last looked at a read. */
  #stamp = 0;
  #change: Change | undefined;
  readonly #found: number[] = [];
  /** Columns that some plan uses, or has used. */
  #used = 0;

  constructor(slots: Slots, counts: TableCounts, maxLooks: number) {
    this.#slots = slots;
    this.#counts = counts;
    this.#maxLooks = maxLooks;
  }

  get isEmpty(): boolean {
    return this.#plans.size === 0;
  }

  /** The plan that takes the read, which is to be added to it next. */
  planFor(bound: BoundRead): IndexPlan {
    const plans = this.#plans.get(bound.read);
    const known = plans?.find((plan) => plan.takes(bound));
    if (known !== undefined) return known;
    const isFull = plans !== undefined && plans.length >= MAX_FORMS;
    const plan = isFull ? new IndexPlan(bound.read, bound, 'too-many-forms') : newPlan(bound);
    this.#used |= plan.used;
    this.#plans.set(bound.read, [...(plans ?? []), plan]);
    return plan;
  }

  /** `records`: of the read, as they were added. */
  remove(slot: number, records: number): void {
    const plan = this.#slots.planOf(slot);
    plan.remove(this.#slots.placeOf(slot));
    this.records.remove(slot, records);
    if (plan.count > 0) return;
    const rest = this.#plans.get(plan.read)?.filter((other) => other !== plan) ?? [];
    if (rest.length === 0) this.#plans.delete(plan.read);
    else this.#plans.set(plan.read, rest);
  }

  /** All reads. */
  *slots(): Iterable<number> {
    for (const plan of [...this.#plans.values()].flat()) {
      for (let place = 0; place < plan.end; place++) {
        const slot = plan.slot(place);
        if (slot !== NONE) yield slot;
      }
    }
  }

  /** The table's shapes as its reads know them; one more for each time that it was altered. */
  shapes(): ReadonlySet<TableShape> {
    return new Set([...this.#plans.keys()].map(({ table }) => table));
  }

  match(change: Change): void {
    this.#change = change;
    this.#nextStamp();
    if (change.kind === 'truncate') return this.tellAll('truncate');
    const probe = this.#probeOf(change);
    for (const plans of this.#plans.values()) {
      for (const plan of plans) {
        try {
          this.#matchPlan(plan, probe);
        } catch {
          this.#tellPlan(plan, 'error');
        }
      }
    }
  }

  tellAll(reason: MatchReason): void {
    for (const plans of this.#plans.values()) for (const plan of plans) this.#tellPlan(plan, reason);
  }

  /** Looks at the reads that list the record, too. */
  #probeOf(change: Exclude<Change, { kind: 'truncate' }>): Probe {
    const now = change.kind === 'delete' ? undefined : change.new;
    if (change.kind === 'insert') return { change, old: undefined, now, changed: columnBits('all'), isKeyed: true };
    const changed = now === undefined ? columnBits('all') : changedBits(change.table, change.old, now);
    const old = change.old ?? (now && keyOnly(change.table, now));
    const key = old && rowKey(change.table, old);
    const probe = { change, old, now, changed, isKeyed: key !== undefined };
    const isUsed = change.kind === 'delete' || (this.#used & changed) !== 0;
    if (key !== undefined && isUsed) this.#matchRecord(key, probe);
    return probe;
  }

  #matchRecord(key: string, probe: Probe): void {
    const slots = this.#found;
    slots.length = 0;
    this.records.find(key, slots);
    for (const slot of slots) {
      const plan = this.#slots.planOf(slot);
      if (isUntouched(plan, probe) || plan.coarse !== undefined) continue;
      if (plan.agreesWith(probe.change.table)) this.#look(plan, this.#slots.placeOf(slot), true);
    }
  }

  #matchPlan(plan: IndexPlan, probe: Probe): void {
    const { change, old, now } = probe;
    if (!plan.agreesWith(change.table)) return this.#tellPlan(plan, 'schema');
    if (isUntouched(plan, probe)) {
      this.#counts.skips++;
      return;
    }
    if (plan.coarse !== undefined) return this.#tellPlan(plan, plan.coarse);
    const places = this.#found;
    places.length = 0;
    const needsOld = change.kind !== 'insert' && (!plan.hasKeys || plan.hasOffset || !probe.isKeyed);
    const isWhole =
      (!needsOld || (old !== undefined && plan.find(old, places))) && (now === undefined || plan.find(now, places));
    if (isWhole) this.#lookAt(plan, places);
    else this.#lookAtAll(plan);
  }

  #lookAtAll(plan: IndexPlan): void {
    if (plan.count > this.#maxLooks) return this.#tellPlan(plan, 'too-many-candidates');
    for (let place = 0; place < plan.end; place++) {
      if (plan.slot(place) !== NONE) this.#look(plan, place, false);
    }
  }

  #lookAt(plan: IndexPlan, places: readonly number[]): void {
    const isShort = places.length <= this.#maxLooks;
    for (const place of places) {
      if (isShort) this.#look(plan, place, false);
      else this.#tellCoarse(plan.slot(place), 'too-many-candidates');
    }
  }

  /** `isListed`: whether the row as it was is among the keys. */
  #look(plan: IndexPlan, place: number, isListed: boolean): void {
    if (!plan.claimLook(place, this.#stamp) || this.#slots.isFound(plan, place)) return;
    this.#counts.looks++;
    const reason = plan.look(place, this.#change as Change, isListed);
    if (reason !== undefined) this.#slots.tell(plan.slot(place), reason);
  }

  #tellPlan(plan: IndexPlan, reason: MatchReason): void {
    for (let place = 0; place < plan.end; place++) {
      const slot = plan.slot(place);
      if (slot !== NONE) this.#tellCoarse(slot, reason);
    }
  }

  #tellCoarse(slot: number, reason: MatchReason): void {
    if (Object.hasOwn(this.#counts.coarse, reason)) this.#counts.coarse[reason as CoarseReason]++;
    this.#slots.tell(slot, reason);
  }

  #nextStamp(): void {
    if (this.#stamp === MAX_STAMP) {
      for (const plans of this.#plans.values()) for (const plan of plans) plan.forgetLooks();
      this.#stamp = 0;
    }
    this.#stamp++;
  }
}

/**
 * Whether an update leaves the plan's columns alone. COUNT(*) uses no column, but an inserted or deleted row matters to
 * it.
 */
function isUntouched(plan: IndexPlan, { change, changed }: Probe): boolean {
  return change.kind === 'update' && (plan.used & changed) === 0;
}

function newPlan(bound: BoundRead): IndexPlan {
  try {
    const plan = new IndexPlan(bound.read, bound);
    return plan.takes(bound) ? plan : new IndexPlan(bound.read, bound, 'error');
  } catch {
    return new IndexPlan(bound.read, bound, 'error');
  }
}
