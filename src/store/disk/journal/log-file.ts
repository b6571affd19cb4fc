// One file of the log of invalidations, written from its beginning to its end.
//
// Room is taken ahead, as zeros, so that a full disk shows when there is still something left to
// write in, and so that a sync has only bytes to bring to the disk and no new length.

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

  /** Writes over the file that has the name. `parts`: the header and the records that there are already. */
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
