// Listings of stores for operators, as they arrive.
//
// A listing may be long, and may hang at each step; so each step has its own time.

import type { EntryNote } from '../../entry/stored-response.ts';

/** Iterates until an answer does not come in time; `wait` then gives undefined. */
export async function* inTime<T>(
  found: AsyncIterable<T>,
  wait: (next: Promise<IteratorResult<T>>) => Promise<IteratorResult<T> | undefined>,
  fault: (error: unknown) => void,
): AsyncIterable<T> {
  const iterator = found[Symbol.asyncIterator]();
  try {
    for (let next = await wait(iterator.next()); next?.done === false; next = await wait(iterator.next()))
      yield next.value;
  } finally {
    // One that hangs does not hear of it.
    void iterator.return?.().catch(fault);
  }
}

const PORTION = 1000;

/** Cuts an iteration into portions; one portion where the store answers at once, since it may change afterwards. */
export async function* portions(found: Iterable<EntryNote> | AsyncIterable<EntryNote>): AsyncIterable<EntryNote[]> {
  if (Symbol.iterator in found) return yield [...found];
  let portion: EntryNote[] = [];
  for await (const entry of found) {
    if (portion.push(entry) < PORTION) continue;
    yield portion;
    portion = [];
  }
  yield portion;
}

/** Everything an iteration gives; at once where the store does, for each await of a stored million costs. */
export async function allOf(found: Iterable<EntryNote> | AsyncIterable<EntryNote>): Promise<EntryNote[]> {
  if (Symbol.iterator in found) return [...found];
  const entries: EntryNote[] = [];
  for await (const entry of found) entries.push(entry);
  return entries;
}
