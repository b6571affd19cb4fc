// Events: what programs tell the cache, and who is told of it.
//
// Invalidations come first and are waited for, since whoever fills again or hears of the
// event must not meet what it made outdated.

import type { EventData, EventResult, KindPolicy } from './contract.ts';
import type { KeySpace } from './keys.ts';

interface Listener {
  readonly prefix: string;
  readonly handler: (data: EventData) => unknown;
}

export interface EmitParts {
  readonly data: EventData;
  /** Kinds that the event invalidates. */
  readonly kinds: readonly { readonly name: string; readonly policy: KindPolicy }[];
  readonly invalidate: (kinds: readonly string[]) => Promise<void>;
}

export class Events {
  readonly #listeners = new Map<string, Set<Listener>>();

  on(event: string, handler: (data: EventData) => unknown, space: KeySpace): () => void {
    const listener: Listener = { prefix: space.prefix, handler };
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(event) === listeners) this.#listeners.delete(event);
    };
  }

  /** True: some handler, in whatever namespace, is told of it. */
  isHeard(event: string): boolean {
    return this.#listeners.has(event);
  }

  get names(): readonly string[] {
    return [...this.#listeners.keys()];
  }

  /** Rejects when an invalidation does; then nobody is told. */
  async emit(event: string, space: KeySpace, { data, kinds, invalidate }: EmitParts): Promise<EventResult> {
    const names = kinds.map(({ name }) => name);
    if (names.length > 0) await invalidate(names);
    const failures: unknown[] = [];
    const populates = kinds.flatMap(({ policy }) => (policy.populate === undefined ? [] : [policy.populate]));
    await all(
      populates.map((populate) => () => populate(event, data)),
      failures,
    );
    const handlers = this.#concerned(event, space.prefix);
    await all(
      handlers.map((handler) => () => handler(data)),
      failures,
    );
    return { invalidated: names, handled: populates.length + handlers.length, failures };
  }

  /** An event concerns its namespace, all within it, and those it is in; not its neighbours. */
  #concerned(event: string, prefix: string): readonly Listener['handler'][] {
    const listeners = [...(this.#listeners.get(event) ?? [])];
    return listeners
      .filter((listener) => listener.prefix.startsWith(prefix) || prefix.startsWith(listener.prefix))
      .map(({ handler }) => handler);
  }
}

async function all(works: readonly (() => unknown)[], failures: unknown[]): Promise<void> {
  const results = await Promise.allSettled(works.map(async (work) => work()));
  for (const result of results) if (result.status === 'rejected') failures.push(result.reason);
}
