// Values of environment variables, as operators write them.

import type { Duration } from './durations.ts';
import { msOf } from './durations.ts';

export const BOOLEAN = 'true or false, 1 or 0';

export function truth(text: string): boolean | undefined {
  if (/^(?:true|1)$/i.test(text)) return true;
  return /^(?:false|0)$/i.test(text) ? false : undefined;
}

export const DURATION_WITH_UNIT = "a duration with a unit (ms, s, m, h, d) such as 5m, or 'Infinity'";

/** In ms. A bare number would be taken for seconds by some and for ms by others. */
export function durationWithUnit(text: string): number | undefined {
  if (text === 'Infinity') return Number.POSITIVE_INFINITY;
  return text === '0' ? 0 : msOf(text as Duration);
}
