// A body store in memory, whose writing can be held up and can fail.

import type { LargeBody } from '../../src/entry/stored-response.ts';
import type { BodySource, BodyStore, BodyWriter } from '../../src/ports.ts';

interface Range {
  readonly start: number;
  readonly end: number;
}

export class MemoryBodies implements BodyStore {
  readonly finished = new Map<string, Buffer>();
  readonly discarded: string[] = [];
  /** True: what is appended waits for `release`. */
  held = false;
  /** True: nothing can be written. */
  full = false;
  #waiting: (() => void)[] = [];
  #last = 0;

  release(): void {
    this.held = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) go();
  }

  create(): BodyWriter {
    const id = `body-${++this.#last}`;
    let bytes = Buffer.alloc(0);
    return {
      append: async (chunk) => {
        if (this.held) await new Promise<void>((resolve) => this.#waiting.push(resolve));
        if (this.full) throw new Error('no space left');
        bytes = Buffer.concat([bytes, chunk]);
      },
      read: async ({ start, end }) => bytes.subarray(start, end),
      finish: async () => {
        this.finished.set(id, bytes);
        return { id, bytes: bytes.length };
      },
      discard: () => void this.discarded.push(id),
    };
  }

  read(body: LargeBody, { start, end }: Range): BodySource {
    const bytes = this.finished.get(body.id)?.subarray(start, end);
    let at = 0;
    return {
      read: () => {
        if (bytes === undefined) return 'failed';
        if (at >= bytes.length) return 'end';
        const chunk = bytes.subarray(at, at + 1000);
        at += chunk.length;
        return chunk;
      },
      whenReadable: (ready) => ready(),
      cancel: () => {},
      trailers: () => [],
    };
  }
}
