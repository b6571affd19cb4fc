// The large bodies for a process that shares the disk tier: read from their files here, written by the owner, who alone
// knows what there is room for and what belongs to nobody when a process has died in the middle of one.

import type { LargeBody } from '../../entry/stored-response.ts';
import type { BodySource, BodyStore, BodyWriter } from '../../ports.ts';
import { bodyName, isBodyId } from './body-blocks.ts';
import { type ByteRange, LargeBodySource } from './body-source.ts';
import type { DiskFile, DiskFolder } from './contract.ts';
import type { ReplicaLink } from './replica-link.ts';

export class ReplicaBodies implements BodyStore {
  readonly #folder: DiskFolder;
  readonly #link: ReplicaLink;

  constructor(folder: DiskFolder, link: ReplicaLink) {
    this.#folder = folder;
    this.#link = link;
  }

  create(): BodyWriter {
    const link = this.#link;
    const writer = link.nextId();
    let bytes = 0;
    let over = false;
    return {
      append: async (chunk) => {
        bytes += chunk.length;
        await link.ask({ kind: 'append', writer, chunk });
      },
      read: ({ start, end }) => link.ask<Uint8Array>({ kind: 'read', writer, start, end }),
      finish: () => {
        over = true;
        return link.ask<LargeBody>({ kind: 'finish', writer });
      },
      discard: () => {
        if (!over && bytes > 0) link.send({ kind: 'discard', writer });
        over = true;
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
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      spoiled();
      return undefined;
    }
  }
}
