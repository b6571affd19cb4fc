// Slots by tag, so that operators can list and purge entries. Most tags name one entry, so the first slot of a tag needs no
// set; a second one makes a set.

export class TagIndex {
  readonly #slots = new Map<string, number | Set<number>>();

  add(tag: string, slot: number): void {
    const there = this.#slots.get(tag);
    if (there === undefined) this.#slots.set(tag, slot);
    else if (typeof there === 'object') there.add(slot);
    else if (there !== slot) this.#slots.set(tag, new Set([there, slot]));
  }

  remove(tag: string, slot: number): void {
    const there = this.#slots.get(tag);
    if (typeof there === 'object') {
      there.delete(slot);
      if (there.size === 0) this.#slots.delete(tag);
    } else if (there === slot) {
      this.#slots.delete(tag);
    }
  }

  slots(tag: string): Iterable<number> {
    const there = this.#slots.get(tag);
    if (there === undefined) return [];
    return typeof there === 'object' ? there : [there];
  }
}
