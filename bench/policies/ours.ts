// The memory store's policy and its way to make room, over object ids instead of entries.

import { EvictionPolicy } from '../../src/store/eviction.ts';
import { LARGEST_PART } from '../../src/store/memory.ts';
import { hashOf, NONE, type ReplayPolicy, type ReplaySetup } from './policy.ts';

export function ours({ sizes, maxBytes, sized }: ReplaySetup): ReplayPolicy {
  const policy = new EvictionPolicy();
  const slotOf = new Int32Array(sizes.length).fill(NONE);
  const idOf: number[] = [];
  const largest = sized ? maxBytes * LARGEST_PART : maxBytes;
  return {
    access(id) {
      const slot = slotOf[id]!;
      if (slot !== NONE) {
        policy.touch(slot);
        return true;
      }
      const size = sizes[id]!;
      if (size > largest) return false;
      while (policy.bytes + size > maxBytes) slotOf[idOf[policy.evict()]!] = NONE;
      const added = policy.add(hashOf(id), size);
      slotOf[id] = added;
      idOf[added] = id;
      return false;
    },
  };
}
