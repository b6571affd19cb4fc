// When a combination of a view is computed: after its interval, at an event, and after a failure later and later. Pure: the
// state comes in, `now` and the random number with it, and the next state goes out. So Node's timers and the alarms of a
// Durable Object follow the same rules.
//
// The time is that of the wall, since a Durable Object has no other that outlives it. It may be set back; see `waitOf`. It
// decides when to compute, never whether a value is current.

/** The times of a view. */
export interface Pace {
  /** Infinity: never by time. */
  readonly everyMs: number;
  /** Up to this part of `everyMs` is left off. */
  readonly jitter: number;
  /** Between two beginnings that events cause. */
  readonly atMostMs: number;
  /** After failures in a row. */
  readonly backoffMs: { readonly from: number; readonly to: number };
}

/** The state of one combination. */
export interface Timing {
  /** Infinity: at an event. */
  readonly dueMs: number;
  /** When the last computation began; undefined: none has. */
  readonly begunMs: number | undefined;
  readonly isRunning: boolean;
  /** An event came while it was computed, which may have read too early. */
  readonly isWanted: boolean;
  /** In a row. */
  readonly failures: number;
}

/** An instant, and a random number of [0, 1). */
export interface Moment {
  readonly now: number;
  readonly random: number;
}

/** Never computed: due at once. */
export const UNCOMPUTED: Timing = { dueMs: 0, begunMs: undefined, isRunning: false, isWanted: false, failures: 0 };

export function begun(timing: Timing, now: number): Timing {
  return { ...timing, begunMs: now, isRunning: true, isWanted: false };
}

/** `everyMs` counts from the beginning; a computation that takes longer leaves `atMostMs` between its end and the next one. */
export function succeeded(timing: Timing, pace: Pace, { now, random }: Moment): Timing {
  const begunMs = Math.min(timing.begunMs ?? now, now);
  const byTime = Math.max(begunMs + pace.everyMs * (1 - pace.jitter * random), now + pace.atMostMs);
  const dueMs = timing.isWanted ? Math.min(byTime, Math.max(now, begunMs + pace.atMostMs)) : byTime;
  return { ...timing, dueMs, isRunning: false, isWanted: false, failures: 0 };
}

/** Half of the wait at least, so that combinations that failed together do not come back together. */
export function failed(timing: Timing, pace: Pace, { now, random }: Moment): Timing {
  const failures = timing.failures + 1;
  const { from, to } = pace.backoffMs;
  // Beyond 2^40 the bound holds anyhow.
  const backoffMs = Math.min(to, from * 2 ** Math.min(failures - 1, 40));
  return { ...timing, dueMs: now + backoffMs * (0.5 + random / 2), isRunning: false, isWanted: false, failures };
}

/** At an event. The wait after a failure stands: the source is not asked more often because more happens. */
export function wanted(timing: Timing, pace: Pace, now: number): Timing {
  if (timing.isRunning) return { ...timing, isWanted: true };
  if (timing.failures > 0) return timing;
  const earliestMs = timing.begunMs === undefined ? now : Math.max(now, Math.min(timing.begunMs, now) + pace.atMostMs);
  return { ...timing, dueMs: Math.min(timing.dueMs, earliestMs) };
}

/** How long a combination that is not computed now waits. Where the clock was set back to before the last beginning: no longer. */
export function waitOf({ dueMs, begunMs }: Timing, now: number): number {
  return begunMs !== undefined && now < begunMs ? 0 : Math.max(0, dueMs - now);
}

/** True: it failed, and its wait is not over. */
export function rests(timing: Timing, now: number): boolean {
  return timing.failures > 0 && waitOf(timing, now) > 0;
}

/** Those to begin now, the longest overdue first, at most `room`; and how long until the next one is due, Infinity: none is. */
export function nextDue<S extends { readonly timing: Timing }>(
  all: Iterable<S>,
  now: number,
  room: number,
): { readonly begin: readonly S[]; readonly waitMs: number } {
  const due: S[] = [];
  let waitMs = Number.POSITIVE_INFINITY;
  for (const one of all) {
    if (one.timing.isRunning) continue;
    const ownMs = waitOf(one.timing, now);
    if (ownMs === 0) due.push(one);
    else waitMs = Math.min(waitMs, ownMs);
  }
  due.sort((one, other) => one.timing.dueMs - other.timing.dueMs);
  return { begin: due.slice(0, Math.max(0, room)), waitMs };
}

/** Whether a counter has moved enough to compute again. `from`: what it was when the last computation began. */
export function isSignificant(
  event: { readonly by: number } | { readonly byPart: number },
  from: number,
  total: number,
): boolean {
  const moved = Math.abs(total - from);
  return moved > 0 && moved >= ('by' in event ? event.by : event.byPart * Math.abs(from));
}
