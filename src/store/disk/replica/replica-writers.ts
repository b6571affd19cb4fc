// The large bodies that the owner writes for one process that shares the disk, by the numbers that this process gave them.
//
// Clients also read behind a writer that has finished. So a writer is kept until it is discarded, or has finished and nobody
// has read from it for a while.

import { TidegateError } from '../../../errors.ts';
import type { BodyStore, BodyWriter, Tasks } from '../../../ports.ts';
import type { AskedOfDisk, Result } from './replica-messages.ts';

type AskedOfBody = Extract<AskedOfDisk, { readonly writer: number }>;

interface Kept {
  readonly writer: BodyWriter;
  isRead: boolean;
}

/** Time to keep a finished writer after the last read: longer than any client may pause. */
const IDLE_MS = 120_000;

export class ReplicaWriters {
  readonly #tasks: Tasks;
  readonly #kept = new Map<number, Kept>();

  constructor(tasks: Tasks) {
    this.#tasks = tasks;
  }

  async done(bodies: BodyStore, asked: AskedOfBody): Promise<Result> {
    const kept = asked.kind === 'read' ? this.#known(asked.writer) : this.#begun(bodies, asked.writer);
    switch (asked.kind) {
      case 'append':
        await kept.writer.append(asked.chunk);
        return undefined;
      case 'read':
        kept.isRead = true;
        return kept.writer.read({ start: asked.start, end: asked.end });
      case 'finish': {
        const body = await kept.writer.finish();
        this.#forgetWhenIdle(asked.writer, kept);
        return body;
      }
    }
  }

  discard(number: number): void {
    this.#kept.get(number)?.writer.discard();
    this.#kept.delete(number);
  }

  discardAll(): void {
    for (const { writer } of this.#kept.values()) writer.discard();
    this.#kept.clear();
  }

  #known(number: number): Kept {
    const kept = this.#kept.get(number);
    if (kept === undefined) throw new TidegateError('E_DISK', `expected a body that is written, got none of ${number}`);
    return kept;
  }

  #begun(bodies: BodyStore, number: number): Kept {
    const known = this.#kept.get(number);
    if (known !== undefined) return known;
    const kept = { writer: bodies.create(), isRead: false };
    this.#kept.set(number, kept);
    return kept;
  }

  #forgetWhenIdle(number: number, kept: Kept): void {
    kept.isRead = false;
    this.#tasks.later(IDLE_MS, () => {
      if (this.#kept.get(number) !== kept) return;
      if (kept.isRead) this.#forgetWhenIdle(number, kept);
      else this.#kept.delete(number);
    });
  }
}
