// SIEVE (Zhang et al., NSDI 2024), bounded in bytes: a queue and a hand that goes from its end to its front, lets off
// what was used since it last passed, and evicts the first that was not.

import { IdList } from './lru.ts';
import { NONE, type ReplayPolicy, type ReplaySetup } from './policy.ts';

export function sieve({ sizes, maxBytes }: ReplaySetup): ReplayPolicy {
  const list = new IdList(sizes.length);
  const visited = new Uint8Array(sizes.length);
  let bytes = 0;
  let hand = NONE;

  function evict(): void {
    let id = hand === NONE ? list.last : hand;
    while (visited[id] === 1) {
      visited[id] = 0;
      id = list.previous(id);
      if (id === NONE) id = list.last;
    }
    hand = list.previous(id);
    list.remove(id);
    bytes -= sizes[id]!;
  }

  return {
    access(id) {
      if (list.has(id)) {
        visited[id] = 1;
        return true;
      }
      const size = sizes[id]!;
      if (size > maxBytes) return false;
      while (bytes + size > maxBytes) evict();
      list.addFirst(id);
      visited[id] = 0;
      bytes += size;
      return false;
    },
  };
}
