// Intents: the names under which writes are under way, and when a write last began under each.

import { withMark } from '../catalogue/row-names.ts';

/** A write under way. `end` may be called more than once. */
export interface Intent {
  end(): void;
}

/** As many names are kept with the time of their last write. */
const MAX_BEGUN = 10_000;

export class Intents {
  readonly #mark: () => string;
  /** When those that are open were last looked through. */
  #lastMark = '';
  /** The names of each that is open. */
  readonly #open = new Set<Set<string>>();
  /** How many are open, by name. */
  readonly #openUnder = new Map<string, number>();
  /** When one was last opened, by name, counted in intents. */
  readonly #begun = new Map<string, number>();
  #forgottenAt = 0;
  /** Of those that were opened so far. */
  count = 0;

  /** `mark`: of the tables as they are. Names of rows with another are those of their tables. */
  constructor(mark: () => string) {
    this.#mark = mark;
  }

  open(given: readonly string[]): Intent {
    const names = new Set<string>();
    this.count++;
    this.#enter(given, names);
    this.#open.add(names);
    if (this.#begun.size > MAX_BEGUN) {
      // Since then no time is known: all that is read now counts as overtaken.
      this.#begun.clear();
      this.#forgottenAt = this.count;
    }
    return {
      end: () => {
        if (!this.#open.delete(names)) return;
        for (const name of names) {
          const others = (this.#openUnder.get(name) ?? 0) - 1;
          if (others > 0) this.#openUnder.set(name, others);
          else this.#openUnder.delete(name);
        }
      },
    };
  }

  /** Those names that hold now. */
  #enter(given: readonly string[], names: Set<string>): void {
    for (const name of withMark(given, this.#mark())) {
      if (names.has(name)) continue;
      names.add(name);
      this.#openUnder.set(name, (this.#openUnder.get(name) ?? 0) + 1);
      this.#begun.set(name, this.count);
    }
  }

  get isAnyOpen(): boolean {
    return this.#open.size > 0;
  }

  isOpen(names: readonly string[]): boolean {
    return this.#open.size > 0 && names.some((name) => this.#openUnder.has(name));
  }

  /** `count`: as it was then. */
  isOpenedSince(names: readonly string[], count: number): boolean {
    return this.#forgottenAt > count || names.some((name) => (this.#begun.get(name) ?? 0) > count);
  }

  /** True: the tables are others than the last time. Then what is open is looked through. */
  renew(): boolean {
    const mark = this.#mark();
    if (mark === this.#lastMark) return false;
    this.#lastMark = mark;
    for (const names of this.#open) this.#enter([...names], names);
    return true;
  }
}
