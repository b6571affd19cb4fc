// The memory tier: entries by key, bounded in bytes, counted exactly. Everything is synchronous; a get is one lookup and
// one touch of the policy, and allocates nothing.
//
// Keys, entries and the policy meet in integer slots. The map leads from a key to its slot, the
// policy keeps a slot's size and frequency, and the tag index holds slots.

import { withCoded } from '../entry/key.ts';
import { bodyBytesOf, type Entry, type EntryNote, noteOf } from '../entry/stored-response.ts';
import type { Selector } from '../ledger/selector.ts';
import { CHUNK_BYTES, memoryOf, type SharedBudget } from '../memory/budget.ts';
import type { MemoryStats, Store } from '../ports.ts';
import { EvictionPolicy, hashOf, MAX_SIZE } from './eviction.ts';
import { entryMatcher, keyPrefix } from './key-matcher.ts';
import { TagIndex } from './tag-index.ts';
import type { TenantShares } from './tenant-shares.ts';

/**
 * Cost of an entry besides its key, head and body: some 430 bytes for its objects and its places in the map and the policy,
 * the rest for the C allocator's share, which V8 does not count. The bench `memory` measures both.
 */
const ENTRY_OVERHEAD_BYTES = 750;

/** Cost of each tag besides its text: its string and its places in the entry and the index. */
const TAG_OVERHEAD_BYTES = 100;

/** An entry above this part of the store is declined: it would push out all small entries. */
export const LARGEST_PART = 1 / 4;

export interface MemoryStoreOptions {
  /** Bound on the sum of `entryCost` over all entries. */
  readonly maxBytes: number;
  /** Of the same `maxBytes`: what is held under it takes room from the entries. Default: nothing does. */
  readonly budget?: SharedBudget;
  /** What each tenant with a quota may hold. Default: nobody has one. */
  readonly shares?: TenantShares;
}

export function createMemoryStore(options: MemoryStoreOptions): MemoryStore {
  return new MemoryStore(options);
}

/** Cost of an entry without tags. `bytes`: of its head and body. */
export function plainCost(key: string, bytes: number): number {
  return ENTRY_OVERHEAD_BYTES + key.length + bytes;
}

export function entryCost(entry: Entry): number {
  let cost = plainCost(entry.key, entry.kind === 'response' ? entry.bytes.length : 0);
  if (entry.kind === 'response') {
    const pieces = entry.large?.pieces;
    if (pieces !== undefined) cost += bodyBytesOf(entry) + CHUNK_BYTES * pieces.length;
    for (const tag of entry.tags) cost += TAG_OVERHEAD_BYTES + tag.length;
  } else {
    for (const key of entry.variantKeys) cost += TAG_OVERHEAD_BYTES + key.length;
  }
  return cost;
}

/**
 * Returns the entry with bytes of its own. Another tier may give a part of a larger read, which the entry would keep in
 * memory.
 */
function compact(entry: Entry): Entry {
  if (entry.kind === 'variants' || entry.bytes.buffer.byteLength === entry.bytes.length) return entry;
  return { ...entry, bytes: new Uint8Array(entry.bytes) };
}

/** Entries in the slots of a policy, which chooses those that leave for room. */
export class SlotStore<E extends { readonly key: string }> {
  readonly #maxBytes: number;
  /** At most `#maxBytes`; see `boundTo`. */
  #boundBytes: number;
  readonly #maxEntries: number;
  readonly #evicted: (key: string) => void;
  readonly #largest: number;
  protected readonly policy = new EvictionPolicy();
  protected readonly slotOf = new Map<string, number>();
  protected readonly entryIn: (E | undefined)[] = [];
  #evictions = 0;
  #declined = 0;

  /** `evicted`: called for each entry that leaves for room. */
  constructor(maxBytes: number, maxEntries = Number.POSITIVE_INFINITY, evicted: (key: string) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#boundBytes = maxBytes;
    this.#maxEntries = maxEntries;
    this.#evicted = evicted;
    this.#largest = Math.min(maxBytes * LARGEST_PART, MAX_SIZE);
  }

  stats(): MemoryStats {
    const { count, bytes } = this.policy;
    return { entries: count, bytes, maxBytes: this.#maxBytes, evictions: this.#evictions, declined: this.#declined };
  }

  /** From now on, the entries take so many bytes at most. */
  protected boundTo(bytes: number): void {
    this.#boundBytes = bytes;
    this.#makeRoom(bytes, this.#maxEntries);
  }

  /** Returns false when the entry is too large. Then nothing is stored under its key. */
  protected take(entry: E, cost: number): boolean {
    const slot = this.slotOf.get(entry.key);
    if (cost > this.#largest || this.#maxEntries === 0) {
      this.#declined++;
      if (slot !== undefined) this.remove(slot);
      return false;
    }
    if (slot === undefined) {
      this.#makeRoom(this.#boundBytes - cost, this.#maxEntries - 1);
      const added = this.policy.add(hashOf(entry.key), cost);
      this.slotOf.set(entry.key, added);
      this.enter(added, entry);
    } else {
      this.leave(slot);
      this.enter(slot, entry);
      this.policy.resize(slot, cost);
      this.#makeRoom(this.#boundBytes, this.#maxEntries);
    }
    return true;
  }

  protected evict(slot: number): void {
    this.#evictions++;
    this.#evicted(this.remove(slot).key);
  }

  protected remove(slot: number): E {
    this.policy.remove(slot);
    return this.#forget(slot);
  }

  protected enter(slot: number, entry: E): void {
    this.entryIn[slot] = entry;
  }

  protected leave(slot: number): E {
    const entry = this.entryIn[slot]!;
    this.entryIn[slot] = undefined;
    return entry;
  }

  #forget(slot: number): E {
    const entry = this.leave(slot);
    this.slotOf.delete(entry.key);
    return entry;
  }

  #makeRoom(maxBytes: number, maxEntries: number): void {
    while (this.policy.bytes > maxBytes || this.policy.count > maxEntries) {
      const slot = this.policy.evict();
      if (slot < 0) return;
      this.#evictions++;
      this.#evicted(this.#forget(slot).key);
    }
  }
}

/** A store of responses that answers at once. */
export class MemoryStore extends SlotStore<Entry> implements Store {
  /** By slot. Not the policy's frequency, which outlives the entry. */
  #uses = new Uint8Array(64);
  readonly #tags = new TagIndex();
  readonly #shares: TenantShares | undefined;
  /** Every `tenant SP origin SP method SP` seen; few, since the configuration and its methods bound them. */
  readonly #keyPrefixes = new Set<string>();
  #lists = 0;
  readonly #budget: SharedBudget | undefined;

  constructor({ maxBytes, budget, shares }: MemoryStoreOptions) {
    super(maxBytes);
    this.#budget = budget;
    this.#shares = shares;
    budget?.shareWith({
      bound: (bytes) => this.boundTo(bytes),
      has: (key, memory) => {
        const entry = this.#peek(key);
        return entry?.kind === 'response' && memoryOf(entry.large ?? entry.bytes) === memory;
      },
    });
  }

  get(key: string): Entry | undefined {
    const slot = this.slotOf.get(key);
    if (slot === undefined) return undefined;
    this.policy.touch(slot);
    if (this.#uses[slot] !== 0xff) this.#uses[slot]!++;
    return this.entryIn[slot];
  }

  put(given: Entry): void {
    // The body of such an entry is elsewhere, and its owner may remove it.
    if (given.kind === 'response' && given.large !== undefined && given.large.pieces === undefined) {
      const slot = this.slotOf.get(given.key);
      if (slot !== undefined) this.remove(slot);
      return;
    }
    const entry = compact(given);
    const cost = entryCost(entry);
    if (!this.take(entry, cost)) return;
    this.#keyPrefixes.add(keyPrefix(entry.key));
    const slot = this.slotOf.get(entry.key) as number;
    for (const beyond of this.#shares?.taken(slot, { key: entry.key, cost }, this.#uses) ?? []) this.evict(beyond);
  }

  /** Deleting a list of variants also removes and counts the variants. */
  delete(keys: readonly string[]): number {
    const before = this.policy.count;
    for (const key of keys) {
      const slot = this.slotOf.get(key);
      if (slot === undefined) continue;
      const entry = this.remove(slot);
      if (entry.kind === 'variants') this.delete(entry.variantKeys);
    }
    return before - this.policy.count;
  }

  *find(selector: Selector): Iterable<EntryNote> {
    for (const entry of this.entries(selector)) yield noteOf(entry);
  }

  /** The entries themselves; does not count as use. */
  *entries(selector: Selector): Iterable<Entry> {
    if (selector.kind === 'url') return yield* this.#findUri(selector.uri);
    const slots = selector.kind === 'tag' ? this.#tags.slots(selector.tag) : this.entryIn.keys();
    const matches = entryMatcher(selector);
    for (const slot of slots) {
      const entry = this.entryIn[slot];
      if (entry !== undefined && matches(entry.key)) yield entry;
    }
  }

  /** Gets since the entry was put, up to 255; 0 when the entry is not stored. */
  usesOf(key: string): number {
    return this.#uses[this.slotOf.get(key) ?? -1] ?? 0;
  }

  /** Sum of `entryCost` over all entries. */
  bytes(): number {
    return this.policy.bytes;
  }

  override stats(): MemoryStats {
    const stats = super.stats();
    const held = this.#budget && { held: this.#budget.stats() };
    return { ...stats, entries: stats.entries - this.#lists, ...held };
  }

  *#findUri(uri: string): Iterable<Entry> {
    for (const prefix of this.#keyPrefixes) {
      const entry = this.#peek(prefix + uri);
      const keys = entry?.kind === 'variants' ? entry.variantKeys : [];
      if (entry?.kind === 'variants') yield entry;
      // A content-coded response may have outlived the response that it was made from.
      for (const key of [prefix + uri, ...keys].flatMap(withCoded)) {
        const found = this.#peek(key);
        if (found?.kind === 'response') yield found;
      }
    }
  }

  #peek(key: string): Entry | undefined {
    return this.entryIn[this.slotOf.get(key) ?? -1];
  }

  protected override enter(slot: number, entry: Entry): void {
    super.enter(slot, entry);
    if (slot >= this.#uses.length) this.#uses = new Uint8Array(this.#uses.buffer.transfer(slot + (slot >> 4) + 64));
    this.#uses[slot] = 0;
    if (entry.kind === 'variants') this.#lists++;
    else {
      for (const tag of entry.tags) this.#tags.add(tag, slot);
      this.#budget?.stored(entry.large ?? entry.bytes, true);
    }
  }

  protected override leave(slot: number): Entry {
    const entry = super.leave(slot);
    this.#shares?.left(slot, entry.key);
    if (entry.kind === 'variants') this.#lists--;
    else {
      for (const tag of entry.tags) this.#tags.remove(tag, slot);
      this.#budget?.stored(entry.large ?? entry.bytes, false);
    }
    return entry;
  }
}
