// One clock for all processes of a bench: the monotonic one of the system, which they share on one machine, and which nobody
// sets. Each child is asked for it at its start, to see that it is so.

import { existsSync, readFileSync } from 'node:fs';

/** Of Linux; elsewhere nothing is known of it. */
const STAT = '/proc/stat';

/** Milliseconds since an arbitrary start that is the same for all processes. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Time that the processors did not get from the machine that they are a part of, and all of their time, in ticks. */
export function processorTicks(): { readonly stolen: number; readonly all: number } {
  if (!existsSync(STAT)) return { stolen: Number.NaN, all: Number.NaN };
  const [line = ''] = readFileSync(STAT, 'utf8').split('\n', 1);
  const ticks = line.split(/\s+/).slice(1, 9).map(Number);
  return { stolen: ticks[7] ?? Number.NaN, all: ticks.reduce((sum, one) => sum + one, 0) };
}

export function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

export function median(values: readonly number[]): number {
  return percentile(values, 0.5);
}

/** The smallest value that so large a share of them does not exceed. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}
