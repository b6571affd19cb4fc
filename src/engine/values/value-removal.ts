// Which of the keys that are removed were there and not outdated.
//
// The invalidation does not wait for slower tiers to say what they have. By the time they do it has
// outdated all of it, so what was known of each key is noted before.

import type { StoredValue } from '../../entry/stored-value.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Store } from '../../ports.ts';
import type { ValueSteps } from './value-steps.ts';

/** A key that slower tiers are asked about. */
interface Sought {
  readonly key: string;
  /** Tags that are invalidated with it. */
  readonly tags: readonly string[];
  /** Position of the last invalidation that named it, or one of them. */
  readonly last: number;
}

export class ValueRemoval {
  readonly #steps: ValueSteps;

  constructor(steps: ValueSteps) {
    this.#steps = steps;
  }

  /**
   * How many memory has, at once, and which of the others a slower tier may have. Before they are invalidated. `also`: what
   * is to be invalidated with a key.
   */
  sought(
    keys: readonly string[],
    memory: Store<StoredValue> | undefined,
    also: (key: string) => readonly Selector[],
  ): { readonly there: number; readonly unsure: readonly Sought[] } {
    const { ledger, hasSlower } = this.#steps;
    const rest = keys.filter((key) => {
      const entry = memory?.get(key);
      return entry === undefined || entry instanceof Promise || !ledger.isCurrent(entry);
    });
    const noted = (uri: string): Sought => {
      const tags = also(uri).flatMap((selector) => (selector.kind === 'tag' ? [selector.tag] : []));
      return { key: uri, tags, last: ledger.lastAffecting({ uri, origin: '', tags }) };
    };
    const unsure = hasSlower ? rest.map(noted) : [];
    return { there: keys.length - rest.length, unsure };
  }

  /** How many of them slower tiers had. */
  async countBelow(unsure: readonly Sought[]): Promise<number> {
    const found = await Promise.all(unsure.map((sought) => this.#wasCurrent(sought)));
    return found.filter((wasThere) => wasThere).length;
  }

  async #wasCurrent({ key, tags: removed, last }: Sought): Promise<boolean> {
    const entry = await this.#steps.find(key);
    if (entry === undefined || last > entry.stamp) return false;
    const stamp = { epoch: entry.epoch, position: entry.stamp };
    const tags = entry.tags.filter((tag) => !removed.includes(tag));
    return !this.#steps.ledger.isAffectedSince(stamp, { uri: '', origin: '', tags });
  }
}
