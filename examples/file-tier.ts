// A tier of files: a file for each entry, written beside and moved into place, so that nobody reads half of one.

import { createHash, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, rename, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCache } from 'tidegate';
import { type ByteStore, storeTier } from 'tidegate/store';

export class FileByteStore implements ByteStore {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async get(key: string) {
    try {
      return await readFile(this.#fileOf(key));
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async put(key: string, bytes: Uint8Array) {
    const beside = join(this.#folder, `${randomUUID()}.part`);
    await writeFile(beside, bytes);
    await rename(beside, this.#fileOf(key));
  }

  async delete(keys: readonly string[]) {
    const removed = await Promise.all(keys.map((key) => this.#remove(key)));
    return removed.filter((wasThere) => wasThere).length;
  }

  async #remove(key: string) {
    try {
      await unlink(this.#fileOf(key));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Keys are longer than file names may be, and file systems take some of them for others. */
  #fileOf(key: string) {
    return join(this.#folder, createHash('sha256').update(key).digest('hex'));
  }
}

function isMissing(error: unknown) {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), 'files-'));
  const tiers = [storeTier({ name: 'files', store: new FileByteStore(folder) })];
  const cache = createCache({ memory: false, tiers });

  await cache.set('page:1', '<p>hello</p>');
  console.log(await cache.get('page:1'), 'files:', (await readdir(folder)).length);
  await cache.delete('page:1');
  console.log(await cache.get('page:1'), 'files:', (await readdir(folder)).length);
  rmSync(folder, { recursive: true });
}
