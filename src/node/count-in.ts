// Counts by key, for bounds of one client.

/** `by`: 1 for one more, -1 for one less. No key, no count; a count of 0 leaves the map. */
export function countIn(counts: Map<unknown, number>, key: unknown, by: 1 | -1): void {
  if (key === undefined) return;
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
