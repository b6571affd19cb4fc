// The memory store's policy and its way to make room, over object ids instead of entries.

import { EvictionPolicy } from '../../src/store/eviction.ts';
import { LARGEST_PART } from '../../src/store/memory.ts';
import { hashOf, NONE, type ReplayPolicy, type ReplaySetup } from './policy.ts';

export interface OurPolicy extends ReplayPolicy {
  has(id: number): boolean;
  /** Takes an object in that is not there, if it fits. */
  take(id: number): void;
}

/** `evicted`: called for each object that leaves for room. */
export function ours({ sizes, maxBytes, sized }: ReplaySetup, evicted: (id: number) => void = () => {}): OurPolicy {
  const policy = new EvictionPolicy();
  const slotOf = new Int32Array(sizes.length).fill(NONE);
  const idOf: number[] = [];
  const largest = sized ? maxBytes * LARGEST_PART : maxBytes;
  const take = (id: number) => {
    const size = sizes[id]!;
    if (size > largest) return;
    while (policy.bytes + size > maxBytes) {
      const gone = idOf[policy.evict()]!;
      slotOf[gone] = NONE;
      evicted(gone);
    }
    const added = policy.add(hashOf(id), size);
    slotOf[id] = added;
    idOf[added] = id;
  };
  return {
    take,
    has: (id) => slotOf[id] !== NONE,
    access(id) {
      const slot = slotOf[id]!;
      if (slot === NONE) take(id);
      else policy.touch(slot);
      return slot !== NONE;
    },
  };
}
