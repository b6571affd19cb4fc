// Time, chance and timers as every JavaScript platform has them.
//
// The one complication: asking for the time costs as much as a look-up. Where timers last, what was asked within the same
// millisecond is not asked again: an entry may be fresh for that much longer. On Workers a timer ends with its request.

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
/** Of one answer. */
const MAX_USES = 1_000;

class CoarseClock implements Clock {
  #now = 0;
  #uses = 0;
  readonly #forget = () => {
    this.#now = 0;
  };

  now(): number {
    // A timer may be long in coming, or never come where a test took the timers over.
    return this.#now === 0 || ++this.#uses > MAX_USES ? this.#ask() : this.#now;
  }

  monotonic(): number {
    return performance.now();
  }

  #ask(): number {
    this.#now = Date.now();
    this.#uses = 0;
    setTimeout(this.#forget, RESOLUTION_MS).unref?.();
    return this.#now;
  }
}

/** The longest delay that timers take; a longer one would end at once. */
const MAX_DELAY_MS = 2 ** 31 - 1;

export const platformTasks: Tasks = {
  later(delayMs, work) {
    const timer = setTimeout(work, Math.min(delayMs, MAX_DELAY_MS));
    timer.unref?.();
    return () => clearTimeout(timer);
  },
  soon(work) {
    queueMicrotask(work);
  },
};

const plainClock: Clock = { now: () => Date.now(), monotonic: () => performance.now() };

/** Those known to let a timer outlast what set it. */
const TIMERS_LAST = /^(?:Node\.js|Bun|Deno)\//;

export const platformClock: Clock =
  typeof navigator === 'object' && TIMERS_LAST.test(navigator.userAgent ?? '') ? new CoarseClock() : plainClock;
interface WorkersGlobals {
  readonly Cloudflare?: { readonly compatibilityFlags?: { readonly [flag: string]: boolean } };
}

/** On Workers what a request has begun ends with it. With some dates of compatibility, others are woken in its stead. */
export function endingRequests(): { readonly endingRequests?: { readonly handsOver: boolean } } {
  if (typeof navigator !== 'object' || navigator.userAgent !== 'Cloudflare-Workers') return {};
  const flags = (globalThis as WorkersGlobals).Cloudflare?.compatibilityFlags;
  return { endingRequests: { handsOver: flags?.handle_cross_request_promise_resolution === true } };
}

export const platformRandom: Random = () => Math.random();
export const newEpoch = (): string => crypto.randomUUID();
