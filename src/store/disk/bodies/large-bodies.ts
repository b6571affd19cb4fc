// The large bodies: each is a file of its own, and lives as long as an entry names it.
//
// A body belongs to the latest entry that names it; a freshened entry takes it over. It counts in the segment of that
// entry's record, and leaves with that segment. A reader that has just received the entry must still be able to open the
// body, so a body without an entry is removed some time later.
//
// A reader gets a range of a body, one block after the other, each verified before a byte of it is given. Only a few are read
// ahead, so a reader that stops reading stops the disk.

import type { LargeBody } from '../../../entry/stored-response.ts';
import type { BodySource, BodyStore, BodyWriter, Cancel } from '../../../ports.ts';
import { type Fields, NO_FIELDS } from '../../../semantics/fields.ts';
import type { DiskFile, DiskFolder, DiskPlatform } from '../contract.ts';
import type { DiskRoom } from '../segments/disk-room.ts';
import type { Segments } from '../segments/segments.ts';
import {
  BLOCK_CONTENT_BYTES,
  BODY_FOLDER,
  type ByteRange,
  bodyName,
  isBodyId,
  LargeBodyWriter,
  partOf,
  readBlock,
} from './body-file.ts';

/** Time for which a body without an entry can still be opened. */
const REMOVAL_DELAY_MS = 10_000;
/** An entry must name a finished body within this time. */
const UNNAMED_MS = 60_000;

/** The entry to which a body belongs. */
export interface BodyOwner {
  readonly key: string;
  readonly generation: number;
  readonly segment: number;
}

interface Body {
  readonly id: string;
  bytes: number;
  isWriting: boolean;
  owner: BodyOwner | undefined;
}

interface BodyParts {
  readonly segments: Segments;
  readonly room: DiskRoom;
  /** Called when a body differs from the written one. */
  readonly spoiled: (owner: BodyOwner, error: unknown) => void;
}

export class LargeBodies implements BodyStore {
  readonly #platform: DiskPlatform;
  readonly #parts: BodyParts;
  readonly #bodies = new Map<string, Body>();
  readonly #byGeneration = new Map<number, Body>();
  readonly #leaving = new Map<string, Cancel>();

  constructor(platform: DiskPlatform, parts: BodyParts) {
    this.#platform = platform;
    this.#parts = parts;
  }

  get count(): number {
    return this.#byGeneration.size;
  }

  create(): BodyWriter {
    const { folder, tasks, random } = this.#platform;
    const half = () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, '0');
    const body: Body = { id: half() + half(), bytes: 0, isWriting: true, owner: undefined };
    this.#bodies.set(body.id, body);
    const ended = (how: 'finished' | 'failed' | 'discarded') => {
      body.isWriting = false;
      if (how === 'finished') tasks.later(UNNAMED_MS, () => this.#releaseUnnamed(body));
      else if (how === 'failed') this.#release(body);
      else this.#releaseUnnamed(body);
    };
    const open = (create: boolean) => folder.open(bodyName(body.id), { create });
    return new LargeBodyWriter({ body, room: this.#parts.room, tasks, open, ended });
  }

  read(body: LargeBody, range: ByteRange): BodySource {
    const { folder, fault } = this.#platform;
    const spoiled = (error: unknown) => {
      const owner = this.#bodies.get(body.id)?.owner;
      if (owner !== undefined) this.#parts.spoiled(owner, error);
    };
    return new LargeBodySource({ body, range, folder, spoiled, fault });
  }

  /** Whether an entry may name the body. */
  has(id: string): boolean {
    return this.#leaving.has(id) || this.#bodies.get(id)?.isWriting === false;
  }

  own(large: LargeBody, owner: BodyOwner): void {
    this.#leaving.get(large.id)?.();
    this.#leaving.delete(large.id);
    const known = this.#bodies.get(large.id);
    const body: Body = known ?? { id: large.id, bytes: large.bytes, isWriting: false, owner: undefined };
    this.#bodies.set(large.id, body);
    if (known === undefined) this.#parts.room.unnamedBytes += body.bytes;
    this.#unname(body);
    body.owner = owner;
    this.#byGeneration.set(owner.generation, body);
    this.#parts.room.unnamedBytes -= body.bytes;
    this.#parts.segments.weigh(owner.segment, body.bytes);
  }

  /** Length of the entry's body; 0 when it has none. */
  bytesOf(generation: number): number {
    return this.#byGeneration.get(generation)?.bytes ?? 0;
  }

  /** The entry has gone; its body goes too, unless it belongs to another entry by now. */
  disown(generation: number): void {
    const body = this.#byGeneration.get(generation);
    if (body !== undefined) this.#release(body);
  }

  disownSegment(segment: number): void {
    for (const body of this.#byGeneration.values()) if (body.owner?.segment === segment) this.#release(body);
  }

  /** Removes all bodies except those being written. */
  clear(): void {
    for (const body of this.#bodies.values()) if (!body.isWriting) this.#release(body);
  }

  /** Files that belong to no entry. */
  orphans(): string[] {
    const folders = Array.from({ length: 256 }, (_, at) => `${BODY_FOLDER}/${at.toString(16).padStart(2, '0')}`);
    return folders.flatMap((folder) => {
      const ids = this.#platform.folder.list(folder).filter((id) => !this.#bodies.has(id) && !this.#leaving.has(id));
      return ids.map((id) => `${folder}/${id}`);
    });
  }

  async removeOrphans(): Promise<void> {
    for (const name of this.orphans()) await this.#platform.folder.remove(name);
  }

  /** Removes at once the bodies that wait for removal. */
  async close(): Promise<void> {
    for (const [id, cancel] of [...this.#leaving]) {
      cancel();
      await this.#remove(id);
    }
  }

  #releaseUnnamed(body: Body): void {
    if (body.owner === undefined) this.#release(body);
  }

  #unname(body: Body): void {
    const { owner } = body;
    if (owner === undefined) return;
    this.#byGeneration.delete(owner.generation);
    this.#parts.segments.weigh(owner.segment, -body.bytes);
    this.#parts.room.unnamedBytes += body.bytes;
    body.owner = undefined;
  }

  #release(body: Body): void {
    if (this.#bodies.get(body.id) !== body) return;
    this.#unname(body);
    this.#parts.room.unnamedBytes -= body.bytes;
    this.#bodies.delete(body.id);
    const cancel = this.#platform.tasks.later(REMOVAL_DELAY_MS, () => {
      this.#remove(body.id).catch(this.#platform.fault);
    });
    this.#leaving.set(body.id, cancel);
  }

  async #remove(id: string): Promise<void> {
    this.#leaving.delete(id);
    await this.#platform.folder.remove(bodyName(id));
  }
}

/** Blocks read before the reader asks for them. */
const AHEAD = 2;

interface SourceParts {
  readonly body: LargeBody;
  readonly range: ByteRange;
  readonly folder: DiskFolder;
  /** Called when the body differs from the written one, or cannot be read. */
  readonly spoiled: (error: unknown) => void;
  /** Called when the file cannot be opened now, e.g. for want of descriptors; that says nothing about the body. */
  readonly fault: (error: unknown) => void;
}

export class LargeBodySource implements BodySource {
  readonly #parts: SourceParts;
  /** Undefined when it cannot be opened. */
  readonly #file: DiskFile | undefined;
  readonly #ready: Uint8Array[] = [];
  #next: number;
  readonly #last: number;
  #state: 'open' | 'failed' | 'cancelled' = 'open';
  #isReading = false;
  #wake: (() => void) | undefined;

  constructor(parts: SourceParts) {
    this.#parts = parts;
    const { body, folder, range } = parts;
    try {
      if (isBodyId(body.id)) this.#file = folder.open(bodyName(body.id), { create: false });
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (isMissing) parts.spoiled(new Error('expected a file, got none', { cause: error }));
      else parts.fault(error);
    }
    const { start, end } = range;
    this.#next = Math.floor(start / BLOCK_CONTENT_BYTES);
    this.#last = end > start ? Math.floor((end - 1) / BLOCK_CONTENT_BYTES) : this.#next - 1;
    if (this.#file === undefined || end > body.bytes) this.#state = 'failed';
    this.#readAhead();
  }

  read(): Uint8Array | 'pending' | 'end' | 'failed' {
    const chunk = this.#ready.shift();
    if (chunk !== undefined) {
      this.#readAhead();
      return chunk;
    }
    if (this.#state !== 'open') return 'failed';
    return this.#next > this.#last && !this.#isReading ? 'end' : 'pending';
  }

  whenReadable(ready: () => void): void {
    const isPending =
      this.#ready.length === 0 && this.#state === 'open' && (this.#isReading || this.#next <= this.#last);
    if (isPending) this.#wake = ready;
    else ready();
  }

  cancel(): void {
    this.#state = 'cancelled';
    this.#ready.length = 0;
    this.#wake = undefined;
    this.#close();
  }

  trailers(): Fields {
    return NO_FIELDS;
  }

  #readAhead(): void {
    if (this.#isReading) return;
    if (this.#state !== 'open' || this.#next > this.#last) return this.#close();
    if (this.#ready.length >= AHEAD) return;
    this.#isReading = true;
    const block = this.#next++;
    readBlock(this.#file as DiskFile, this.#parts.body, block)
      .then(
        (content) => {
          if (this.#state === 'open') this.#ready.push(partOf(content, block, this.#parts.range));
        },
        (error: unknown) => {
          if (this.#state === 'open') this.#state = 'failed';
          return error;
        },
      )
      .then((failure) => {
        this.#isReading = false;
        this.#readAhead();
        if (failure !== undefined) this.#parts.spoiled(failure);
        const wake = this.#wake;
        this.#wake = undefined;
        wake?.();
      });
  }

  #close(): void {
    if (!this.#isReading) this.#file?.close();
  }
}
