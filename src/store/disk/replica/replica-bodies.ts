// The large bodies for a process that shares the disk tier. It reads them from their files, and the owner writes them: only
// the owner knows the free room, and which bodies belong to nobody after a process has died in the middle of one.
//
// A reader behind a writer reads through the owner, even after the writer has finished. So an unwanted body is discarded
// after that too, or the owner would keep it open.

import type { LargeBody } from '../../../entry/stored-response.ts';
import { TidegateError } from '../../../errors.ts';
import type { BodySource, BodyStore, BodyWriter } from '../../../ports.ts';
import { bodyName, isBodyId } from '../bodies/body-blocks.ts';
import { type ByteRange, LargeBodySource } from '../bodies/body-source.ts';
import type { DiskFile, DiskFolder } from '../contract.ts';
import type { ReplicaLink } from './replica-messages.ts';

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
    return new LargeBodySource({ body, range, file: this.#open(body.id, spoiled), spoiled });
  }

  #open(id: string, spoiled: () => void): DiskFile | undefined {
    if (!isBodyId(id)) return undefined;
    try {
      return this.#folder.open(bodyName(id), { create: false });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') spoiled();
      // Nothing is wrong with the body.
      else this.#fault(error);
      return undefined;
    }
  }
}
