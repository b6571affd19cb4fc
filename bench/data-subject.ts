// What the bench `data` measures with: the same keys, values and order for every library, and the operations it may have.

/** The bound of all that have one. */
export const ENTRIES = 10_000;
/** Of a walk through the keys; a power of two. */
export const ORDER = 2 ** 16;
export const TTL_MS = 3_600_000;
export const BATCH = 100;
/** Of those whose memory is to be missed. */
export const SMALL_MEMORY = 100;

export interface User {
  readonly id: number;
  readonly name: string;
  readonly email: string;
  readonly roles: readonly string[];
  readonly active: boolean;
}

/** An operation of a library. `isAsync`: what it gives is awaited, be it a promise or not. */
export interface Operation {
  readonly isAsync: boolean;
  /** `at` counts up. */
  readonly run: (at: number) => unknown;
}

/** How an invalidation of `count` entries is measured. */
export interface TagBench {
  /** Puts in `count` entries with the tag, and as many without. */
  readonly fill: (count: number) => Promise<void>;
  readonly invalidate: (count: number) => unknown;
  /** A get of an entry that was not invalidated. */
  readonly readOther: (at: number) => unknown;
}

/** A library under measure. What it does not have is left out. */
export interface Subject {
  readonly name: string;
  /** Makes the cache, puts in what the operation needs, and gives it. */
  readonly operations: { readonly [name in OperationName]?: () => Operation | Promise<Operation> };
  readonly tag?: () => TagBench | Promise<TagBench>;
  readonly setup: Setup;
  /** How it was set up where that is not its default. */
  readonly note?: string;
}

/** What it does besides, which whoever compares must know. */
export interface Setup {
  readonly ttl: 'of each entry' | 'none';
  readonly bound: 'entries and bytes' | 'entries' | 'none';
  readonly values: 'copied in, frozen' | 'kept as given';
  /** What its slower tier holds, if it has one here. */
  readonly slower?: 'bytes' | 'JSON' | 'objects';
}

export type OperationName =
  | 'get, awaited'
  | 'get, as called'
  | 'getOrSet, awaited'
  | 'getOrSet, as called'
  | 'miss, set, evict'
  | 'getMany(100)'
  | 'two tiers';

export const OPERATIONS: readonly OperationName[] = [
  'get, awaited',
  'get, as called',
  'getOrSet, awaited',
  'getOrSet, as called',
  'miss, set, evict',
  'getMany(100)',
  'two tiers',
];

function userOf(number: number): User {
  return {
    id: number,
    name: `User ${number}`,
    email: `user${number}@shop.example`,
    roles: ['reader', 'writer'],
    active: true,
  };
}

export const KEYS: readonly string[] = Array.from({ length: ENTRIES }, (_, at) => `user:profile:${100_000 + at}`);
export const VALUES: readonly User[] = KEYS.map((_, at) => userOf(at));

/** Most accesses go to few keys. */
const SKEWED = skewed();

function skewed(): Int32Array {
  let state = 1;
  return Int32Array.from({ length: ORDER }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor(ENTRIES * (state / 2 ** 32) ** 4);
  });
}

export function skewedKey(at: number): string {
  return KEYS[SKEWED[at & (ORDER - 1)] as number] as string;
}

/** A key nobody has seen. */
export function freshKey(at: number): string {
  return `user:profile:fresh:${at}`;
}

/** One after the other, so that a small memory has always lost it. */
export function nextKey(at: number): string {
  return KEYS[at % ENTRIES] as string;
}

export const BATCHES: readonly (readonly string[])[] = Array.from({ length: 256 }, (_, batch) =>
  Array.from({ length: BATCH }, (_, at) => skewedKey(batch * BATCH + at)),
);

export function batchOf(at: number): readonly string[] {
  return BATCHES[at & 255] as readonly string[];
}

/** Stands for the source: not called when there is a hit. */
export function neverCalled(): never {
  throw new Error('expected a hit, got a fill');
}

/** A Map behind a promise, as the slower tier of those that have two. */
export class PromisedMap {
  readonly map = new Map<string, unknown>();

  async get(key: string): Promise<unknown> {
    return this.map.get(key);
  }

  async set(key: string, value: unknown): Promise<boolean> {
    this.map.set(key, value);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return this.map.delete(key);
  }

  async clear(): Promise<void> {
    this.map.clear();
  }
}
