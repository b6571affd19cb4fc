// The memory tier of a data cache: values by key, bounded in bytes and in number. Everything is synchronous; a get is one
// look-up and one touch of the policy, and allocates nothing.
//
// There is no index of tags, since an invalidation by tag touches no entry: readers detect outdated entries, which leave
// when room is needed. Only operators ask by tag, and wait for a walk.

import type { EntryNote } from '../entry/stored-response.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import { globMatcher } from '../ledger/glob.ts';
import type { Selector } from '../ledger/selector.ts';
import type { MemoryStats, Store } from '../ports.ts';
import { EvictionPolicy, hashOf, MAX_SIZE } from './eviction.ts';
import { LARGEST_PART } from './memory.ts';

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

export function createValueMemory(options: ValueMemoryOptions): ValueMemory {
  return new ValueMemory(options);
}

/** A store of values that answers at once. */
class ValueMemory implements Store<StoredValue> {
  readonly #maxBytes: number;
  readonly #maxEntries: number;
  readonly #largest: number;
  readonly #evicted: (key: string) => void;
  readonly #policy = new EvictionPolicy();
  readonly #slotOf = new Map<string, number>();
  readonly #entries: (StoredValue | undefined)[] = [];
  #evictions = 0;
  #declined = 0;

  constructor({ maxBytes, maxEntries, evicted = () => {} }: ValueMemoryOptions) {
    this.#evicted = evicted;
    this.#maxBytes = maxBytes;
    this.#maxEntries = maxEntries;
    this.#largest = Math.min(maxBytes * LARGEST_PART, MAX_SIZE);
  }

  get(key: string): StoredValue | undefined {
    const slot = this.#slotOf.get(key);
    if (slot === undefined) return undefined;
    this.#policy.touch(slot);
    return this.#entries[slot];
  }

  put(entry: StoredValue): boolean {
    const cost = costOf(entry);
    const slot = this.#slotOf.get(entry.key);
    if (cost > this.#largest || this.#maxEntries === 0) {
      this.#declined++;
      // The new value is not stored, so the old one must go.
      if (slot !== undefined) this.#remove(entry.key, slot);
      return false;
    }
    if (slot === undefined) {
      this.#makeRoom(this.#maxBytes - cost, this.#maxEntries - 1);
      const added = this.#policy.add(hashOf(entry.key), cost);
      this.#slotOf.set(entry.key, added);
      this.#entries[added] = entry;
    } else {
      this.#entries[slot] = entry;
      this.#policy.resize(slot, cost);
      this.#makeRoom(this.#maxBytes, this.#maxEntries);
    }
    return true;
  }

  delete(keys: readonly string[]): number {
    let removed = 0;
    for (const key of keys) {
      const slot = this.#slotOf.get(key);
      if (slot === undefined) continue;
      this.#remove(key, slot);
      removed++;
    }
    return removed;
  }

  *find(selector: Selector): Iterable<EntryNote> {
    if (selector.kind === 'url') {
      const entry = this.#entries[this.#slotOf.get(selector.uri) ?? -1];
      if (entry !== undefined) yield noteOfValue(entry);
      return;
    }
    const matches = keyMatcher(selector);
    for (const entry of this.#entries) {
      if (entry === undefined || !matches(entry.key)) continue;
      if (selector.kind !== 'tag' || entry.tags.includes(selector.tag)) yield noteOfValue(entry);
    }
  }

  stats(): MemoryStats {
    const { count, bytes } = this.#policy;
    return { entries: count, bytes, maxBytes: this.#maxBytes, evictions: this.#evictions, declined: this.#declined };
  }

  #makeRoom(maxBytes: number, maxEntries: number): void {
    while (this.#policy.bytes > maxBytes || this.#policy.count > maxEntries) {
      const slot = this.#policy.evict();
      if (slot < 0) return;
      const { key } = this.#entries[slot] as StoredValue;
      this.#slotOf.delete(key);
      this.#entries[slot] = undefined;
      this.#evictions++;
      this.#evicted(key);
    }
  }

  #remove(key: string, slot: number): void {
    this.#policy.remove(slot);
    this.#slotOf.delete(key);
    this.#entries[slot] = undefined;
  }
}

function costOf({ key, bytes, tags, sliding }: StoredValue): number {
  let cost = ENTRY_OVERHEAD_BYTES + key.length + bytes + (sliding === undefined ? 0 : SLIDING_BYTES);
  for (const tag of tags) cost += TAG_OVERHEAD_BYTES + tag.length;
  return cost;
}

/** Describes a stored value to operators. */
export function noteOfValue(entry: StoredValue): EntryNote {
  const { kind, key, bornMs, lifetimeMs, tags, epoch, stamp, bytes } = entry;
  return { kind, key, status: 0, bornMs, lifetimeMs, tags, epoch, stamp, bodyBytes: bytes };
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
