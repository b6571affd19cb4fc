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
  /** How many are open, by name. */
  readonly #open = new Map<string, number>();
  /** When one was last opened, by name, counted in intents. */
  readonly #begun = new Map<string, number>();
  #forgottenAt = 0;
  /** Of those that are open: each enters the names that hold now. */
  readonly #renewals = new Set<() => void>();
  #count = 0;

  /** `mark`: of the tables as they are. Names of rows with another are those of their tables. */
  constructor(mark: () => string) {
    this.#mark = mark;
  }

  get count(): number {
    return this.#count;
  }

  next(): number {
    return ++this.#count;
  }

  open(given: readonly string[]): Intent {
    const names = new Set<string>();
    const enter = (more: readonly string[]) => {
      for (const name of withMark(more, this.#mark())) {
        if (names.has(name)) continue;
        names.add(name);
        this.#open.set(name, (this.#open.get(name) ?? 0) + 1);
        this.#begun.set(name, this.#count);
      }
    };
    this.#count++;
    enter(given);
    const renew = () => enter([...names]);
    this.#renewals.add(renew);
    if (this.#begun.size > MAX_BEGUN) this.#forget();
    return {
      end: () => {
        if (this.#renewals.delete(renew)) this.#close(names);
      },
    };
  }

  #close(names: Iterable<string>): void {
    for (const name of names) {
      const open = (this.#open.get(name) ?? 0) - 1;
      if (open > 0) this.#open.set(name, open);
      else this.#open.delete(name);
    }
  }

  /** Since then no time is known: all that is read now counts as overtaken. */
  #forget(): void {
    this.#begun.clear();
    this.#forgottenAt = this.#count;
  }

  get isAnyOpen(): boolean {
    return this.#open.size > 0;
  }

  isOpen(names: readonly string[]): boolean {
    return this.#open.size > 0 && names.some((name) => this.#open.has(name));
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
    for (const renew of this.#renewals) renew();
    return true;
  }
}
