// What is stored, as an operator of one namespace sees it.

import type { ValueCache } from '../engine/values/value-contract.ts';
import { globMatcher } from '../ledger/glob.ts';
import type { Clock } from '../ports.ts';
import type { CacheEntry } from './contract.ts';
import type { KeySpace } from './keys.ts';
import { ownTags } from './tags.ts';

interface Seen {
  readonly space: KeySpace;
  readonly clock: Pick<Clock, 'now'>;
  /** A glob of keys as the namespace calls them; undefined: all. */
  readonly pattern: string | undefined;
}

/** Those of the namespace, in its words. */
export async function* listed(
  notes: ReturnType<ValueCache['entries']>,
  { space, clock, pattern }: Seen,
): AsyncGenerator<CacheEntry> {
  const matches = pattern === undefined ? () => true : globMatcher(pattern);
  for await (const note of notes) {
    if (!note.key.startsWith(space.prefix)) continue;
    const key = space.keyOf(note.key);
    if (!matches(key)) continue;
    const { state, bytes, bornMs, lifetimeMs } = note;
    const ageMs = clock.now() - bornMs;
    yield { key, state, ageMs, ttlMs: lifetimeMs - ageMs, tags: ownTags(note.tags), bytes };
  }
}
