// First in, first out, bounded in bytes: what append-only segments do by themselves.

import { evictingLast } from './lru.ts';
import type { ReplayPolicy, ReplaySetup } from './policy.ts';

export function fifo(setup: ReplaySetup): ReplayPolicy {
  return evictingLast(setup, () => {});
}
