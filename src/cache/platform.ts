// Time, chance and timers as every JavaScript platform has them, and as a program's tests make them: each call looks anew for
// `Date`, `performance` and `setTimeout`, which a test may have replaced.
//
// Asking for the time costs as much as a look-up. So a hit whose entry stays fresh for long goes by a
// time that was asked for before, in the same turn of the event loop; see MAX_USES. On Workers a timer ends with its request.

import { MAX_TIMER_MS } from '../options/durations.ts';
import type { Clock, Random, Tasks } from '../ports.ts';

interface Timer {
  unref?(): void;
}

declare const navigator: { readonly userAgent?: string } | undefined;

declare const setTimeout: (work: () => void, delayMs: number) => Timer;
declare const clearTimeout: (timer: Timer) => void;
declare const queueMicrotask: (work: () => void) => void;
declare const performance: { now(): number };
declare const crypto: { randomUUID(): string };

const RESOLUTION_MS = 1;
/** Of one answer: a program may go on for long without a turn of the event loop. */
const MAX_USES = 1_000;

const realNow = Date.now;
const realTimeout = setTimeout;
const realMicrotask = queueMicrotask;

function roughTime(): () => number {
  let lastNow = 0;
  let uses = 0;
  const forget = () => {
    lastNow = 0;
  };
  const ask = (): number => {
    if (Date.now !== realNow) return Date.now();
    // One timer at a time, however often a turn asks.
    if (lastNow === 0) realTimeout(forget, RESOLUTION_MS).unref?.();
    lastNow = realNow();
    uses = 0;
    return lastNow;
  };
  return () => (lastNow === 0 || Date.now !== realNow || ++uses > MAX_USES ? ask() : lastNow);
}

export const platformTasks: Tasks = {
  later(delayMs, work) {
    const timer = setTimeout(work, Math.min(delayMs, MAX_TIMER_MS));
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  soon(work) {
    realMicrotask(work);
  },
};

/** Never goes back, though a test may put another in the place of `performance`. */
class MonotonicTime {
  #last = 0;
  #added = 0;

  readonly now = (): number => {
    const now = performance.now();
    if (now < this.#last) this.#added += this.#last - now;
    this.#last = now;
    return now + this.#added;
  };
}

export const platformClock: Clock = { now: () => Date.now(), monotonic: new MonotonicTime().now };

/**
 * Each request has a time of its own on Workers, which stands still between its I/O. So one request's may be behind that of
 * another, and a clock that made it go on from there would run ahead of time.
 */
export const requestClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Those known to let a timer outlast what set it. */
const TIMERS_LAST = /^(?:Node\.js|Bun|Deno)\//;
const isOfPlatform = /\[native code\]/.test(Function.prototype.toString.call(realNow));

/** See ValueCacheParts. Undefined: the platform's clock it is. */
export const platformRoughNow: (() => number) | undefined =
  isOfPlatform && typeof navigator === 'object' && TIMERS_LAST.test(navigator.userAgent ?? '')
    ? roughTime()
    : undefined;

/** On Workers what a request has begun ends with it. With some dates of compatibility, others are woken in its stead. */
export function endingRequests(): { readonly endingRequests?: { readonly handsOver: boolean } } {
  if (typeof navigator !== 'object' || navigator.userAgent !== 'Cloudflare-Workers') return {};
  type Workers = { readonly Cloudflare?: { readonly compatibilityFlags?: { readonly [flag: string]: boolean } } };
  const { Cloudflare } = globalThis as Workers;
  return {
    endingRequests: { handsOver: Cloudflare?.compatibilityFlags?.handle_cross_request_promise_resolution === true },
  };
}

export const platformRandom: Random = () => Math.random();
export const newEpoch = (): string => crypto.randomUUID();

/** Time, as far as it is handed in. */
export interface CacheClock {
  /** ms since the Unix epoch. */
  now(): number;
  /** ms since some start; never goes back. Default: `now`. */
  monotonic?(): number;
  /** Calls `work` after so many ms; the result keeps it from being called. Default: by `setTimeout`. */
  later?(delayMs: number, work: () => void): () => void;
}

export function timeOf(
  clock: CacheClock,
  tasks: Tasks,
): { readonly clock: Clock; readonly tasks: Tasks; readonly roughNow?: undefined } {
  return {
    clock: {
      now: () => clock.now(),
      monotonic: () => (clock.monotonic === undefined ? clock.now() : clock.monotonic()),
    },
    tasks: {
      later: (delayMs, work) => (clock.later === undefined ? tasks.later(delayMs, work) : clock.later(delayMs, work)),
      soon: (work) => tasks.soon(work),
    },
  };
}
