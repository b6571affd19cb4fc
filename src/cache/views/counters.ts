// Live counters: what was counted adds up, and is handed over in batches. Pure: a Durable Object keeps the same state in its rows.
//
// What is counted while a batch is on its way belongs to the next one. A batch that failed is handed over again as it was, under
// its id: nobody knows what became of it, and by the id the application can tell.

import { expected } from '../../errors.ts';
import type { ViewPlan } from './view.ts';

export interface CounterBatch {
  /** Identifies the batch: a batch that is handed over again keeps its id, and no other batch has it. */
  readonly id: string;
  readonly deltas: { readonly [counter: string]: number };
}

export interface CounterState {
  /** Since the counters began, of those that views name. */
  readonly totals: ReadonlyMap<string, number>;
  /** Not in a batch yet. */
  readonly pending: ReadonlyMap<string, number>;
  readonly batch: CounterBatch | undefined;
}

export class Counters {
  readonly #totals: Map<string, number>;
  #pending: Map<string, number>;
  #batch: CounterBatch | undefined;
  readonly #newId: () => string;
  readonly #named: ReadonlySet<string>;

  /** `named`: those that views name. Of the others there may be any number, so they have no totals. */
  constructor(newId: () => string, named: ReadonlySet<string>, state?: CounterState) {
    this.#newId = newId;
    this.#named = named;
    this.#totals = new Map([...(state?.totals ?? [])].filter(([counter]) => named.has(counter)));
    this.#pending = new Map(state?.pending);
    this.#batch = state?.batch;
  }

  add(counter: string, by: number): void {
    if (this.#named.has(counter)) this.#totals.set(counter, this.total(counter) + by);
    this.#pending.set(counter, (this.#pending.get(counter) ?? 0) + by);
  }

  total(counter: string): number {
    return this.#totals.get(counter) ?? 0;
  }

  get state(): CounterState {
    return { totals: this.#totals, pending: this.#pending, batch: this.#batch };
  }

  get isEmpty(): boolean {
    return this.#batch === undefined && this.#pending.size === 0;
  }

  /** Sums that the application has not confirmed yet, with those of the batch under way. */
  left(): CounterBatch['deltas'] {
    const left = new Map(Object.entries(this.#batch?.deltas ?? {}));
    for (const [counter, delta] of this.#pending) left.set(counter, (left.get(counter) ?? 0) + delta);
    return Object.fromEntries(left);
  }

  /** The batch to hand over: the one that has not arrived, or else all that is pending. Undefined: there is nothing. */
  take(): CounterBatch | undefined {
    if (this.#batch !== undefined) return this.#batch;
    const moved = [...this.#pending].filter(([, delta]) => delta !== 0);
    this.#pending = new Map();
    if (moved.length > 0) this.#batch = { id: this.#newId(), deltas: Object.fromEntries(moved) };
    return this.#batch;
  }

  /** The batch has arrived. */
  arrived(): void {
    this.#batch = undefined;
  }
}

/** The counters that views name in `when`. */
export function namedCounters(views: readonly Pick<ViewPlan, 'events'>[]): ReadonlySet<string> {
  const events = views.flatMap((view) => view.events);
  return new Set(events.flatMap((event) => ('counter' in event ? [event.counter] : [])));
}

/** Throws E_VIEW. */
export function checkCount(counter: unknown, by: unknown): void {
  if (typeof counter !== 'string' || counter === '') expected('E_VIEW', 'the name of a counter', counter);
  if (typeof by !== 'number' || !Number.isFinite(by)) expected('E_VIEW', `${counter} to move by a number`, by);
}
