// Tiers for the race of the data cache: the memory tier, watched; and a slower one, whose answers can be held back.
//
// What is held takes effect when it is let go, as on a device far away. So a put that is held may
// come after one that was made later, and a get may answer with what has been replaced since.

import type { EntryNote } from '../../src/entry/stored-response.ts';
import type { StoredValue } from '../../src/entry/stored-value.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type { Store } from '../../src/ports.ts';
import { createValueMemory, noteOfValue } from '../../src/store/value-memory.ts';
import { versionIn } from './data-source.ts';

/** The memory tier, which tells of every entry that is put in. */
export function watchedMemory(onPut: (entry: StoredValue) => void): Store<StoredValue> {
  const memory = createValueMemory({ maxBytes: 1_000_000, maxEntries: 100 });
  return {
    get: (key) => memory.get(key),
    put: (entry) => {
      onPut(entry);
      memory.put(entry);
    },
    delete: (keys) => memory.delete(keys),
    find: (selector) => memory.find(selector),
  };
}

export type Held = 'get' | 'put' | 'delete';

/** A Map behind promises. */
export class SlowValues implements Store<StoredValue> {
  readonly #entries = new Map<string, StoredValue>();
  readonly #onPut: (entry: StoredValue) => void;
  readonly #holds = new Set<Held>();
  #heldVersion: number | undefined;
  /** What is under way and held, in the order of asking. */
  #steps: (() => void)[] = [];
  /** The next put that this is true of fails, and nothing is kept. */
  loses: (entry: StoredValue) => boolean = () => false;

  constructor(onPut: (entry: StoredValue) => void) {
    this.#onPut = onPut;
  }

  /**
   * The next operation of this kind waits for `step`: once to take effect, and once more to be answered. A put: the next
   * of this version.
   */
  hold(kind: Held, version?: number): void {
    this.#holds.add(kind);
    this.#heldVersion = version;
  }

  /** Lets what is held go one step on; false: nothing is. */
  step(): boolean {
    const step = this.#steps.shift();
    step?.();
    return step !== undefined;
  }

  get(key: string): Promise<StoredValue | undefined> {
    return this.#run('get', () => {
      const entry = this.#entries.get(key);
      // What comes from bytes is another object, and has not been looked at since.
      return entry === undefined ? undefined : { ...entry, checkedUpTo: entry.stamp };
    });
  }

  put(entry: StoredValue): Promise<void> {
    this.#onPut(entry);
    if (this.loses(entry)) {
      this.loses = () => false;
      return Promise.reject(new Error('the tier is full'));
    }
    const keep = () => void this.#entries.set(entry.key, entry);
    return versionIn(entry.value) === this.#heldVersion ? this.#run('put', keep) : Promise.resolve().then(keep);
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.#run('delete', () => keys.filter((key) => this.#entries.delete(key)).length);
  }

  *find(selector: Selector): Iterable<EntryNote> {
    for (const entry of this.#entries.values()) {
      if (selector.kind !== 'url' || selector.uri === entry.key) yield noteOfValue(entry, entry.bytes);
    }
  }

  #run<T>(kind: Held, effect: () => T): Promise<T> {
    if (!this.#holds.delete(kind)) return Promise.resolve().then(effect);
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#steps.push(() => {
      try {
        const result = effect();
        this.#steps.unshift(() => resolve(result));
      } catch (error) {
        this.#steps.unshift(() => reject(error));
      }
    });
    return promise;
  }
}
