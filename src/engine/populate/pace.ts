// How fast fills may go: so many at a time, so many in a second, and none while an origin wants to be left alone.
//
// Whether a fill asks the origin at all is known only afterwards. So it takes its turn first, and
// gives it back when there was nothing to ask.

import type { Random } from '../../ports.ts';

/** Bounds on the fills of one origin, or of one job. */
export interface PaceLimits {
  /** Fills under way at once. */
  readonly concurrency: number;
  /** Requests to the origin in a second. 0: any number. */
  readonly ratePerSecond: number;
}

/** Requests that are late by so much may be made up for: timers are not exact. */
const CATCH_UP_MS = 50;

export class Pace {
  inFlight = 0;
  /** The instant (monotonic) of the next turn, if turns are taken as soon as they may be. */
  #nextMs = Number.NEGATIVE_INFINITY;

  /** Time until a fill may begin; infinite: not before one has ended. */
  waitMs(now: number, { concurrency }: PaceLimits): number {
    return this.inFlight >= concurrency ? Number.POSITIVE_INFINITY : Math.max(0, this.#nextMs - now);
  }

  /** Takes the next turn, however many are under way; returns the time until it comes. */
  reserve(now: number, { ratePerSecond }: PaceLimits): number {
    const waitMs = Math.max(0, this.#nextMs - now);
    if (ratePerSecond > 0) this.#nextMs = Math.max(this.#nextMs, now - CATCH_UP_MS) + 1000 / ratePerSecond;
    return waitMs;
  }

  begin(now: number, limits: PaceLimits): void {
    this.inFlight++;
    this.reserve(now, limits);
  }

  /** `asked` false: it made no request. */
  end(asked: boolean, { ratePerSecond }: PaceLimits): void {
    this.inFlight--;
    if (!asked && ratePerSecond > 0) this.#nextMs -= 1000 / ratePerSecond;
  }
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;
/** So many in a row without any answer, and it is given up: half a minute to a minute. */
const MAX_SILENT_PAUSES = 7;
/** Longest Retry-After that is obeyed. Then the origin is asked once, and may repeat it. */
const LONGEST_RETRY_AFTER_MS = 15 * 60_000;

/** How much the latest forward counts in the mean. */
const COST_WEIGHT = 0.2;

/** One origin as the fills see it. */
export class OriginPace extends Pace {
  readonly #random: Random;
  #pausedUntilMs = Number.NEGATIVE_INFINITY;
  /** Pauses since it last answered. */
  #pauses = 0;
  /** Pauses since it last answered anything. */
  #silentPauses = 0;
  #costMs: number | undefined;

  constructor(random: Random) {
    super();
    this.#random = random;
  }

  /** Mean time to its head, as far as known; else 1. */
  get cost(): number {
    return this.#costMs ?? 1;
  }

  override waitMs(now: number, limits: PaceLimits): number {
    // After a pause one fill goes ahead of the others.
    const concurrency = this.#pauses > 0 ? 1 : limits.concurrency;
    return Math.max(this.#pausedUntilMs - now, super.waitMs(now, { ...limits, concurrency }));
  }

  /** It has not answered for so long that what waits for it waits in vain. Whatever comes later is still tried. */
  get isGivenUp(): boolean {
    return this.#silentPauses >= MAX_SILENT_PAUSES;
  }

  override reserve(now: number, limits: PaceLimits): number {
    return Math.max(this.#pausedUntilMs - now, super.reserve(now, limits));
  }

  /** `forwardMs`: it answered, and took so long. */
  override end(asked: boolean, limits: PaceLimits, forwardMs?: number): void {
    super.end(asked, limits);
    if (forwardMs === undefined) return;
    this.#silentPauses = 0;
    const ms = Math.max(1, forwardMs);
    this.#costMs = this.#costMs === undefined ? ms : this.#costMs + COST_WEIGHT * (ms - this.#costMs);
  }

  /** It answered as it should. */
  recovered(): void {
    this.#pauses = 0;
  }

  /** It is left alone: for as long as it said, or twice as long as the last time. */
  pause(now: number, retryAfterMs: number | undefined): void {
    // Those under way when a pause began tell of the same trouble.
    if (now < this.#pausedUntilMs && retryAfterMs === undefined) return;
    const longest = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#pauses);
    const ownMs = longest * (0.5 + this.#random() / 2);
    const ms = retryAfterMs === undefined ? ownMs : Math.min(Math.max(retryAfterMs, ownMs), LONGEST_RETRY_AFTER_MS);
    this.#pauses++;
    this.#silentPauses++;
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, now + ms);
  }
}
