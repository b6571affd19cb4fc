// What a cache and all its namespaces share.

import type { ValueCache } from '../engine/values/value-contract.ts';
import type { OwnedValue } from '../entry/owned-value.ts';
import type { Clock, Tasks } from '../ports.ts';
import type * as Contract from './contract.ts';
import { Events } from './events.ts';
import { Kinds } from './kinds.ts';
import { OutsideKeys } from './outside.ts';

export interface NamedCacheParts {
  readonly engine: ValueCache;
  readonly options: Pick<Contract.CacheOptions, 'version' | 'defaults' | 'kinds' | 'enabled' | 'rollout'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly tasks: Tasks;
  /** The cache's own copy of a value. Throws E_VALUE. */
  readonly own: (value: unknown) => OwnedValue;
  /** True: entries may be there that another process stored, before this one began. */
  readonly isFromBefore: boolean;
  readonly memoryStats: () => Contract.CacheStats['memory'];
  readonly tierDeclined: () => Contract.CacheStats['tierDeclined'];
  readonly fault: (error: unknown) => void;
  /** Closes the tiers, once the engine is closed. */
  readonly close: () => Promise<void>;
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
  return {
    ...parts,
    ...{ kinds: new Kinds(kinds), events: new Events(), outside: new OutsideKeys(parts.isFromBefore) },
    seen: { digests: parts.isFromBefore, versions: parts.isFromBefore },
    ...{ share: enabled ? rollout : 0, closed: undefined, askedTwice: 0 },
  };
}
