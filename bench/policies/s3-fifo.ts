// S3-FIFO (Yang et al., SOSP 2023), bounded in bytes, object by object: a small queue with a tenth of the room, a main queue
// that gives what was used another turn, and a ghost of what left the small one, as large in bytes as the main queue.

import { IdList } from './lru.ts';
import type { ReplayPolicy, ReplaySetup } from './policy.ts';

const SMALL_PART = 0.1;
const MAX_FREQUENCY = 3;
/** Uses in the small queue after which an object moves to the main one. */
const PROMOTED_FROM = 2;

export function s3Fifo(setup: ReplaySetup): ReplayPolicy {
  return new S3Fifo(setup);
}

class S3Fifo implements ReplayPolicy {
  readonly #sizes: Float64Array;
  readonly #maxBytes: number;
  readonly #small: Queue;
  readonly #main: Queue;
  readonly #ghost: Queue;
  readonly #frequency: Uint8Array;

  constructor({ sizes, maxBytes }: ReplaySetup) {
    this.#sizes = sizes;
    this.#maxBytes = maxBytes;
    this.#small = new Queue(sizes);
    this.#main = new Queue(sizes);
    this.#ghost = new Queue(sizes);
    this.#frequency = new Uint8Array(sizes.length);
  }

  access(id: number): boolean {
    const frequency = this.#frequency;
    if (this.#small.has(id) || this.#main.has(id)) {
      frequency[id] = Math.min(frequency[id]! + 1, MAX_FREQUENCY);
      return true;
    }
    const bytes = this.#sizes[id]!;
    if (bytes > this.#maxBytes) return false;
    while (this.#small.bytes + this.#main.bytes + bytes > this.#maxBytes) {
      if (this.#main.bytes === 0 || this.#small.bytes > SMALL_PART * this.#maxBytes) this.#evictSmall();
      else this.#evictMain();
    }
    frequency[id] = 0;
    if (this.#ghost.has(id)) {
      this.#ghost.remove(id);
      this.#main.add(id);
    } else {
      this.#small.add(id);
    }
    return false;
  }

  #evictSmall(): void {
    const id = this.#small.takeOldest();
    if (this.#frequency[id]! >= PROMOTED_FROM) {
      this.#frequency[id] = 0;
      this.#main.add(id);
      return;
    }
    const ghostBytes = (1 - SMALL_PART) * this.#maxBytes - this.#sizes[id]!;
    while (this.#ghost.bytes > 0 && this.#ghost.bytes > ghostBytes) this.#ghost.takeOldest();
    this.#ghost.add(id);
  }

  #evictMain(): void {
    for (;;) {
      const id = this.#main.takeOldest();
      if (this.#frequency[id] === 0) return;
      this.#frequency[id]!--;
      this.#main.add(id);
    }
  }
}

/** First in, first out. */
class Queue {
  readonly #sizes: Float64Array;
  readonly #list: IdList;
  bytes = 0;

  constructor(sizes: Float64Array) {
    this.#sizes = sizes;
    this.#list = new IdList(sizes.length);
  }

  has(id: number): boolean {
    return this.#list.has(id);
  }

  add(id: number): void {
    this.#list.addFirst(id);
    this.bytes += this.#sizes[id]!;
  }

  remove(id: number): void {
    this.#list.remove(id);
    this.bytes -= this.#sizes[id]!;
  }

  takeOldest(): number {
    const id = this.#list.last;
    this.remove(id);
    return id;
  }
}
