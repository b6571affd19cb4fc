// The memory tier of a data cache: values by key, bounded in bytes and in number. Everything is synchronous; a get is one
// look-up and one touch of the policy, and allocates nothing.
//
// There is no index of tags, since an invalidation by tag touches no entry: readers detect outdated entries, which leave
// when room is needed. Only operators ask by tag, and wait for a walk.

import type { EntryNote } from '../entry/stored-response.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import { globMatcher } from '../ledger/glob.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Store } from '../ports.ts';
import { SlotStore } from './memory.ts';

/** Cost of an entry besides its key and value, as the benches `memory` and `data` measure it. */
const ENTRY_OVERHEAD_BYTES = 350;
const TAG_OVERHEAD_BYTES = 32;
const SLIDING_BYTES = 96;

export interface ValueMemoryOptions {
  readonly maxBytes: number;
  readonly maxEntries: number;
  /** Called for each entry that is evicted. Default: nobody. */
  readonly evicted?: (key: string) => void;
}

export function createValueMemory({ maxBytes, maxEntries, evicted }: ValueMemoryOptions): ValueMemory {
  return new ValueMemory(maxBytes, maxEntries, evicted);
}

/** A store of values that answers at once. */
class ValueMemory extends SlotStore<StoredValue> implements Store<StoredValue> {
  get(key: string): StoredValue | undefined {
    const slot = this.slotOf.get(key);
    if (slot === undefined) return undefined;
    this.policy.touch(slot);
    return this.entryIn[slot];
  }

  put(entry: StoredValue): boolean {
    return this.take(entry, costOf(entry));
  }

  delete(keys: readonly string[]): number {
    const before = this.policy.count;
    for (const key of keys) {
      const slot = this.slotOf.get(key);
      if (slot !== undefined) this.remove(slot);
    }
    return before - this.policy.count;
  }

  *find(selector: Selector): Iterable<EntryNote> {
    const matches = keyMatcher(selector);
    const found = selector.kind === 'url' ? [this.entryIn[this.slotOf.get(selector.uri) ?? -1]] : this.entryIn;
    for (const entry of found) {
      if (entry === undefined || !matches(entry.key)) continue;
      if (selector.kind !== 'tag' || entry.tags.includes(selector.tag)) yield noteOfValue(entry, entry.bytes);
    }
  }
}

function costOf({ key, bytes, tags, sliding }: StoredValue): number {
  let cost = ENTRY_OVERHEAD_BYTES + key.length + bytes + (sliding === undefined ? 0 : SLIDING_BYTES);
  for (const tag of tags) cost += TAG_OVERHEAD_BYTES + tag.length;
  return cost;
}

/** Describes a stored value to operators. */
export function noteOfValue(
  { key, bornMs, lifetimeMs, tags, epoch, stamp }: Omit<EntryNote, 'kind' | 'status' | 'bodyBytes'>,
  bodyBytes: number,
): EntryNote {
  return { kind: 'value', key, status: 0, bornMs, lifetimeMs, tags, epoch, stamp, bodyBytes };
}

/** Whether a selector may name the value under a key. A key has no tags, and a value has no origin. */
export function keyMatcher(selector: Selector): (key: string) => boolean {
  switch (selector.kind) {
    case 'url':
      return (key) => key === selector.uri;
    case 'prefix':
      return (key) => key.startsWith(selector.prefix);
    case 'pattern':
      return globMatcher(selector.pattern);
    case 'origin':
      return () => false;
    case 'tag':
    case 'all':
      return () => true;
  }
}
