// Popularity by time of day: what was asked for most in each half hour, so that the same half hour of the next day can begin with it.

import type { Candidate } from './sequence-model.ts';

/** Half hours: the time zones of all clients but a few agree on their beginning. */
const SLOT_MS = 1_800_000;
const SLOTS = 48;
/** URIs counted at once, and kept of each half hour. */
const COUNTED = 1_024;
const KEPT = 64;
/** Requests in a half hour that tell no more than fewer do. */
const MANY = 32;
const FEW = 2;

export class HourModel {
  /** By half hour of the day, the most popular first. */
  readonly #popular: (readonly Candidate[])[] = Array.from({ length: SLOTS }, () => []);
  #counts = new Map<string, number>();
  #slot: number | undefined;
  #due: Candidate[] = [];

  /** A client has asked for it. */
  observe(uri: string, now: number): void {
    const slot = Math.floor(now / SLOT_MS);
    if (slot !== this.#slot) this.#begin(slot);
    const count = this.#counts.get(uri);
    if (count !== undefined || this.#counts.size < COUNTED) this.#counts.set(uri, (count ?? 0) + 1);
    else this.#forgetRare();
  }

  /** One that was popular at this time yesterday: one at a time, so that they are not filled all at once. */
  due(): Candidate | undefined {
    return this.#due.pop();
  }

  #begin(slot: number): void {
    if (this.#slot !== undefined) this.#popular[this.#slot % SLOTS] = popularOf(this.#counts);
    this.#slot = slot;
    this.#counts = new Map();
    const untilMs = (slot + 1) * SLOT_MS;
    this.#due = (this.#popular[slot % SLOTS] ?? []).map((one) => ({ ...one, untilMs })).reverse();
    // A half hour without requests leaves nothing for tomorrow.
    this.#popular[slot % SLOTS] = [];
  }

  /** Misra and Gries: each new one that has no room costs all others one. */
  #forgetRare(): void {
    for (const [uri, count] of this.#counts) {
      if (count === 1) this.#counts.delete(uri);
      else this.#counts.set(uri, count - 1);
    }
  }
}

function popularOf(counts: ReadonlyMap<string, number>): Candidate[] {
  const often = [...counts].filter(([, count]) => count >= FEW).sort(([, one], [, other]) => other - one);
  return often.slice(0, KEPT).map(([uri, count]) => {
    return { uri, evidence: 'hour', group: '', share: Math.min(count, MANY) / MANY };
  });
}
