// First in, first out, bounded in bytes: what append-only segments do by themselves.

import { IdList } from './lru.ts';
import type { ReplayPolicy, ReplaySetup } from './policy.ts';

export function fifo({ sizes, maxBytes }: ReplaySetup): ReplayPolicy {
  const list = new IdList(sizes.length);
  let bytes = 0;
  return {
    access(id) {
      if (list.has(id)) return true;
      const size = sizes[id]!;
      if (size > maxBytes) return false;
      while (bytes + size > maxBytes) {
        bytes -= sizes[list.last]!;
        list.remove(list.last);
      }
      list.addFirst(id);
      bytes += size;
      return false;
    },
  };
}
