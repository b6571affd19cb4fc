// Counts by name, of one world or summed over many.

export class Tally {
  readonly counts = new Map<string, number>();

  count(name: string, times = 1): void {
    if (times !== 0) this.counts.set(name, this.of(name) + times);
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0;
  }

  add(other: Tally): void {
    for (const [name, times] of other.counts) this.count(name, times);
  }

  /** The sum of all whose name begins so. */
  sum(prefix: string): number {
    let sum = 0;
    for (const [name, times] of this.counts) if (name.startsWith(prefix)) sum += times;
    return sum;
  }
}
