// A folder of the disk tier on node:fs.
//
// fdatasync makes a file's bytes durable, and a sync of its folder makes its name durable. So the first sync of a file that
// was made here does both. The system may reuse a closed descriptor for another file, so a file is closed only when the last
// call that uses it has ended.

import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { TidegateError } from '../../errors.ts';
import type { DiskFile, DiskFolder } from './contract.ts';

const FOLDER_MODE = 0o700;

/** Makes the folder, readable by its owner alone, if it does not exist. */
export function openFolder(path: string): DiskFolder {
  try {
    makeFolders(path, FOLDER_MODE);
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
  } catch (cause) {
    const got = (cause as Error).message;
    throw new TidegateError('E_DISK', `expected disk.path to be a folder that can be written to, got ${path}: ${got}`, {
      cause,
    });
  }
  return {
    open: (name, { create }) => openFile(join(path, name), create),
    remove: (name) => fs.promises.rm(join(path, name), { force: true }),
    list: (folder) => filesIn(join(path, folder)),
  };
}

/**
 * Makes a folder and those above it. In some places `mkdirSync` with `recursive` never returns: where the system reports a
 * folder as missing although its parent exists, as everywhere in /proc. Here each folder is tried twice at most. `mode`: of
 * each new folder. Throws the system's error.
 */
export function makeFolders(path: string, mode: number): void {
  try {
    fs.mkdirSync(path, { mode });
  } catch (error) {
    if (isFolder(path)) return;
    const above = dirname(path);
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT' || isFolder(above)) throw error;
    makeFolders(above, mode);
    fs.mkdirSync(path, { mode });
  }
}

export function isFolder(path: string): boolean {
  return fs.statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function filesIn(path: string): string[] {
  try {
    const entries = fs.readdirSync(path, { withFileTypes: true });
    return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function openFile(path: string, create: boolean): DiskFile {
  const { O_RDWR, O_CREAT, O_EXCL } = fs.constants;
  try {
    return new NodeFile(path, fs.openSync(path, O_RDWR), false);
  } catch (error) {
    if (!create || (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  makeFolders(dirname(path), FOLDER_MODE);
  return new NodeFile(path, fs.openSync(path, O_RDWR | O_CREAT | O_EXCL, 0o600), true);
}

class NodeFile implements DiskFile {
  readonly #path: string;
  readonly #descriptor: number;
  /** Whether the name is not durable yet. */
  #isNew: boolean;
  #inUse = 1;
  #closed = false;

  constructor(path: string, descriptor: number, isNew: boolean) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#isNew = isNew;
  }

  read(into: Uint8Array, at: number): Promise<number> {
    return this.#using<number>((done) => fs.read(this.#open(), into, 0, into.length, at, done));
  }

  readNow(into: Uint8Array, at: number): number {
    return fs.readSync(this.#open(), into, 0, into.length, at);
  }

  async write(bytes: Uint8Array, at: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) {
      const from = done;
      done += await this.#using<number>((end) =>
        fs.write(this.#open(), bytes, from, bytes.length - from, at + from, end),
      );
    }
  }

  writeNow(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; ) {
      done += fs.writeSync(this.#open(), bytes, done, bytes.length - done, at + done);
    }
  }

  async sync(): Promise<void> {
    await this.#using<void>((done) => fs.fdatasync(this.#open(), done));
    if (!this.#isNew) return;
    const folder = await fs.promises.open(dirname(this.#path));
    try {
      await folder.sync();
    } finally {
      await folder.close();
    }
    this.#isNew = false;
  }

  truncate(bytes: number): void {
    fs.ftruncateSync(this.#open(), bytes);
  }

  size(): number {
    return fs.fstatSync(this.#open()).size;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }

  #open(): number {
    if (this.#closed) throw new TypeError(`expected an open file, got ${this.#path}, which has been closed`);
    return this.#descriptor;
  }

  #using<T>(call: (done: (error: Error | null, result?: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      call((error, result) => {
        this.#release();
        if (error === null || error === undefined) resolve(result as T);
        else reject(error);
      });
      this.#inUse++;
    });
  }

  #release(): void {
    if (--this.#inUse === 0) fs.closeSync(this.#descriptor);
  }
}
