// The state that a cache shares with all its namespaces, the events that they tell and hear, and how the cache closes.
//
// An event's invalidations come first and are waited for: whoever hears of it must not meet what it made outdated.
// A fill or tier that hangs cannot be ended. The cache leaves it alone and reports it; afterwards it stores and serves nothing.

import type { ValueCache } from '../engine/values/value-contract.ts';
import type { OwnedValue } from '../entry/owned-value.ts';
import { expected, TidegateError } from '../errors.ts';
import { func, text, unknownName } from '../options/kit.ts';
import type { Clock, Eventually, MemoryStats, Tasks } from '../ports.ts';
import type * as Contract from './contract.ts';
import { OutsideKeys } from './keys/selection.ts';
import { Kinds } from './options/kinds.ts';

export interface NamedCacheParts {
  readonly engine: ValueCache;
  readonly options: Pick<Contract.CacheOptions, 'version' | 'defaults' | 'kinds' | 'enabled' | 'rollout' | 'log'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Tasks;
  /** The cache's own copy of a value. Throws E_VALUE. */
  readonly own: (value: unknown) => OwnedValue;
  /** Undefined for a cache without a memory tier. */
  readonly memory: { stats(): MemoryStats } | undefined;
  readonly tiers: readonly Contract.CacheTier[];
  /** Caches elsewhere go by the same log: whoever names what it invalidates by what another may know otherwise must ask. */
  readonly isShared: boolean;
  readonly fault: (error: unknown) => void;
}

export interface Shared extends NamedCacheParts {
  readonly kinds: Kinds;
  readonly events: Events;
  readonly outside: OutsideKeys;
  readonly seen: { digests: boolean; versions: boolean };
  /** False: what others invalidated may be unknown here. */
  readonly isLeased: () => boolean;
  /** Does the work once it is so. Rejects with E_LOG. */
  readonly leased: <T>(work: () => Eventually<T>) => Promise<T>;
  /** Part of the keys that is cached: 0 where the cache is off or closed. */
  share: number;
  closed: Promise<void> | undefined;
}

export function sharedBy(parts: NamedCacheParts): Shared {
  const { kinds, enabled = true, rollout = 1, log } = parts.options;
  // Entries may be there that another process stored, before this one began or beside it.
  const isFromBefore = parts.isShared || parts.tiers.some(({ history }) => history !== undefined);
  return {
    ...parts,
    ...{ kinds: new Kinds(kinds), events: new Events(), outside: new OutsideKeys(isFromBefore) },
    seen: { digests: isFromBefore, versions: isFromBefore },
    isLeased: log === undefined ? () => true : () => log.isLeased(),
    leased: async (work) => {
      await log?.renew();
      return work();
    },
    ...{ share: enabled ? rollout : 0, closed: undefined },
  };
}

export function statsOf({ engine, memory, tiers }: Shared): Contract.CacheStats {
  const declined = tiers.map((tier) => [tier.name, tier.declined?.()] as const);
  return {
    ...engine.figures.stats(),
    memory: memory?.stats() ?? NO_MEMORY,
    tierDeclined: Object.fromEntries(declined.flatMap(([name, n]) => (n === undefined ? [] : [[name, n]]))),
  };
}

const NO_MEMORY = Object.freeze({ entries: 0, bytes: 0, maxBytes: 0, evictions: 0, declined: 0 });

export async function closeWithin(
  withinMs: number,
  { engine, tasks, tiers, fault }: Pick<NamedCacheParts, 'engine' | 'tasks' | 'tiers' | 'fault'>,
): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<'late'>();
  const cancel = withinMs === Number.POSITIVE_INFINITY ? () => {} : tasks.later(withinMs, () => resolve('late'));
  try {
    await engine.close(enough);
    const closed = callEach(tiers, (tier) => tier.close(), 'expected all tiers to close');
    if ((await Promise.race([closed, enough])) !== 'late') return;
    fault(new TidegateError('E_CLOSE', `expected the tiers of a cache to close within ${withinMs} ms, got no end yet`));
  } finally {
    cancel();
  }
}

interface Listener {
  readonly prefix: string;
  readonly handler: (data: Contract.EventData) => unknown;
}

class Events {
  readonly #listeners = new Map<string, Set<Listener>>();

  /** `prefix`: of the namespace that hears it. Throws E_CONFIG. */
  on(event: string, handler: (data: Contract.EventData) => unknown, prefix: string): () => void {
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
    data: Contract.EventData,
    { prefix, policies }: { readonly prefix: string; readonly policies: readonly Contract.KindPolicy[] },
  ): Promise<Pick<Contract.EventResult, 'handled' | 'failures'>> {
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
