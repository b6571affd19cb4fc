// The log of a gate that has no other member and keeps nothing over its end: a change is in force when it is appended.

import { Invalidations } from '../ledger/invalidations.ts';
import type { LogChange, Position } from '../ledger/log.ts';
import type { InvalidationLog } from '../ports.ts';

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

/** The log of a data cache that keeps its invalidations nowhere else. */
export function localHistory(epoch: string | (() => string)): { invalidations: Invalidations; log: InvalidationLog } {
  const invalidations = new Invalidations({ epoch, buckets: MEMORY_BUCKETS });
  return { invalidations, log: createLocalLog(invalidations.applied) };
}

/** 512 KB. Two names that share a bucket are invalidated together, which costs a fill. */
const MEMORY_BUCKETS = 2 ** 16;
