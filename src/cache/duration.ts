// Durations as programs write them.

import { expected } from '../errors.ts';

/**
 * A number of ms, `Infinity`, or a number with a unit: `'250ms'`, `'30s'`, `'5m'`, `'1.5h'`, `'7d'`. No space between them:
 * the type cannot say so without refusing `${minutes}m`, so it is found out when the program runs.
 */
export type Duration = number | `${number}${'ms' | 's' | 'm' | 'h' | 'd'}`;

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Programs write few different durations; were they made up, the map begins anew. */
const MAX_KNOWN = 256;
const known = new Map<string, number>();

/** In ms. `name`: of the option, for the message. Throws E_TTL. */
export function toMs(duration: Duration, name: string): number {
  if (typeof duration === 'number') {
    if (duration >= 0) return duration;
    refused(duration, name);
  }
  const before = known.get(duration);
  if (before !== undefined) return before;
  const ms = parsed(duration);
  if (ms === undefined) refused(duration, name);
  if (known.size >= MAX_KNOWN) known.clear();
  known.set(duration, ms);
  return ms;
}

function parsed(duration: unknown): number | undefined {
  if (typeof duration !== 'string') return undefined;
  const parts = /^(\d{1,15}(?:\.\d{1,15})?)(ms|s|m|h|d)$/.exec(duration);
  return parts === null ? undefined : Number(parts[1]) * (UNIT_MS[parts[2] as string] as number);
}

function refused(duration: unknown, name: string): never {
  expected('E_TTL', `${name} to be ${DURATION}`, duration);
}

const DURATION = "a number of ms of at least 0, or a number with a unit (ms, s, m, h, d) such as '5m'";
