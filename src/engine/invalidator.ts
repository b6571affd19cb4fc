// The way of a change into the log of invalidations. The log tells the ledger, here and at every other member of the node. A
// gate that has no other member and keeps nothing over its end has a log of its own: a change is in force when it is appended.

import { Invalidations, type InvalidationsOptions } from '../ledger/invalidations.ts';
import type { LogChange, Position } from '../ledger/log.ts';
import type { Selector } from '../ledger/selector.ts';
import type { Eventually, InvalidationLog, Random } from '../ports.ts';
import { type GateCounts, INVALIDATION_CAUSES, type InvalidationCause } from './statistics/counts.ts';

interface InvalidateHow {
  /** It is expired; see Ledger.isExpired. */
  readonly soft?: boolean;
  /** Under which it is counted. Default `call`. */
  readonly cause?: InvalidationCause;
}

export class Invalidator {
  readonly #log: InvalidationLog;
  readonly #fault: (error: unknown) => void;
  readonly #intentPrefix: string;
  #lastIntent = 0;
  readonly #counts: Record<Selector['kind'], number> = { url: 0, tag: 0, prefix: 0, pattern: 0, origin: 0, all: 0 };
  readonly #causes = byCause(() => ({ count: 0, entries: 0 }));

  /**
   * `random` makes the ids of intents unlike those of other members, and of the time before a restart; `fault` is told when a
   * change that nobody waits for could not be made durable.
   */
  constructor(log: InvalidationLog, random: Random, fault: (error: unknown) => void) {
    this.#log = log;
    this.#fault = fault;
    this.#intentPrefix = `${randomId(random)}-`;
  }

  get counts(): Readonly<Record<Selector['kind'], number>> {
    return this.#counts;
  }

  /**
   * Once there is a position, whatever `selector` names and was filled before is outdated on every member of this node,
   * also after a restart. The log says with a promise that it takes time; see InvalidationLog.
   */
  invalidate(selector: Selector, { soft = false, cause = 'call' }: InvalidateHow = {}): Eventually<Position> {
    this.#counts[selector.kind]++;
    this.#causes[cause].count++;
    return this.#log.append(soft ? { kind: 'invalidate', selector, soft } : { kind: 'invalidate', selector });
  }

  /** Outdates whatever is stored under the key, since something takes its place; not counted as an invalidation. */
  supersede(uri: string): Eventually<Position> {
    return this.#log.append({ kind: 'invalidate', selector: { kind: 'url', uri } });
  }

  /** Invalidates without anybody who waits: a failure goes to `fault`. */
  invalidateSoon(selector: Selector, cause: InvalidationCause): void {
    this.#unawaited(this.invalidate(selector, { cause }));
  }

  /** So many entries were named by an invalidation. */
  found(cause: InvalidationCause, entries: number): void {
    this.#causes[cause].entries += entries;
  }

  get causes(): GateCounts['invalidations'] {
    return byCause((cause) => ({ ...this.#causes[cause] }));
  }

  /** Opens an intent on a URI; the result closes it, once. */
  openIntent(uri: string): () => void {
    const intent = `${this.#intentPrefix}${++this.#lastIntent}`;
    this.#unawaited(this.#log.append({ kind: 'open', intent, uri }));
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.#unawaited(this.#log.append({ kind: 'close', intent }));
    };
  }

  #unawaited(appended: Eventually<Position>): void {
    if (appended instanceof Promise) appended.catch(this.#fault);
  }
}

function byCause<Of>(make: (cause: InvalidationCause) => Of): Record<InvalidationCause, Of> {
  return Object.fromEntries(INVALIDATION_CAUSES.map((cause) => [cause, make(cause)])) as Record<InvalidationCause, Of>;
}

/** Unlike the ids of other processes and lives. */
export function randomId(random: Random): string {
  return Math.floor(random() * 2 ** 48).toString(36);
}

/** A log whose next position is the one after `applied`. */
export function createLocalLog(applied: Position): InvalidationLog {
  let head = applied;
  let follower: (position: Position, change: LogChange) => void = () => {};
  return {
    follow: (apply) => {
      follower = apply;
    },
    append: (change) => {
      if (change.kind === 'invalidate') head++;
      follower(head, change);
      return head;
    },
  };
}

/** What was invalidated, and the log that continues it. */
export interface History {
  readonly invalidations: Invalidations;
  readonly log: InvalidationLog;
}

/** The history of one who keeps it nowhere else. */
export function localHistory(options: InvalidationsOptions): History {
  const invalidations = new Invalidations(options);
  return { invalidations, log: createLocalLog(invalidations.applied) };
}
