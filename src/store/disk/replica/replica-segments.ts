// The segment files in a process that does not own them. It opens a file at the first read, and closes it when the index
// leads to nothing in it any more, since an open file keeps its room on the disk after its removal.
//
// A file that cannot be opened or read counts as missing, and the caller then asks the owner. So a process without
// descriptors goes on, only slower.

import type { DiskFile, DiskFolder, Place } from '../contract.ts';
import { segmentName } from '../segments/segments.ts';

export class ReplicaSegments {
  readonly #folder: DiskFolder;
  readonly #fault: (error: unknown) => void;
  readonly #files = new Map<number, DiskFile>();
  /** Number of the index's entries in each segment. */
  readonly #entries = new Map<number, number>();

  constructor(folder: DiskFolder, fault: (error: unknown) => void) {
    this.#folder = folder;
    this.#fault = fault;
  }

  occupy(segment: number): void {
    this.#entries.set(segment, (this.#entries.get(segment) ?? 0) + 1);
  }

  vacate(segment: number): void {
    const left = (this.#entries.get(segment) ?? 1) - 1;
    if (left > 0) {
      this.#entries.set(segment, left);
      return;
    }
    this.#entries.delete(segment);
    const file = this.#files.get(segment);
    this.#files.delete(segment);
    if (file !== undefined) this.#close(file);
  }

  clear(): void {
    const files = [...this.#files.values()];
    this.#files.clear();
    this.#entries.clear();
    for (const file of files) this.#close(file);
  }

  /** Fills `into` from the place. Returns false when the file does not reach that far. */
  readNow({ segment, offset }: Place, into: Uint8Array): boolean {
    const file = this.#open(segment);
    if (file === undefined) return false;
    try {
      let done = 0;
      while (done < into.length) {
        const read = file.readNow(into.subarray(done), offset + done);
        if (read === 0) return false;
        done += read;
      }
      return true;
    } catch (error) {
      this.#fault(error);
      return false;
    }
  }

  /** Does as `readNow`, without blocking. */
  async read({ segment, offset }: Place, into: Uint8Array): Promise<boolean> {
    const file = this.#open(segment);
    if (file === undefined) return false;
    try {
      let done = 0;
      while (done < into.length) {
        const read = await file.read(into.subarray(done), offset + done);
        if (read === 0) return false;
        done += read;
      }
      return true;
    } catch {
      // The file was closed meanwhile, or the disk failed: the caller asks the owner, who reports a failure.
      return false;
    }
  }

  #open(segment: number): DiskFile | undefined {
    const open = this.#files.get(segment);
    if (open !== undefined) return open;
    try {
      const file = this.#folder.open(segmentName(segment), { create: false });
      this.#files.set(segment, file);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fault(error);
      return undefined;
    }
  }

  #close(file: DiskFile): void {
    try {
      file.close();
    } catch (error) {
      this.#fault(error);
    }
  }
}
