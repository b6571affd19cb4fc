// The disk tier's policy: its queues, its ghost, the bounds of what it writes, and how many bytes it hits beside S3-FIFO
// over single objects.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ReplaySetup } from '../../../bench/policies/policy.ts';
import { s3Fifo } from '../../../bench/policies/s3-fifo.ts';
import { segments } from '../../../bench/policies/segments.ts';
import { replay } from '../../../bench/policy-replay.ts';
import { DiskPolicy, Ghost, MAX_DISK_FREQUENCY, segmentBytes } from '../../../src/store/disk/segments/disk-room.ts';

const MiB = 2 ** 20;

/** As well spread as a key's hash, and another for each number. */
const hashOf = (number: number) => Math.imul(number + 1, 0x9e3779b1) >>> 0;

test('a segment is a part of the room, within bounds', () => {
  expect(segmentBytes(1024 * MiB)).toBe(16 * MiB);
  expect(segmentBytes(MiB)).toBe(MiB);
  expect(segmentBytes(2 ** 44)).toBe(128 * MiB);
  expect(segmentBytes(6400, 1)).toBe(100);
});

describe('queues', () => {
  test('a new entry goes to the small queue; one dropped from there of late, to the main one, once', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    expect(policy.queueFor(7, 1000)).toBe('small');
    policy.dropped(7, 1000, 'small');
    expect(policy.queueFor(7, 1000)).toBe('main');
    expect(policy.queueFor(7, 1000)).toBe('small');
  });

  test('what the main queue dropped is not remembered', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    policy.dropped(7, 1000, 'main');
    expect(policy.queueFor(7, 1000)).toBe('small');
  });

  test('the small queue gives way above its part of the room, else the main one; an empty one never', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    expect(policy.victim({ small: 9 * MiB, main: 80 * MiB })).toBe('small');
    expect(policy.victim({ small: 7 * MiB, main: 80 * MiB })).toBe('main');
    expect(policy.victim({ small: 7 * MiB, main: 0 })).toBe('small');
    expect(policy.victim({ small: 0, main: 80 * MiB })).toBe('main');
  });

  test('an entry is kept for what it was used in its queue, and has to be used again in the main one', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    const fates = (queue: 'small' | 'main') => [0, 1, 2, 3].map((frequency) => policy.fate(queue, frequency));
    expect(fates('small')).toEqual(['drop', 'drop', 'keep', 'keep']);
    expect(fates('main')).toEqual(['drop', 'keep', 'keep', 'keep']);
    expect([0, 1, 2, 3].map((frequency) => policy.frequencyAfter('small', frequency))).toEqual([0, 0, 0, 0]);
    expect([0, 1, 2, 3].map((frequency) => policy.frequencyAfter('main', frequency))).toEqual([0, 0, 1, 2]);
  });
});

describe('what is written again', () => {
  test('a segment moves when nearly all of it is kept', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    expect(policy.segmentFate({ kept: 90, all: 100 })).toBe('move');
    expect(policy.segmentFate({ kept: 89, all: 100 })).toBe('rewrite');
  });

  test('no entry can go round without end: each time costs frequency', () => {
    const policy = new DiskPolicy({ maxBytes: 100 * MiB });
    let turns = 0;
    for (let frequency = MAX_DISK_FREQUENCY; policy.fate('main', frequency) === 'keep'; turns++) {
      frequency = policy.frequencyAfter('main', frequency);
    }
    expect(turns).toBe(MAX_DISK_FREQUENCY);
  });

  test('the credit is a part of what is admitted, beside the first few segments', () => {
    const maxBytes = 64 * MiB;
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: MiB })), fc.integer({ min: 1, max: MiB }), (admitted, bytes) => {
        const policy = new DiskPolicy({ maxBytes });
        const rewrittenBytes = (): number => {
          let sum = 0;
          while (policy.mayRewrite(bytes)) sum += bytes;
          return sum;
        };
        let rewritten = rewrittenBytes();
        for (const [at, entryBytes] of admitted.entries()) {
          policy.queueFor(at, entryBytes);
          rewritten += rewrittenBytes();
        }
        const sum = admitted.reduce((all, entryBytes) => all + entryBytes, 0);
        // The last one may overdraw it.
        expect(rewritten).toBeLessThan(4 * segmentBytes(maxBytes) + 0.4 * sum + bytes + 1);
      }),
    );
  });

  test('what is not used is not saved up: a long time of admitting allows one burst of four segments', () => {
    const maxBytes = 64 * MiB;
    const policy = new DiskPolicy({ maxBytes });
    for (let at = 0; at < 1000; at++) policy.queueFor(at, MiB);
    let segmentsRewritten = 0;
    while (policy.mayRewrite(segmentBytes(maxBytes))) segmentsRewritten++;
    expect(segmentsRewritten).toBe(4);
  });
});

describe('the ghost', () => {
  test('remembers an entry until so many bytes have gone after it', () => {
    const ghost = new Ghost(1_000_000);
    ghost.remember(hashOf(0), 1000);
    for (let number = 1; number < 900; number++) ghost.remember(hashOf(number), 1000);
    expect(ghost.recall(hashOf(0))).toBe(true);
    ghost.remember(hashOf(0), 1000);
    for (let number = 1000; number < 2100; number++) ghost.remember(hashOf(number), 1000);
    expect(ghost.recall(hashOf(0))).toBe(false);
  });

  test('grows to what its bytes ask for, and loses next to nothing', () => {
    const ghost = new Ghost(100_000_000);
    const first = ghost.memoryBytes;
    for (let number = 0; number < 100_000; number++) ghost.remember(hashOf(number), 1000);
    const remembered = Array.from({ length: 100_000 }, (_, number) => ghost.recall(hashOf(number))).filter(Boolean);
    expect(remembered.length).toBeGreaterThan(80_000);
    expect(ghost.memoryBytes).toBeGreaterThan(first);
    expect(ghost.memoryBytes).toBeLessThan(100_000 * 16);
  });

  test('knows none that it was not told, and forgets all in time', () => {
    const ghost = new Ghost(1_000_000);
    for (let number = 0; number < 50_000; number++) ghost.remember(hashOf(number), 1000);
    const known = Array.from({ length: 50_000 }, (_, number) => ghost.recall(hashOf(number)));
    expect(known.slice(0, 48_000)).not.toContain(true);
    expect(known.slice(49_200)).not.toContain(false);
    expect(ghost.recall(hashOf(60_000))).toBe(false);
  });

  test('is bounded, whatever the room', () => {
    const ghost = new Ghost(2 ** 50);
    for (let number = 0; number < 2000; number++) ghost.remember(hashOf(number), 1);
    expect(ghost.memoryBytes).toBeLessThan(101 * MiB);
  });
});

describe('over segments', () => {
  const requests = fc.record({
    seed: fc.integer(),
    skew: fc.double({ min: 1, max: 4, noNaN: true }),
    maxBytes: fc.integer({ min: 2_000, max: 200_000 }),
  });

  function setupOf({ seed, skew, maxBytes }: { seed: number; skew: number; maxBytes: number }): ReplaySetup {
    let state = seed >>> 0;
    const random = () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return state / 2 ** 32;
    };
    const objects = 2000;
    const ids = Int32Array.from({ length: 8000 }, () => Math.floor(objects * random() ** skew));
    const sizes = Float64Array.from({ length: objects }, () => 1 + Math.floor(2000 * random() ** 3));
    return { ids, sizes, maxBytes, sized: true };
  }

  test('no more is written than 1.4 times what is admitted, and some segments', () => {
    fc.assert(
      fc.property(requests, (request) => {
        const setup = setupOf(request);
        const disk = segments(setup);
        replay(disk, setup);
        const burst = 4 * segmentBytes(setup.maxBytes, 1) + 2001;
        expect(disk.written.all).toBeLessThanOrEqual(1.4 * disk.written.admitted + burst);
      }),
      { numRuns: 30 },
    );
  });

  test('as many bytes are hit as with S3-FIFO over single objects, within two points', () => {
    const setup = setupOf({ seed: 11, skew: 3, maxBytes: 100_000 });
    const own = replay(segments(setup), setup);
    const other = replay(s3Fifo(setup), setup);
    expect(other.bytes).toBeGreaterThan(0.3);
    expect(own.bytes).toBeGreaterThan(other.bytes - 0.02);
  });

  test('a flood of what is asked for once leaves the main queue alone', () => {
    // 40 of 1,000 bytes each, asked for again and again, with nine others that never come back after each.
    const often = 40;
    const rounds = 60;
    const ids: number[] = [];
    for (let at = 0, fresh = often; at < often * rounds; at++) {
      ids.push(at % often);
      for (let once = 0; once < 9; once++) ids.push(fresh++);
    }
    const sizes = new Float64Array(often + 9 * often * rounds).fill(1000);
    const disk = segments({ ids: Int32Array.from(ids), sizes, maxBytes: 100_000, sized: true });
    let hits = 0;
    for (const [at, id] of ids.entries()) if (disk.access(id) && at >= ids.length / 2) hits++;
    expect(hits).toBe((often * rounds) / 2);
    expect([...disk.proved()].filter((id) => id >= often)).toEqual([]);
  });
});
