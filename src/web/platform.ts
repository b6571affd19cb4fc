// Clock, timers and randomness as every platform has them: Node, Bun, Deno, browsers and Workers.
//
// There a timer ends with the request in which it was set, so what is due is also run when
// the next request comes. And a request that waits for another's fill has nothing of its own under way, which Workers take
// for a hang; so it keeps a timer running while it waits.

import { endingRequests, platformClock, platformRandom, requestClock } from '../cache/platform.ts';
import { MAX_TIMER_MS } from '../options/durations.ts';
import type { Cancel, Clock, Random, Tasks } from '../ports.ts';

export interface Platform {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Runs what is due and whose timer may be lost. */
  readonly catchUp: () => void;
  /** Resolves once `ready` is called, which another request may do. */
  readonly wait: Wait;
}

export type Wait = (start: (ready: () => void) => void) => Promise<void>;

export function universalPlatform(): Platform {
  const { endingRequests: workers } = endingRequests();
  const clock = workers === undefined ? platformClock : requestClock;
  const tasks = new LastingTasks(clock);
  const wait = workers === undefined ? waitPlainly : awakeWait(workers.handsOver);
  return { clock, tasks, random: platformRandom, catchUp: () => tasks.catchUp(), wait };
}

export const waitPlainly: Wait = (start) => new Promise((resolve) => start(resolve));

const AWAKE_MS = 50;

/** `handsOver`: a promise that another request resolves goes on in its own; without that only an own timer does. */
function awakeWait(handsOver: boolean): Wait {
  return (start) =>
    new Promise((resolve) => {
      let isReady = false;
      const look = (nextMs: number) => {
        if (isReady) resolve();
        else setTimeout(look, nextMs, Math.min(nextMs * 2, AWAKE_MS));
      };
      start(() => {
        isReady = true;
        if (handsOver) resolve();
      });
      look(handsOver ? AWAKE_MS : 1);
    });
}

class LastingTasks implements Tasks {
  /** Work by when it is due, in no particular order: there is little of it. */
  readonly #waiting = new Map<() => void, number>();
  #nextDue = Number.POSITIVE_INFINITY;
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  later(delayMs: number, work: () => void): Cancel {
    const due = this.#clock.monotonic() + delayMs;
    let timer: unknown;
    const run = () => {
      if (!this.#waiting.delete(run)) return;
      clearTimeout(timer as number);
      work();
    };
    this.#waiting.set(run, due);
    this.#nextDue = Math.min(this.#nextDue, due);
    timer = setTimeout(run, Math.min(delayMs, MAX_TIMER_MS));
    // The process may end before the timer does. Only Node and its likes give a timer that can be told so.
    (timer as { unref?(): void }).unref?.();
    return () => {
      if (this.#waiting.delete(run)) clearTimeout(timer as number);
    };
  }

  soon(work: () => void): void {
    queueMicrotask(work);
  }

  catchUp(): void {
    const now = this.#clock.monotonic();
    if (now < this.#nextDue) return;
    for (const [run, due] of [...this.#waiting]) if (due <= now) run();
    this.#nextDue = Math.min(Number.POSITIVE_INFINITY, ...this.#waiting.values());
  }
}
