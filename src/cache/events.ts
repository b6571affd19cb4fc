// Events: what programs tell the cache, and who is told of it.
//
// Invalidations come first and are waited for, since whoever fills again or hears of the
// event must not meet what it made outdated.

import { expected } from '../errors.ts';
import { func, text, unknownName } from '../options/kit.ts';
import type { EventData, EventResult, KindPolicy } from './contract.ts';

interface Listener {
  readonly prefix: string;
  readonly handler: (data: EventData) => unknown;
}

export class Events {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** `prefix`: of the namespace that hears it. Throws E_CONFIG. */
  on(event: string, handler: (data: EventData) => unknown, prefix: string): () => void {
    text(event, 'an event');
    func(handler, 'the handler of an event');
    const listener: Listener = { prefix, handler };
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(event) === listeners) this.#listeners.delete(event);
    };
  }

  /** `declared`: by kinds. Throws E_CONFIG: an event that is misspelt would leave outdated what it is about. */
  check(event: string, data: unknown, declared: readonly string[]): void {
    text(event, 'an event');
    if (typeof data !== 'object' || data === null) expected('E_CONFIG', 'the data of an event to be an object', data);
    if (this.#listeners.has(event) || declared.includes(event)) return;
    const known = [...new Set([...declared, ...this.#listeners.keys()])].sort();
    const those = known.length === 0 ? 'none, since no kind declares one and no handler hears one' : known.join(', ');
    throw unknownName(`an event that is known: ${those}`, event, known);
  }

  /** Has the kinds filled again that the event invalidated, then tells the handlers. */
  async tell(
    event: string,
    {
      data,
      prefix,
      policies,
    }: { readonly data: EventData; readonly prefix: string; readonly policies: readonly KindPolicy[] },
  ): Promise<Pick<EventResult, 'handled' | 'failures'>> {
    const populates = policies.flatMap(({ populate }) => (populate === undefined ? [] : [populate]));
    const failures = await failuresOf(populates, (populate) => populate(event, data));
    // An event concerns its namespace, all within it, and those it is in; not its neighbours.
    const concerned = (listener: Listener) => listener.prefix.startsWith(prefix) || prefix.startsWith(listener.prefix);
    const handlers = [...(this.#listeners.get(event) ?? [])].filter(concerned).map(({ handler }) => handler);
    failures.push(...(await failuresOf(handlers, (handler) => handler(data))));
    return { handled: populates.length + handlers.length, failures };
  }
}

/** Calls all, whatever comes of the others; then throws what one threw, or all of it together. */
export async function callEach<F>(all: readonly F[], call: (each: F) => unknown, message: string): Promise<void> {
  const failures = await failuresOf(all, call);
  if (failures.length > 1) throw new AggregateError(failures, message);
  if (failures.length === 1) throw failures[0];
}

async function failuresOf<F>(all: readonly F[], call: (each: F) => unknown): Promise<unknown[]> {
  const results = await Promise.allSettled(all.map(async (each) => call(each)));
  return results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
}
