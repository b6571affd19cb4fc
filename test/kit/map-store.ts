// A store without limits that takes whatever it is given, large bodies' entries too, as the disk tier does.

import { type Entry, type EntryNote, noteOf } from '../../src/entry/stored-response.ts';
import type { Store } from '../../src/ports.ts';

export class MapStore implements Store {
  readonly #entries = new Map<string, Entry>();

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  put(entry: Entry): void {
    this.#entries.set(entry.key, entry);
  }

  delete(keys: readonly string[]): number {
    return keys.filter((key) => this.#entries.delete(key)).length;
  }

  *find(): Iterable<EntryNote> {
    for (const entry of this.#entries.values()) yield noteOf(entry);
  }
}
