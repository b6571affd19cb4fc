// A folder of the disk tier in memory, and what can befall a disk: it runs full, it fails, it flips bits, it loses at a
// power cut what was not synced. All of it is told by the test or the simulation; without, it keeps everything.

import type { DiskFile, DiskFolder } from '../../src/store/disk/contract.ts';

/** A write that would not survive a power cut yet. */
interface Write {
  readonly at: number;
  readonly bytes: Buffer;
}

interface Content {
  visible: Buffer;
  size: number;
  /** As it would be after a power cut that loses all of `unsynced`. */
  durable: Buffer;
  unsynced: Write[];
  /** The name would survive. */
  named: boolean;
}

export class DiskError extends Error {
  readonly code: string;

  constructor(code: string) {
    super(`${code}: simulated`);
    this.code = code;
  }
}

export interface CrashOptions {
  /** In [0, 1): decides what becomes of each write that was not synced. */
  readonly random: () => number;
}

export class MemoryFolder implements DiskFolder {
  readonly #files = new Map<string, Content>();
  /** Files opened before the latest crash or end are closed: what still uses them belongs to a process that is gone. */
  #life = 0;
  /** Room; writes beyond it fail with ENOSPC. */
  capacityBytes = Number.POSITIVE_INFINITY;
  /** What every write fails with. */
  failing: 'EIO' | 'ENOSPC' | undefined;
  /** What every read fails with. */
  failingReads: 'EIO' | undefined;
  /** True: writes that take their time wait for `release`. */
  held = false;
  /** True: reads that take their time do so as well. */
  heldReads = false;
  #waiting: (() => void)[] = [];
  /** Calls that reached the disk. */
  reads = 0;
  writes = 0;

  open(name: string, { create }: { readonly create: boolean }): DiskFile {
    let content = this.#files.get(name);
    if (content === undefined) {
      if (!create) throw new DiskError('ENOENT');
      content = { visible: Buffer.alloc(0), size: 0, durable: Buffer.alloc(0), unsynced: [], named: false };
      this.#files.set(name, content);
    }
    return new MemoryFile(this, content, this.#life);
  }

  async remove(name: string): Promise<void> {
    this.#files.delete(name);
  }

  list(folder: string): string[] {
    const inside = [...this.#files.keys()].filter((name) => name.startsWith(`${folder}/`));
    return inside.map((name) => name.slice(folder.length + 1)).filter((name) => !name.includes('/'));
  }

  /** The folder as one process sees it: after `kill` or `cutPower` it does nothing any more. */
  attach(): DiskFolder {
    const life = this.#life;
    return {
      open: (name, options) => {
        if (life !== this.#life) throw new DiskError('EBADF');
        return this.open(name, options);
      },
      remove: async (name) => {
        if (life === this.#life) await this.remove(name);
      },
      list: (folder) => this.list(folder),
    };
  }

  /** Names of all files. */
  names(): string[] {
    return [...this.#files.keys()];
  }

  /** Bytes of all files. */
  bytes(): number {
    let bytes = 0;
    for (const { size } of this.#files.values()) bytes += size;
    return bytes;
  }

  /** The process ends without a word: what it wrote is there, what it had open is not. */
  kill(): void {
    this.#life++;
    this.release();
  }

  /** The power is cut: of each write that was not synced all, a part or nothing survives, in no order. */
  cutPower({ random }: CrashOptions): void {
    for (const [name, content] of [...this.#files]) {
      if (!content.named && random() < 0.3) {
        this.#files.delete(name);
        continue;
      }
      let survived = content.durable;
      for (const { at, bytes } of content.unsynced) {
        const fate = random();
        const part = fate < 0.4 ? bytes.length : fate < 0.7 ? 0 : Math.floor(random() * bytes.length);
        survived = written(survived, bytes.subarray(0, part), at);
      }
      content.visible = survived;
      content.size = survived.length;
      content.durable = Buffer.from(survived);
      content.unsynced = [];
      content.named = true;
    }
    this.kill();
  }

  /** Lets all go on that was held. */
  release(): void {
    this.held = false;
    this.heldReads = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  flip(name: string, at: number, bit: number): void {
    const { visible, durable, size } = this.#content(name);
    if (at >= size) return;
    visible[at]! ^= 1 << bit;
    if (durable !== visible && at < durable.length) durable[at] = visible[at]!;
  }

  cutTo(name: string, bytes: number): void {
    const content = this.#content(name);
    content.size = Math.min(content.size, bytes);
    content.visible = content.visible.subarray(0, content.size);
    content.durable = Buffer.from(content.visible);
    content.unsynced = [];
  }

  size(name: string): number {
    return this.#content(name).size;
  }

  /** For files. */
  get life(): number {
    return this.#life;
  }

  /** For files: resolves at once, or when what is held is released. */
  turn(isHeld: boolean): Promise<void> {
    return isHeld ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve();
  }

  /** For files. */
  write(content: Content, bytes: Uint8Array, at: number): void {
    this.writes++;
    if (this.failing !== undefined) throw new DiskError(this.failing);
    const growth = Math.max(0, at + bytes.length - content.size);
    const room = this.capacityBytes - this.bytes();
    // A full disk takes what it can before it says so.
    const part = growth > room ? Math.max(0, bytes.length - (growth - room)) : bytes.length;
    const copy = Buffer.from(bytes.subarray(0, part));
    if (copy.length > 0) {
      content.visible = grown(content.visible, at + copy.length);
      copy.copy(content.visible, at);
      content.size = Math.max(content.size, at + copy.length);
      content.unsynced.push({ at, bytes: copy });
    }
    if (part < bytes.length) throw new DiskError('ENOSPC');
  }

  #content(name: string): Content {
    const content = this.#files.get(name);
    if (content === undefined) throw new DiskError('ENOENT');
    return content;
  }
}

class MemoryFile implements DiskFile {
  readonly #folder: MemoryFolder;
  readonly #content: Content;
  readonly #life: number;
  #closed = false;

  constructor(folder: MemoryFolder, content: Content, life: number) {
    this.#folder = folder;
    this.#content = content;
    this.#life = life;
  }

  async read(into: Uint8Array, at: number): Promise<number> {
    this.#demandOpen();
    await this.#folder.turn(this.#folder.heldReads);
    return this.#read(into, at);
  }

  readNow(into: Uint8Array, at: number): number {
    this.#demandOpen();
    return this.#read(into, at);
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    this.#demandOpen();
    await this.#folder.turn(this.#folder.held);
    if (this.#life !== this.#folder.life) throw new DiskError('EBADF');
    this.#folder.write(this.#content, bytes, at);
  }

  writeNow(bytes: Uint8Array, at: number): void {
    this.#demandOpen();
    this.#folder.write(this.#content, bytes, at);
  }

  async sync(): Promise<void> {
    this.#demandOpen();
    const content = this.#content;
    content.durable = Buffer.from(content.visible.subarray(0, content.size));
    content.unsynced = [];
    content.named = true;
  }

  truncate(bytes: number): void {
    this.#demandOpen();
    const content = this.#content;
    content.size = Math.min(content.size, bytes);
    content.visible = Buffer.from(content.visible.subarray(0, content.size));
  }

  size(): number {
    this.#demandOpen();
    return this.#content.size;
  }

  close(): void {
    this.#closed = true;
  }

  #read(into: Uint8Array, at: number): number {
    this.#folder.reads++;
    if (this.#folder.failingReads !== undefined) throw new DiskError(this.#folder.failingReads);
    const { visible, size } = this.#content;
    const part = visible.subarray(Math.min(at, size), Math.min(at + into.length, size));
    into.set(part);
    return part.length;
  }

  #demandOpen(): void {
    if (this.#closed || this.#life !== this.#folder.life) throw new DiskError('EBADF');
  }
}

/** `bytes` over `content` at `at`; what is between is zeros. */
function written(content: Buffer, bytes: Uint8Array, at: number): Buffer {
  if (bytes.length === 0) return content;
  const whole = Buffer.alloc(Math.max(content.length, at + bytes.length));
  content.copy(whole);
  whole.set(bytes, at);
  return whole;
}

/** With room for so many bytes. */
function grown(content: Buffer, bytes: number): Buffer {
  if (content.length >= bytes) return content;
  const larger = Buffer.alloc(Math.max(bytes, 2 * content.length));
  content.copy(larger);
  return larger;
}
