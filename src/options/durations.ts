// Durations as programs write them.

import { expected } from '../errors.ts';

/**
 * A number of ms, `Infinity`, or a number with a unit: `'250ms'`, `'30s'`, `'5m'`, `'1.5h'`, `'7d'`. No space between them:
 * the type cannot say so without refusing `${minutes}m`, so it is found out when the program runs.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** What messages call one. */
export const DURATION = "a number of ms of at least 0, or a number with a unit (ms, s, m, h, d) such as '5m'";

/** Programs write few different durations; were they made up, the map begins anew. */
const MAX_KNOWN = 256;
const known = new Map<unknown, number>();

/** In ms. `name`: of the option, for the message. Throws E_TTL. */
export function toMs(duration: Duration, name: string): number {
  return msOf(duration) ?? expected('E_TTL', `${name} to be ${DURATION}`, duration);
}

export function isDuration(value: unknown): value is Duration {
  return msOf(value) !== undefined;
}

function msOf(duration: unknown): number | undefined {
  if (typeof duration === 'number') return duration >= 0 ? duration : undefined;
  const before = known.get(duration);
  if (before !== undefined || typeof duration !== 'string') return before;
  const parts = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(duration);
  if (parts === null) return undefined;
  const ms = Number(parts[1]) * (UNIT_MS[parts[2] as string] as number);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(duration, ms);
  return ms;
}
