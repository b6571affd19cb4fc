// Purges of the platform's Workers Cache, for what must be gone from it. Nothing waits for them to be right: what an
// invalidation names is not asked for any more, whether it is still kept there or not.
//
// The platform takes five calls a minute from all isolates together, and refuses the rest. So tags that could not be purged
// wait, and go with the next call; too many become a purge of everything. An answer that was being made is
// stored after a purge. So what was purged is purged once more, when all answers that had been begun then are over.

import type { Clock } from '../ports.ts';

/** What a call names. */
export type PlatformPurge = { readonly tags: readonly string[] } | { readonly purgeEverything: true };

/** `ctx.cache` of the cached entrypoint, or that entrypoint itself. */
export interface PurgedCache {
  purge(what: PlatformPurge): Promise<{ readonly success: boolean }>;
}

export type PurgeOutcome =
  /** `coarsened`: everything was purged. */
  | { readonly kind: 'purged'; readonly coarsened: boolean }
  /** It waits for the next call. `reason`: of the platform, or of this isolate, which knows that the platform would refuse. */
  | { readonly kind: 'waiting'; readonly reason: 'refused' | 'failed' | 'budget'; readonly retryMs: number };

export interface PurgeStats {
  readonly calls: number;
  readonly refused: number;
  readonly failed: number;
  readonly coarsened: number;
  /** Tags that are still to be purged, those that are to be purged once more included. */
  readonly waiting: number;
}

export interface PlatformPurgesParts {
  readonly clock: Pick<Clock, 'monotonic'>;
  /** Longest time that an answer takes. */
  readonly answerMs: number;
}

/** Among tags: all of the entrypoint. */
export const EVERYTHING = '*';

/** What the platform allows in one call, at once, and then in time. */
const MAX_TAGS = 100;
const BUCKET = 25;
const REFILL_MS = 12_000;

export class PlatformPurges {
  readonly #parts: PlatformPurgesParts;
  /** Tags by the time from which they are to be purged. */
  readonly #waiting = new Map<string, number>();
  #left = BUCKET;
  #filledAt: number;
  readonly #counts = { calls: 0, refused: 0, failed: 0, coarsened: 0 };

  constructor(parts: PlatformPurgesParts) {
    this.#parts = parts;
    this.#filledAt = parts.clock.monotonic();
  }

  stats(): PurgeStats {
    return { ...this.#counts, waiting: this.#waiting.size };
  }

  /** Purges what has the tags, and what waits. Does not reject. */
  purge(cache: PurgedCache, tags: readonly string[]): Promise<PurgeOutcome> {
    for (const tag of tags) this.#waiting.set(tag, 0);
    return this.#call(cache);
  }

  /** Purges what waits and is due; undefined: nothing is. To be called from time to time, for timers end with requests. */
  async flush(cache: PurgedCache): Promise<PurgeOutcome | undefined> {
    return this.#due().length === 0 ? undefined : await this.#call(cache);
  }

  #due(): readonly string[] {
    const now = this.#parts.clock.monotonic();
    return [...this.#waiting].filter(([, from]) => from <= now).map(([tag]) => tag);
  }

  async #call(cache: PurgedCache): Promise<PurgeOutcome> {
    if (this.#due().length > MAX_TAGS) this.#coarsen();
    const tags = this.#due();
    const coarsened = tags.includes(EVERYTHING);
    if (tags.length === 0) return { kind: 'purged', coarsened: false };
    if (!this.#takes()) return this.#waits('budget');
    this.#counts.calls++;
    const calledAt = this.#parts.clock.monotonic();
    const result = await cache.purge(coarsened ? { purgeEverything: true } : { tags }).catch(() => undefined);
    if (result?.success !== true) {
      // Other isolates have used up what this one believed to be left.
      this.#left = 0;
      this.#counts[result === undefined ? 'failed' : 'refused']++;
      return this.#waits(result === undefined ? 'failed' : 'refused');
    }
    const { answerMs } = this.#parts;
    for (const tag of tags) this.#isPurged(tag, { calledAt, againAt: calledAt + answerMs });
    return { kind: 'purged', coarsened };
  }

  /** One that was asked for during the call waits for another. */
  #isPurged(tag: string, { calledAt, againAt }: { readonly calledAt: number; readonly againAt: number }): void {
    const from = this.#waiting.get(tag);
    if (from === undefined || from > calledAt) return;
    // The first time it is asked for from 0 on; a second purge is the last.
    if (from > 0) this.#waiting.delete(tag);
    else this.#waiting.set(tag, againAt);
  }

  #coarsen(): void {
    this.#counts.coarsened++;
    this.#waiting.clear();
    this.#waiting.set(EVERYTHING, 0);
  }

  #takes(): boolean {
    const now = this.#parts.clock.monotonic();
    const refilled = Math.floor((now - this.#filledAt) / REFILL_MS);
    this.#left = Math.min(BUCKET, this.#left + refilled);
    this.#filledAt += refilled * REFILL_MS;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  #waits(reason: 'refused' | 'failed' | 'budget'): PurgeOutcome {
    const retryMs = Math.max(0, this.#filledAt + REFILL_MS - this.#parts.clock.monotonic());
    return { kind: 'waiting', reason, retryMs };
  }
}
