// Views that Drizzle's objects define, and what each is made of. A definition is read when it is first needed: the parser may
// not be there yet when the view is learned.

import { type FactsReader, type TextFacts, UNREAD } from '../../../sql/text-facts.ts';
import type { FunctionEffects } from './functions.ts';

export interface ViewReading {
  readonly read: FactsReader;
  /** The text of a view's definition. */
  readonly textOf: (query: unknown) => string;
}

interface ViewParts extends ViewReading {
  readonly effectsOf: FunctionEffects;
  /** A table or view of that name is known. */
  readonly isNamed: (name: string) => boolean;
}

export class Views {
  readonly #parts: ViewParts;
  /** Views of one name in several schemas: what holds of one holds of all. Undefined: its definition is not known. */
  readonly #queries = new Map<string, readonly (object | undefined)[]>();
  readonly #facts = new WeakMap<object, TextFacts>();

  constructor(parts: ViewParts) {
    this.#parts = parts;
  }

  add(name: string, query: unknown): void {
    const definition = typeof query === 'object' && query !== null ? query : undefined;
    this.#queries.set(name, [...(this.#queries.get(name) ?? []), definition]);
  }

  get names(): Iterable<string> {
    return this.#queries.keys();
  }

  /** All that the view is made of, however deep; undefined: that is not known. Empty: there is no such view. */
  below(name: string, above: readonly string[] = []): readonly string[] | undefined {
    const found = new Set<string>();
    for (const query of this.#queries.get(name) ?? []) {
      const direct = this.#namedIn(query).filter((part) => part !== name);
      if (direct.length === 0) return undefined;
      for (const part of direct) {
        if (above.includes(part)) continue;
        const below = this.#parts.isNamed(part) ? this.below(part, [...above, name]) : undefined;
        if (below === undefined) return undefined;
        for (const each of [part, ...below]) found.add(each);
      }
    }
    return [...found];
  }

  /** What a definition and the functions in it read. None: that is not known. */
  #namedIn(query: object | undefined): readonly string[] {
    if (query === undefined) return [];
    const { read, textOf, effectsOf } = this.#parts;
    const facts = this.#facts.get(query) ?? read(textOf(query));
    if (facts !== UNREAD) this.#facts.set(query, facts);
    const called = [...facts.functions].map(effectsOf);
    const isKnown = called.every((each) => each !== undefined && each.writes.length === 0);
    if (facts.isUnreadable || facts.isWrite || !isKnown) return [];
    return [...facts.reads, ...called.flatMap((each) => each?.reads ?? [])];
  }
}
