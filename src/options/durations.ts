// Durations as programs and operators write them. An option that is one has a name without a unit (`ttl`); inside, the same
// name with its unit (`ttlMs`) is a number.

import { expected } from '../errors.ts';

/**
 * A number of ms, `Infinity`, or a number with a unit: `'250ms'`, `'30s'`, `'5m'`, `'1.5h'`, `'7d'`. No space between them:
 * the type cannot say so without refusing `${minutes}m`, so it is found out when the program runs.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

type IsDuration<Value> = unknown extends Value ? false : Duration extends Value ? true : false;

/** Options as they are used inside: durations in ms, under names that say so. */
export type InMs<Options> = {
  [Name in keyof Options as IsDuration<Options[Name]> extends true ? `${Name & string}Ms` : Name]: IsDuration<
    Options[Name]
  > extends true
    ? number | Exclude<Options[Name], Duration>
    : Options[Name];
};

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

const WITH_UNIT = "or a number with a unit (ms, s, m, h, d) such as '5m'";

/** What messages call one. */
export const DURATION = `a number of ms of at least 0, ${WITH_UNIT}`;

/** Programs write few different durations; were they made up, the map begins anew. */
const MAX_KNOWN = 256;
const known = new Map<unknown, number>();

/** In ms. `name`: of the option, for the message. Throws E_TTL. */
export function toMs(duration: Duration, name: string): number {
  return msOf(duration) ?? expected('E_TTL', `${name} to be ${DURATION}`, duration);
}

/** In ms; undefined: it is no duration. */
export function msOf(duration: unknown): number | undefined {
  if (typeof duration === 'number') return duration >= 0 ? duration : undefined;
  const before = known.get(duration);
  if (before !== undefined || typeof duration !== 'string') return before;
  const parts = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(duration);
  if (parts === null) return undefined;
  // Rounded to a microsecond: 1.1 × 3,600,000 is a little more than 3,960,000.
  const ms = Math.round(Number(parts[1]) * (UNIT_MS[parts[2] as string] as number) * 1000) / 1000;
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(duration, ms);
  return ms;
}

export function isDuration(value: unknown): value is Duration {
  return msOf(value) !== undefined;
}

/** Beyond, a timer of Node runs at once. */
export const MAX_TIMER_MS = 2_147_483_647;

/** A duration of whole ms within bounds: its form for messages, and whether a value is one. */
export function wholeMs(least: number, most: number = Number.MAX_SAFE_INTEGER) {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  const fits = (value: unknown): value is Duration => {
    const ms = msOf(value);
    return ms !== undefined && Number.isSafeInteger(ms) && least <= ms && ms <= most;
  };
  return { form: `a whole number of ms ${range}, ${WITH_UNIT}`, fits };
}
