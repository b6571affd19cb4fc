// Hands what was counted over to the application, in batches: one at a time, and one that failed again, later and later.

import { TidegateError } from '../../errors.ts';
import type { Clock, Random, Tasks } from '../../ports.ts';
import { inTime } from './computation.ts';
import type { CounterBatch, Counters } from './counters.ts';
import { begun, failed, type Pace, succeeded, type Timing, UNCOMPUTED, waitOf, wanted } from './schedule.ts';

/**
 * Takes what was counted since the batch before. A batch whose `flush` failed comes again with the same id and the same deltas: an
 * application that stores the id with the deltas, in one transaction, counts each exactly once.
 */
export type Flush = (
  deltas: CounterBatch['deltas'],
  batch: { readonly id: string; readonly env: unknown },
) => Promise<void> | void;

export interface FlusherParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Pick<Tasks, 'later'>;
  readonly random: Random;
  readonly counters: Counters;
  readonly flush: Flush;
  readonly everyMs: number;
  readonly env: unknown;
  fault(error: unknown): void;
}

const TIMEOUT_MS = 30_000;

export class Flusher {
  readonly #parts: FlusherParts;
  readonly #pace: Pace;
  #timing: Timing;
  #running: Promise<boolean> | undefined;

  constructor(parts: FlusherParts) {
    this.#parts = parts;
    this.#pace = { everyMs: Infinity, jitter: 0, atMostMs: parts.everyMs, backoffMs: { from: 1_000, to: 300_000 } };
    this.#timing = { ...UNCOMPUTED, dueMs: Number.POSITIVE_INFINITY, begunMs: parts.clock.now() };
    if (!parts.counters.isEmpty) this.counted();
  }

  /** There is something to hand over. */
  counted(): void {
    this.#timing = wanted(this.#timing, this.#pace, this.#parts.clock.now());
  }

  /** Begins if it is due. Returns how long until it is; Infinity: there is nothing to do, or it is under way. */
  due(ended: () => void): number {
    if (this.#running !== undefined) return Number.POSITIVE_INFINITY;
    const waitMs = waitOf(this.#timing, this.#parts.clock.now());
    if (waitMs > 0) return waitMs;
    void this.flush().then(ended);
    return Number.POSITIVE_INFINITY;
  }

  /** False: it failed. What is under way is waited for instead. */
  flush(): Promise<boolean> {
    this.#running ??= this.#handOver().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #handOver(): Promise<boolean> {
    const { clock, random, counters, fault } = this.#parts;
    this.#timing = begun(this.#timing, clock.now());
    const moment = () => ({ now: clock.now(), random: random() });
    try {
      do {
        const batch = counters.take();
        if (batch === undefined) break;
        await this.#inTime(batch);
        counters.arrived();
      } while (counters.isFull);
    } catch (error) {
      this.#timing = failed(this.#timing, this.#pace, moment());
      fault(error);
      return false;
    }
    this.#timing = { ...succeeded(this.#timing, this.#pace, moment()), dueMs: Number.POSITIVE_INFINITY };
    if (!counters.isEmpty) this.counted();
    return true;
  }

  #inTime({ deltas, id }: CounterBatch): Promise<void> {
    const { tasks, flush, env } = this.#parts;
    const message = `expected the flush of counters to end within ${TIMEOUT_MS} ms, got no end`;
    const late = () => new TidegateError('E_FILL_TIMEOUT', message);
    return inTime(tasks, { timeoutMs: TIMEOUT_MS, late }, async () => flush(deltas, { id, env }));
  }
}
