// A second tier that answers later, and loses some of what it is given: a store may be that dumb.

import type { Entry, EntryNote } from '../../src/entry/stored-response.ts';
import type { Selector } from '../../src/ledger/selector.ts';
import type { Store } from '../../src/ports.ts';
import { createMemoryStore } from '../../src/store/memory.ts';
import type { SimulatedTime } from '../kit/simulated-time.ts';
import type { Dice } from './dice.ts';

export class SlowStore implements Store {
  readonly #inner = createMemoryStore({ maxBytes: 10_000_000 });
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #delayMs: number;

  constructor(time: SimulatedTime, dice: Dice, delayMs: number) {
    this.#time = time;
    this.#dice = dice;
    this.#delayMs = delayMs;
  }

  get(key: string): Promise<Entry | undefined> {
    const lost = this.#dice.chance(0.05);
    return this.#later(() => (lost ? undefined : this.#inner.get(key)));
  }

  put(entry: Entry): Promise<void> {
    const lost = this.#dice.chance(0.05);
    return this.#later(() => {
      if (!lost) this.#inner.put(entry);
    });
  }

  delete(keys: readonly string[]): Promise<number> {
    return this.#later(() => this.#inner.delete(keys));
  }

  async *find(selector: Selector): AsyncIterable<EntryNote> {
    for (const entry of [...this.#inner.find(selector)]) yield await this.#later(() => entry);
  }

  #later<T>(work: () => T): Promise<T> {
    return new Promise((resolve) => {
      this.#time.later(this.#dice.below(this.#delayMs + 1), () => resolve(work()));
    });
  }
}
