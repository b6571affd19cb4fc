import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AgedNumbers, EvictionPolicy, MAX_SIZE, WAYS } from '../../src/store/eviction.ts';

/** A hash spread over all 32 bits, as those of keys are. */
function hashOf(number: number): number {
  return Math.imul(number + 1, 0x9e3779b1) >>> 0;
}

describe('eviction policy', () => {
  it('evicts the oldest of equals', () => {
    const policy = new EvictionPolicy();
    const slots = [1, 2, 3].map((key) => policy.add(hashOf(key), 100));
    expect([policy.evict(), policy.evict(), policy.evict()]).toEqual(slots);
    expect(policy.evict()).toBe(-1);
  });

  it('evicts the least recently used of one class', () => {
    const policy = new EvictionPolicy();
    const slots = [1, 2, 3].map((key) => policy.add(hashOf(key), 100));
    for (const at of [1, 0, 2]) policy.touch(slots[at]!);
    expect([policy.evict(), policy.evict(), policy.evict()]).toEqual([slots[1], slots[0], slots[2]]);
  });

  it('evicts the large before the small', () => {
    const policy = new EvictionPolicy();
    policy.add(hashOf(1), 100);
    const large = policy.add(hashOf(2), 10_000);
    expect(policy.evict()).toBe(large);
  });

  it('evicts the seldom used before the often used', () => {
    const policy = new EvictionPolicy();
    const often = policy.add(hashOf(1), 100);
    for (let times = 0; times < 10; times++) policy.touch(often);
    const seldom = policy.add(hashOf(2), 100);
    expect(policy.evict()).toBe(seldom);
  });

  it('lets go of what was used often, once it no longer is', () => {
    const policy = new EvictionPolicy();
    const old = policy.add(hashOf(0), 100);
    for (let times = 0; times < 1000; times++) policy.touch(old);
    let evictions = 0;
    for (let key = 1; key < 10_000; key++) {
      const slot = policy.add(hashOf(key), 100);
      policy.touch(slot);
      if (policy.count > 10 && policy.evict() === old) break;
      evictions++;
    }
    expect(evictions).toBeGreaterThan(50);
    expect(evictions).toBeLessThan(5_000);
  });

  it('keeps the frequency over resizing, removal and eviction', () => {
    const policy = new EvictionPolicy();
    const slot = policy.add(hashOf(1), 100);
    policy.touch(slot);
    policy.touch(slot);
    policy.resize(slot, 5_000);
    expect(policy.frequencyOf(slot)).toBe(3);
    policy.remove(slot);
    const again = policy.add(hashOf(1), 100);
    expect(policy.frequencyOf(again)).toBe(4);
    policy.evict();
    expect(policy.frequencyOf(policy.add(hashOf(1), 100))).toBe(5);
    expect(policy.frequencyOf(policy.add(hashOf(2), 100))).toBe(1);
  });

  it('takes entries of any size', () => {
    const policy = new EvictionPolicy();
    const huge = policy.add(hashOf(1), MAX_SIZE);
    const empty = policy.add(hashOf(2), 0);
    for (let times = 0; times < 100_000; times++) policy.touch(empty);
    expect(policy.bytes).toBe(MAX_SIZE);
    expect([policy.evict(), policy.evict(), policy.bytes]).toEqual([huge, empty, 0]);
  });

  it('keeps entries that are used twice a round over those of a scan', () => {
    const policy = new EvictionPolicy();
    const hot = Array.from({ length: 20 }, (_, key) => policy.add(hashOf(key), 100));
    const evicted = new Set<number>();
    for (let key = 1_000; key < 2_000; key++) {
      if (key % 20 === 0) for (const slot of hot) policy.touch(slot);
      policy.add(hashOf(key), 100);
      if (policy.count > 50) evicted.add(policy.evict());
    }
    expect(hot.filter((slot) => evicted.has(slot))).toEqual([]);
  });
});

describe('eviction policy against a model', () => {
  const step = fc.record({
    kind: fc.constantFrom('add', 'add', 'touch', 'resize', 'remove', 'evict'),
    pick: fc.nat(),
    size: fc.integer({ min: 0, max: 100_000 }),
  });

  it('counts exactly, gives distinct slots and empties completely', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
        const policy = new EvictionPolicy();
        const sizes = new Map<number, number>();
        for (const { kind, pick, size } of steps) {
          const slot = [...sizes.keys()][pick % Math.max(1, sizes.size)];
          if (kind === 'add') {
            const added = policy.add(hashOf(pick), size);
            expect(sizes.has(added)).toBe(false);
            sizes.set(added, size);
          } else if (kind === 'evict') {
            expect(sizes.delete(policy.evict())).toBe(slot !== undefined);
          } else if (slot !== undefined) {
            if (kind === 'touch') policy.touch(slot);
            if (kind === 'resize') sizes.set(slot, size);
            if (kind === 'resize') policy.resize(slot, size);
            if (kind === 'remove') sizes.delete(slot);
            if (kind === 'remove') policy.remove(slot);
          }
          expect(policy.count).toBe(sizes.size);
          expect(policy.bytes).toBe([...sizes.values()].reduce((sum, each) => sum + each, 0));
        }
        while (sizes.size > 0) expect(sizes.delete(policy.evict())).toBe(true);
        expect([policy.evict(), policy.count, policy.bytes]).toEqual([-1, 0, 0]);
      }),
      { numRuns: 60 },
    );
  });

  it('evicts in the order of priorities computed plainly', () => {
    const entry = fc.record({ size: fc.integer({ min: 1, max: 1_000_000 }), uses: fc.nat({ max: 300 }) });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 80 }), (entries) => {
        const policy = new EvictionPolicy();
        const ratios = new Map<number, number>();
        entries.forEach(({ size, uses }, key) => {
          const slot = policy.add(hashOf(key), size);
          for (let times = 0; times < uses; times++) policy.touch(slot);
          ratios.set(slot, Math.min(uses + 1, 255) ** 0.75 / size);
        });
        let least = 0;
        for (let slot = policy.evict(); slot >= 0; slot = policy.evict()) {
          // Classes are at most a quarter wide.
          expect(ratios.get(slot)! * 1.2501).toBeGreaterThan(least);
          least = Math.max(least, ratios.get(slot)!);
        }
      }),
      { numRuns: 60 },
    );
  });
});

describe('ghost', () => {
  function ghostFor(entries: number): AgedNumbers {
    const ghost = new AgedNumbers(Uint8Array);
    ghost.resize(Math.ceil((4 * entries) / WAYS));
    return ghost;
  }

  it('remembers a frequency once', () => {
    const ghost = ghostFor(100);
    ghost.remember(hashOf(1), 9);
    expect([ghost.recall(hashOf(1)), ghost.recall(hashOf(1)), ghost.recall(hashOf(2))]).toEqual([9, 0, 0]);
  });

  it('remembers at least the latest of the entries it has room for', () => {
    const ghost = ghostFor(1_000);
    for (let key = 0; key < 50_000; key++) ghost.remember(hashOf(key), 3);
    let recalled = 0;
    for (let key = 49_000; key < 50_000; key++) if (ghost.recall(hashOf(key)) === 3) recalled++;
    expect(recalled).toBeGreaterThan(950);
    expect(ghost.recall(hashOf(0))).toBe(0);
  });

  it('keeps what it remembers when it grows', () => {
    const ghost = ghostFor(100);
    for (let key = 0; key < 100; key++) ghost.remember(hashOf(key), 1 + (key % 200));
    ghost.resize(40_000 / WAYS);
    const recalled = Array.from({ length: 100 }, (_, key) => ghost.recall(hashOf(key)));
    expect(recalled.filter((frequency, key) => frequency === 1 + (key % 200)).length).toBeGreaterThan(95);
  });
});
