// The right spelling of a name that is not known.

/** Options that are durations once had names with a unit: `expected ttl (…), got ttlMs`. Undefined: it is no such name. */
export function withoutUnit(name: string, known: readonly string[]): string | undefined {
  const stem = name.replace(/(?:Ms|Seconds)$/, '');
  if (stem === name || !known.includes(stem)) return undefined;
  return `expected ${stem} (a duration such as '1h', or milliseconds), got ${name}`;
}

/** The known name that `name` most likely stands for; undefined when none is near. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance < candidate.length) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "ttl"?`, for the end of a message; empty when none is near. */
export function hint(got: unknown, known: readonly string[]): string {
  const near = typeof got === 'string' ? nearest(got.slice(0, MAX_COMPARED), known) : undefined;
  return near === undefined ? '' : `; did you mean "${near}"?`;
}

/** No name is longer; a text of any length would take its time. */
const MAX_COMPARED = 100;

/** Insertions, deletions and replacements that turn one text into the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const replaced = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[to.length] as number;
}
