// One process on one folder.
//
// The one complication: the lock must be gone when its holder is, however that ended, so it cannot be a file that somebody
// has to remove. It is the lock that SQLite takes on a database of its own, which the system releases with the process.
// The holder's process id stands in a file beside it, for the message alone: it may be out of date.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '../../errors.ts';

export interface FolderLock {
  release(): void;
}

/** Takes the folder for this process; throws E_DISK with the id of the process that has it. */
export function lockFolder(path: string): FolderLock {
  const pidFile = join(path, 'lock.pid');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(path, 'lock.db'), { timeout: 0 });
    database.exec('BEGIN EXCLUSIVE');
    writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
  } catch (cause) {
    database?.close();
    throw refusal(path, pidFile, cause as Error & { readonly errcode?: number });
  }
  const held = database;
  return {
    release: () => {
      if (held.isOpen) held.close();
    },
  };
}

const SQLITE_BUSY = 5;

function refusal(path: string, pidFile: string, cause: Error & { readonly errcode?: number }): TidegateError {
  const got =
    cause.errcode === SQLITE_BUSY
      ? `which process ${holderOf(pidFile)} uses`
      : `that cannot be locked: ${cause.message}`;
  return new TidegateError('E_DISK', `expected a disk.path that no other process uses, got ${path}, ${got}`, { cause });
}

function holderOf(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8');
  } catch (error) {
    return `(unknown: ${(error as Error).message})`;
  }
}
