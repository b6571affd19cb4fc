// Logs of invalidations that caches elsewhere go by as well, by their epochs: whoever names what it invalidates by something that
// another may know otherwise must ask.

const epochs = new Set<string>();

export function noteSharedLog(epoch: string): void {
  epochs.add(epoch);
}

export function isSharedLog(epoch: string): boolean {
  return epochs.has(epoch);
}
