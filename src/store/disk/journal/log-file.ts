// One file of the log of invalidations, written from its beginning to its end.
//
// It reserves room ahead, as zeros. So a full disk shows while there is still room to write in, and a sync has only bytes to
// bring to the disk and no new length.

import type { DiskFile, DiskFolder } from '../contract.ts';

const STEP = new Uint8Array(256 * 1024);

export class LogFile {
  readonly #file: DiskFile;
  #end = 0;
  #room: number;
  #records = 0;
  #closed = false;

  private constructor(file: DiskFile) {
    this.#file = file;
    this.#room = file.size();
  }

  /** Overwrites the file of that name. `parts`: the header and the existing records. */
  static begin(folder: DiskFolder, name: string, parts: readonly Uint8Array[]): LogFile {
    const log = new LogFile(folder.open(name, { create: true }));
    try {
      log.append(Buffer.concat(parts));
      log.#records = parts.length - 1;
      return log;
    } catch (error) {
      log.close();
      throw error;
    }
  }

  get records(): number {
    return this.#records;
  }

  get bytes(): number {
    return this.#end;
  }

  append(record: Uint8Array): void {
    while (this.#end + record.length > this.#room) {
      this.#file.writeNow(STEP, this.#room);
      this.#room += STEP.length;
    }
    this.#file.writeNow(record, this.#end);
    this.#end += record.length;
    this.#records++;
  }

  sync(): Promise<void> {
    return this.#file.sync();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file.close();
  }
}
