// The disk tier's policy over append-only segments, as the disk store applies it, with object ids instead of records. It
// also counts what is written.

import type { DiskQueue } from '../../src/store/disk/contract.ts';
import { DiskPolicy, MAX_DISK_FREQUENCY, segmentBytes } from '../../src/store/disk/segments/disk-room.ts';
import { type DiskReplay, hashOf, NONE, type ReplaySetup } from './policy.ts';

interface Segment {
  readonly ids: number[];
  bytes: number;
}

/** Segments of one queue, the oldest first. One that has moved may come after the open one. */
interface Queue {
  readonly name: DiskQueue;
  readonly segments: Segment[];
  open: Segment | undefined;
  bytes: number;
}

/** A cache in a replay may be smaller than any real segment. */
const MIN_SEGMENT_BYTES = 1;

export function segments(setup: ReplaySetup): DiskReplay {
  return new SegmentedDisk(setup);
}

class SegmentedDisk implements DiskReplay {
  readonly #sizes: Float64Array;
  readonly #maxBytes: number;
  readonly #fullBytes: number;
  readonly #policy: DiskPolicy;
  readonly #small: Queue = { name: 'small', segments: [], open: undefined, bytes: 0 };
  readonly #main: Queue = { name: 'main', segments: [], open: undefined, bytes: 0 };
  /** NONE: not there. */
  readonly #frequency: Int8Array;
  readonly written = { all: 0, admitted: 0 };

  constructor({ sizes, maxBytes }: ReplaySetup) {
    this.#sizes = sizes;
    this.#maxBytes = maxBytes;
    this.#fullBytes = segmentBytes(maxBytes, MIN_SEGMENT_BYTES);
    this.#policy = new DiskPolicy({ maxBytes, segmentBytes: this.#fullBytes });
    this.#frequency = new Int8Array(sizes.length).fill(NONE);
  }

  access(id: number): boolean {
    const frequency = this.#frequency[id]!;
    if (frequency !== NONE) {
      this.#frequency[id] = Math.min(frequency + 1, MAX_DISK_FREQUENCY);
      return true;
    }
    const bytes = this.#sizes[id]!;
    if (bytes > this.#maxBytes) return false;
    const queue = this.#policy.queueFor(hashOf(id), bytes) === 'main' ? this.#main : this.#small;
    while (this.#small.bytes + this.#main.bytes + bytes > this.#maxBytes) this.#evict();
    this.#frequency[id] = 0;
    this.written.admitted += bytes;
    this.#append(queue, id);
    return false;
  }

  proved(): number[] {
    return this.#main.segments.flatMap(({ ids }) => ids);
  }

  #append(queue: Queue, id: number): void {
    const bytes = this.#sizes[id]!;
    let open = queue.open;
    if (open === undefined || open.bytes + bytes > this.#fullBytes) {
      open = { ids: [], bytes: 0 };
      queue.open = open;
      queue.segments.push(open);
    }
    open.ids.push(id);
    open.bytes += bytes;
    queue.bytes += bytes;
    this.written.all += bytes;
  }

  #evict(): void {
    const name = this.#policy.victim({ small: this.#small.bytes, main: this.#main.bytes });
    const queue = name === 'main' ? this.#main : this.#small;
    const segment = queue.segments.shift()!;
    queue.bytes -= segment.bytes;
    if (queue.open === segment) queue.open = undefined;
    const isKept = (id: number) => this.#policy.fate(name, this.#frequency[id]!) === 'keep';
    const kept = segment.ids.reduce((sum, id) => sum + (isKept(id) ? this.#sizes[id]! : 0), 0);
    if (this.#policy.segmentFate({ kept, all: segment.bytes }) === 'move') this.#move(segment, name);
    else for (const id of segment.ids) this.#settle(id, name, isKept(id));
  }

  #move(segment: Segment, from: DiskQueue): void {
    for (const id of segment.ids) this.#frequency[id] = this.#policy.frequencyAfter(from, this.#frequency[id]!);
    this.#main.segments.push(segment);
    this.#main.bytes += segment.bytes;
  }

  #settle(id: number, from: DiskQueue, kept: boolean): void {
    const bytes = this.#sizes[id]!;
    if (kept && this.#policy.mayRewrite(bytes)) {
      this.#frequency[id] = this.#policy.frequencyAfter(from, this.#frequency[id]!);
      this.#append(this.#main, id);
    } else {
      this.#frequency[id] = NONE;
      this.#policy.dropped(hashOf(id), bytes, from);
    }
  }
}
