// Which of the keys that are removed were there and not outdated.
//
// The one complication: the invalidation does not wait for slower tiers to say what they have. By the time they do it has
// outdated all of it, so what was known of each key is noted before.

import type { Invalidations } from '../dependency/invalidations.ts';
import type { StoredValue } from '../entry/stored-value.ts';
import type { Eventually, Store } from '../ports.ts';
import type { Invalidator } from './invalidator.ts';

export interface RemovalParts {
  readonly invalidator: Invalidator;
  readonly invalidations: Invalidations;
  readonly hasSlower: boolean;
  readonly find: (key: string) => Eventually<StoredValue | undefined>;
}

/** A key that slower tiers are asked about. */
interface Sought {
  readonly key: string;
  /** Position of the last invalidation that named it. */
  readonly last: number;
}

export class ValueRemoval {
  readonly #parts: RemovalParts;

  constructor(parts: RemovalParts) {
    this.#parts = parts;
  }

  /** How many memory has, at once, and which of the others a slower tier may have. Before they are invalidated. */
  sought(
    keys: readonly string[],
    memory: Store<StoredValue> | undefined,
  ): { readonly there: number; readonly unsure: readonly Sought[] } {
    const { invalidator, invalidations, hasSlower } = this.#parts;
    const rest = keys.filter((key) => {
      const entry = memory?.get(key);
      return entry === undefined || entry instanceof Promise || !invalidator.isCurrent(entry);
    });
    const last = (uri: string) => invalidations.lastAffecting({ uri, origin: '', tags: [] });
    const unsure = hasSlower ? rest.map((key) => ({ key, last: last(key) })) : [];
    return { there: keys.length - rest.length, unsure };
  }

  /** How many of them slower tiers had. */
  async countBelow(unsure: readonly Sought[]): Promise<number> {
    const found = await Promise.all(unsure.map((sought) => this.#wasCurrent(sought)));
    return found.filter((wasThere) => wasThere).length;
  }

  async #wasCurrent({ key, last }: Sought): Promise<boolean> {
    const entry = await this.#parts.find(key);
    if (entry === undefined || last > entry.stamp) return false;
    const stamp = { epoch: entry.epoch, position: entry.stamp };
    return !this.#parts.invalidator.isAffectedSince(stamp, { uri: '', origin: '', tags: entry.tags });
  }
}
