// The large bodies for a process that shares the disk tier. It reads them from their files, and the owner writes them: only
// the owner knows the free room, and which bodies belong to nobody after a process has died in the middle of one.
//
// A reader behind a writer reads through the owner, even after the writer has finished. So an unwanted body is discarded
// after that too, or the owner would keep it open.

import type { LargeBody } from '../../../entry/stored-response.ts';
import { TidegateError } from '../../../errors.ts';
import type { BodySource, BodyStore, BodyWriter, Tasks } from '../../../ports.ts';
import { type ByteRange, LargeBodySource } from '../bodies/body-file.ts';
import type { DiskFolder } from '../contract.ts';
import type { AskedOfDisk, ReplicaLink, Result } from './replica-messages.ts';

type Writing = { readonly kind: 'append'; readonly chunk: Uint8Array } | { readonly kind: 'finish' };

export class ReplicaBodies implements BodyStore {
  readonly #folder: DiskFolder;
  readonly #link: ReplicaLink;
  readonly #fault: (error: unknown) => void;

  constructor(folder: DiskFolder, { link, fault }: { link: ReplicaLink; fault: (error: unknown) => void }) {
    this.#folder = folder;
    this.#link = link;
    this.#fault = fault;
  }

  create(): BodyWriter {
    const link = this.#link;
    const writer = link.nextId();
    /** Whether the owner knows of the body. */
    let isTold = false;
    let isDiscarded = false;
    const write = async <T extends Uint8Array | LargeBody | undefined>(what: Writing): Promise<T> => {
      // The owner would begin another body with this number.
      if (isDiscarded) throw new TidegateError('E_DISK', 'expected a body that is wanted, got a discarded one');
      isTold = true;
      return link.ask<T>({ ...what, writer });
    };
    return {
      append: async (chunk) => {
        await write({ kind: 'append', chunk });
      },
      read: ({ start, end }) => link.ask<Uint8Array>({ kind: 'read', writer, start, end }),
      finish: () => write<LargeBody>({ kind: 'finish' }),
      discard: () => {
        if (isTold && !isDiscarded) link.send({ kind: 'discard', writer });
        isDiscarded = true;
      },
    };
  }

  read(body: LargeBody, range: ByteRange): BodySource {
    const spoiled = () => this.#link.send({ kind: 'spoiled', body, start: range.start });
    return new LargeBodySource({ body, range, folder: this.#folder, spoiled, fault: this.#fault });
  }
}

type AskedOfBody = Extract<AskedOfDisk, { readonly writer: number }>;

interface Kept {
  readonly writer: BodyWriter;
  isRead: boolean;
}

/** Time to keep a finished writer after the last read: longer than any client may pause. */
const IDLE_MS = 120_000;

/**
 * The large bodies that the owner writes for one process, by the numbers that this process gave them. Clients also read
 * behind a writer that has finished. So a writer is kept until it is discarded, or has finished and nobody has read from it
 * for a while.
 */
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
