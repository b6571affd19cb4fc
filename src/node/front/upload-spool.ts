// Files for the content of requests that is too long for memory. A file has no name from the beginning: it is gone with its
// process, whatever happens.

import { type FileHandle, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { TidegateError } from '../../errors.ts';

const READ_BYTES = 64 * 1024;

interface SpoolOptions {
  readonly folder: string;
  /** Of all files together. */
  readonly maxBytes: number;
  /** A file could not be written; what it was for goes on without it. */
  readonly fault: (error: unknown) => void;
}

export class UploadSpool {
  readonly #options: SpoolOptions;
  #files = 0;
  bytes = 0;

  constructor(options: SpoolOptions) {
    this.#options = options;
  }

  create(): SpoolFile {
    return new SpoolFile(this);
  }

  /** Whether there is room for so many bytes more, which then count. */
  reserve(bytes: number): boolean {
    if (this.bytes + bytes > this.#options.maxBytes) return false;
    this.bytes += bytes;
    return true;
  }

  failed(error: unknown): void {
    this.#options.fault(error);
  }

  async open(): Promise<FileHandle> {
    const { folder } = this.#options;
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const path = join(folder, `${process.pid}-${this.#files++}`);
    // A process of the same number may have ended between the two steps.
    await unlink(path).catch(() => {});
    const handle = await open(path, 'wx+', 0o600);
    try {
      await unlink(path);
      return handle;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }
}

export class SpoolFile {
  readonly #spool: UploadSpool;
  #handle: Promise<FileHandle> | undefined;
  #reserved = 0;
  #written = 0;
  #over = false;

  constructor(spool: UploadSpool) {
    this.#spool = spool;
  }

  /** Whether the bytes are written. */
  async append(bytes: Uint8Array): Promise<boolean> {
    if (this.#over || !this.#spool.reserve(bytes.length)) return false;
    this.#reserved += bytes.length;
    try {
      this.#handle ??= this.#spool.open();
      const handle = await this.#handle;
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, this.#written + at);
        at += bytesWritten;
      }
      this.#written += bytes.length;
      return true;
    } catch (error) {
      if (!this.#over) this.#spool.failed(error);
      return false;
    }
  }

  async *read(): AsyncGenerator<Uint8Array, undefined> {
    if (this.#handle === undefined || this.#written === 0) return;
    const handle = await this.#handle;
    for (let at = 0; at < this.#written; ) {
      const wanted = Math.min(READ_BYTES, this.#written - at);
      const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
      if (bytesRead === 0)
        throw new TidegateError('E_ABANDONED', 'expected the content of the request on the disk, got a shorter file');
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }

  /** Gives the room back; harmless when that is done already. */
  discard(): void {
    if (this.#over) return;
    this.#over = true;
    this.#spool.bytes -= this.#reserved;
    this.#handle?.then((handle) => handle.close()).catch(() => {});
  }
}
