// The one place that knows what has been invalidated, and so whether an entry may be served and a fill be stored
// (docs/architecture.md, the fill protocol).
//
// The one complication: a forwarded write may change the origin's answer at any instant between its sending and its
// answer. While it is under way its URI has an open intent, and nothing filled for that URI is stored.

import type { Affectable, Invalidations } from '../dependency/invalidations.ts';
import type { Position } from '../dependency/position.ts';
import type { Selector } from '../dependency/selector.ts';
import { keyParts } from '../entry/key.ts';
import type { StoredResponse } from '../entry/stored-response.ts';

/** Taken before the origin is asked; the only ticket with which something may be stored. */
export interface Stamp {
  readonly epoch: string;
  readonly position: Position;
}

/** Why the result of a fill is not stored; undefined: it may be. */
export type StampRefusal = 'invalidated-during-fill' | 'intent-open' | undefined;

export class Invalidator {
  readonly #log: Invalidations;
  readonly #intents = new Map<string, number>();
  readonly #counts: Record<Selector['kind'], number> = { url: 0, tag: 0, prefix: 0, pattern: 0, origin: 0, all: 0 };

  constructor(log: Invalidations) {
    this.#log = log;
  }

  get applied(): Position {
    return this.#log.applied;
  }

  get counts(): Readonly<Record<Selector['kind'], number>> {
    return this.#counts;
  }

  get openIntents(): number {
    return this.#intents.size;
  }

  /** The stamp of a fill or validation that begins now. */
  stamp(): Stamp {
    return { epoch: this.#log.epoch, position: this.#log.applied };
  }

  /** From the moment this returns, whatever `selector` names and was filled before is outdated. */
  invalidate(selector: Selector): Position {
    this.#counts[selector.kind]++;
    return this.#log.apply(selector);
  }

  /** True when no invalidation affects the entry: it reflects every change this node was told of. */
  isCurrent(entry: StoredResponse): boolean {
    if (entry.epoch !== this.#log.epoch) return false;
    if (entry.checkedUpTo === this.#log.applied) return true;
    if (this.lastAffecting(entry) > entry.stamp) return false;
    entry.checkedUpTo = this.#log.applied;
    return true;
  }

  /** Position of the last invalidation that affects the entry. */
  lastAffecting(entry: StoredResponse): Position {
    const { uri, origin } = keyParts(entry.key);
    return this.#log.lastAffecting({ uri, origin, tags: entry.tags }, Math.max(entry.stamp, entry.checkedUpTo));
  }

  /** Position of the last invalidation that names the URI or its origin, whatever is stored. */
  lastAffectingKey(key: string): Position {
    const { uri, origin } = keyParts(key);
    return this.#log.lastAffecting({ uri, origin, tags: [] });
  }

  /** True when something was invalidated after the stamp that affects `what`. */
  isAffectedSince(stamp: Stamp, what: Affectable): boolean {
    if (stamp.epoch !== this.#log.epoch) return true;
    if (stamp.position === this.#log.applied) return false;
    return this.#log.lastAffecting(what, stamp.position) > stamp.position;
  }

  /** Why a result stamped so may not be stored now. */
  refusal(stamp: Stamp, what: Affectable): StampRefusal {
    if (this.isAffectedSince(stamp, what)) return 'invalidated-during-fill';
    return this.#intents.has(what.uri) ? 'intent-open' : undefined;
  }

  /** Opens an intent on a URI; the result closes it, once. */
  openIntent(uri: string): () => void {
    this.#intents.set(uri, (this.#intents.get(uri) ?? 0) + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      const left = (this.#intents.get(uri) as number) - 1;
      if (left === 0) this.#intents.delete(uri);
      else this.#intents.set(uri, left);
    };
  }
}
