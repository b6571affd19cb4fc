// What was counted when: the counts as they were every ten seconds, for the last ten minutes. So the windows and the plots of
// statistics cost a request nothing.
//
// Who answers operators keeps it, of all processes of the gate together.

import type { Cancel, Clock, Eventually, Tasks } from '../../ports.ts';
import { type GateCounts, since } from './counts.ts';

const STEP_MS = 10_000;
const STEPS = 60;
/** One more, so that they reach back as far as the windows; and the start of the gate, or what is left of the step before. */
const MARKS = STEPS + 2;

/** The counts at a moment; undefined: nothing was counted yet. */
interface Mark {
  readonly atMs: number;
  readonly counts: GateCounts | undefined;
}

/** What was counted between two moments, in ms since the Unix epoch. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly counts: GateCounts;
}

export interface HistoryParts {
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Pick<Tasks, 'later'>;
  /** Since the start. */
  readonly counts: () => Eventually<GateCounts>;
  /** Told what `counts` throws: those ten seconds are part of the next. */
  readonly fault: (error: unknown) => void;
}

export class StatsHistory {
  readonly #parts: HistoryParts;
  readonly #marks: Mark[];
  readonly #startedAtMs: number;
  #cancel: Cancel = () => {};

  /** To be made when the gate begins to count. */
  constructor(parts: HistoryParts) {
    this.#parts = parts;
    this.#startedAtMs = parts.clock.now();
    this.#marks = [{ atMs: this.#startedAtMs, counts: undefined }];
  }

  /** Notes the counts from now on, until `stop`. */
  start(): void {
    this.#cancel = this.#parts.tasks.later(STEP_MS, () => {
      this.#mark().catch(this.#parts.fault);
      this.start();
    });
  }

  stop(): void {
    this.#cancel();
  }

  /** From the start on. */
  async whole(): Promise<Span> {
    const counts = await this.#parts.counts();
    return { fromMs: this.#startedAtMs, toMs: this.#parts.clock.now(), counts };
  }

  /** The end of `whole`: as long as is asked for, and up to one step longer; shorter where the gate has not run so long. */
  last(whole: Span, lengthMs: number): Span {
    const before = this.#marks.findLast(({ atMs }) => atMs <= whole.toMs - lengthMs) ?? this.#marks[0];
    return before === undefined ? whole : between(before, whole);
  }

  /** Up to now, one after the other; the last is shorter than the others. */
  steps(whole: Span): Span[] {
    const marks = [...this.#marks, { atMs: whole.toMs, counts: whole.counts }];
    const spans = marks.slice(1).map(({ atMs: toMs, counts }, at) => {
      return between(marks[at] as Mark, { toMs, counts: counts as GateCounts });
    });
    return spans.slice(-STEPS);
  }

  async #mark(): Promise<void> {
    const counts = await this.#parts.counts();
    this.#marks.push({ atMs: this.#parts.clock.now(), counts });
    if (this.#marks.length > MARKS) this.#marks.shift();
  }
}

function between(before: Mark, { toMs, counts }: Pick<Span, 'toMs' | 'counts'>): Span {
  return { fromMs: before.atMs, toMs, counts: before.counts === undefined ? counts : since(counts, before.counts) };
}
