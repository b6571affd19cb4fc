// One clock for all processes of a bench: the monotonic one of the system, which they share on one machine, and which nobody
// sets. Each child is asked for it at its start, to see that it is so.

/** Milliseconds since an arbitrary start that is the same for all processes. */
export function machineMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
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
