// Live counters: what was counted adds up, and is handed over in batches. A Durable Object keeps each change in its rows.
//
// What is counted while a batch is on its way belongs to the next one. A batch that failed is handed over again as it was, under
// its id: nobody knows what became of it, and by the id the application can tell.

import { expected, TidegateError } from '../../errors.ts';
import type { ViewPlan } from './view.ts';

export interface CounterBatch {
  /** Identifies the batch: a batch that is handed over again keeps its id, and no other batch has it. */
  readonly id: string;
  readonly deltas: { readonly [counter: string]: number };
}

export interface CounterSums {
  /** Since the counter began, if a view names it; else 0. */
  readonly total: number;
  /** Not in a batch yet. */
  readonly pending: number;
}

/** Outlives the counters. Each method throws where nothing was kept. */
export interface CounterKeep {
  readonly counters: ReadonlyMap<string, CounterSums>;
  readonly batch: CounterBatch | undefined;
  /** `sums` undefined: both are 0. */
  keepCounter(counter: string, sums: CounterSums | undefined): void;
  keepBatch(batch: CounterBatch | undefined): void;
  /** Keeps all that `work` keeps, or nothing. */
  together(work: () => void): void;
}

export interface CountersParts {
  readonly newId: () => string;
  /** Those that views name. Of the others there may be any number, so they have no totals. */
  readonly named: ReadonlySet<string>;
  /** False where the application takes no batches. */
  readonly isFlushed: boolean;
  readonly keep?: CounterKeep;
}

/** A batch fits into one value of a Durable Object's storage, and into one transaction of the application. */
const MAX_BATCH = 1_000;
const MAX_PENDING = 100_000;
const MAX_NAME = 200;

export class Counters {
  readonly #parts: CountersParts;
  readonly #totals = new Map<string, number>();
  readonly #pending = new Map<string, number>();
  #batch: CounterBatch | undefined;

  constructor(parts: CountersParts) {
    this.#parts = parts;
    const { named, keep } = parts;
    this.#batch = keep?.batch;
    for (const [counter, { total, pending }] of keep?.counters ?? []) {
      this.#set(counter, { total: named.has(counter) ? total : 0, pending });
    }
  }

  /** Throws E_VIEW: too many counters wait to be flushed. */
  add(counter: string, by: number): void {
    const { named, isFlushed, keep } = this.#parts;
    const sums = {
      total: named.has(counter) ? this.total(counter) + by : 0,
      pending: isFlushed ? (this.#pending.get(counter) ?? 0) + by : 0,
    };
    if (this.#pending.size >= MAX_PENDING && sums.pending !== 0 && !this.#pending.has(counter)) {
      const what = `at most ${MAX_PENDING} counters that wait to be flushed`;
      throw new TidegateError('E_VIEW', `expected ${what}, got one more: ${counter}`);
    }
    if (isFlushed || named.has(counter)) keep?.keepCounter(counter, keptSums(sums));
    this.#set(counter, sums);
  }

  total(counter: string): number {
    return this.#totals.get(counter) ?? 0;
  }

  get isEmpty(): boolean {
    return this.#batch === undefined && this.#pending.size === 0;
  }

  /** A whole batch is pending. */
  get isFull(): boolean {
    return this.#pending.size >= MAX_BATCH;
  }

  /** Sums that the application has not confirmed yet, with those of the batch under way. */
  left(): CounterBatch['deltas'] {
    const left = new Map(Object.entries(this.#batch?.deltas ?? {}));
    for (const [counter, delta] of this.#pending) left.set(counter, (left.get(counter) ?? 0) + delta);
    return Object.fromEntries(left);
  }

  /** The batch to hand over: the one that has not arrived, or else what is pending. Undefined: there is nothing. */
  take(): CounterBatch | undefined {
    if (this.#batch !== undefined || this.#pending.size === 0) return this.#batch;
    const { newId, keep } = this.#parts;
    const moved = [...this.#pending].slice(0, MAX_BATCH);
    const batch = { id: newId(), deltas: Object.fromEntries(moved) };
    const left = moved.map(([counter]) => [counter, { total: this.total(counter), pending: 0 }] as const);
    keep?.together(() => {
      keep.keepBatch(batch);
      for (const [counter, sums] of left) keep.keepCounter(counter, keptSums(sums));
    });
    for (const [counter, sums] of left) this.#set(counter, sums);
    this.#batch = batch;
    return batch;
  }

  /** The batch has arrived. */
  arrived(): void {
    this.#parts.keep?.keepBatch(undefined);
    this.#batch = undefined;
  }

  #set(counter: string, { total, pending }: CounterSums): void {
    if (total === 0) this.#totals.delete(counter);
    else this.#totals.set(counter, total);
    if (pending === 0) this.#pending.delete(counter);
    else this.#pending.set(counter, pending);
  }
}

function keptSums(sums: CounterSums): CounterSums | undefined {
  return sums.total === 0 && sums.pending === 0 ? undefined : sums;
}

/** The counters that views name in `when`. */
export function namedCounters(views: readonly Pick<ViewPlan, 'events'>[]): ReadonlySet<string> {
  const events = views.flatMap((view) => view.events);
  return new Set(events.flatMap((event) => ('counter' in event ? [event.counter] : [])));
}

/** Throws E_VIEW. */
export function checkCount(counter: unknown, by: unknown): void {
  if (typeof counter !== 'string' || counter === '' || counter.length > MAX_NAME) {
    expected('E_VIEW', `the name of a counter, of 1 to ${MAX_NAME} characters`, counter);
  }
  if (typeof by !== 'number' || !Number.isFinite(by)) expected('E_VIEW', `${counter} to move by a number`, by);
}
