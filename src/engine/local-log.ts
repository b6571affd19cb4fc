// The log of a gate that has no other member and keeps nothing over its end: a change is in force when it is appended.

import type { LogChange } from '../dependency/log.ts';
import type { Position } from '../dependency/position.ts';
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
