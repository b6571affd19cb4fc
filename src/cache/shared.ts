// The state that a cache shares with all its namespaces, and how the cache closes.
//
// A fill or tier that hangs cannot be ended. The cache leaves it alone and reports it; afterwards it stores and serves nothing.

import type { ValueCache } from '../engine/values/value-contract.ts';
import type { OwnedValue } from '../entry/owned-value.ts';
import { TidegateError } from '../errors.ts';
import type { Clock, MemoryStats, Tasks } from '../ports.ts';
import type * as Contract from './contract.ts';
import { callEach, Events } from './events.ts';
import { OutsideKeys } from './keys/selection.ts';
import { Kinds } from './options/kinds.ts';

export interface NamedCacheParts {
  readonly engine: ValueCache;
  readonly options: Pick<Contract.CacheOptions, 'version' | 'defaults' | 'kinds' | 'enabled' | 'rollout'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Tasks;
  /** The cache's own copy of a value. Throws E_VALUE. */
  readonly own: (value: unknown) => OwnedValue;
  /** Undefined for a cache without a memory tier. */
  readonly memory: { stats(): MemoryStats } | undefined;
  readonly tiers: readonly Contract.CacheTier[];
  readonly fault: (error: unknown) => void;
}

export interface Shared extends NamedCacheParts {
  readonly kinds: Kinds;
  readonly events: Events;
  readonly outside: OutsideKeys;
  readonly seen: { digests: boolean; versions: boolean };
  /** Part of the keys that is cached: 0 where the cache is off or closed. */
  share: number;
  closed: Promise<void> | undefined;
  /** Keys that one call looked up and then had filled: the engine counts them twice. */
  askedTwice: number;
}

export function sharedBy(parts: NamedCacheParts): Shared {
  const { kinds, enabled = true, rollout = 1 } = parts.options;
  // Entries may be there that another process stored, before this one began.
  const isFromBefore = parts.tiers.some(({ history }) => history !== undefined);
  return {
    ...parts,
    ...{ kinds: new Kinds(kinds), events: new Events(), outside: new OutsideKeys(isFromBefore) },
    seen: { digests: isFromBefore, versions: isFromBefore },
    ...{ share: enabled ? rollout : 0, closed: undefined, askedTwice: 0 },
  };
}

export function statsOf({ engine, memory, tiers, askedTwice }: Shared): Contract.CacheStats {
  const stats = engine.stats();
  const declined = tiers.map((tier) => [tier.name, tier.declined?.()] as const);
  return {
    ...stats,
    misses: Math.max(0, stats.misses - askedTwice),
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
