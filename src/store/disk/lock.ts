// One process on one folder.
//
// The lock must be gone when its holder is, however that ended, so it cannot be a file that somebody
// has to remove. It is the lock that SQLite takes on a database of its own, which the system releases with the process.
// The holder's process id stands in a file beside it, for the message alone: it may be out of date. Taking the lock writes
// nothing, so it needs no room on the disk.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '../../errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process; throws E_DISK with the id of the process that has it. `unnamed`: told when this
 * process's own id could not be written down.
 */
export function lockFolder(path: string, unnamed: (error: Error) => void): FolderLock {
  const pidFile = join(path, 'lock.pid');
  let held: DatabaseSync;
  try {
    held = locked(join(path, 'lock.db'));
  } catch (cause) {
    throw refusal(path, pidFile, cause as SqliteError);
  }
  try {
    writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
  } catch (error) {
    unnamed(error as Error);
  }
  return {
    release: () => {
      if (held.isOpen) held.close();
    },
  };
}

type SqliteError = Error & { readonly errcode?: number };

const SQLITE_BUSY = 5;
/** SQLITE_CORRUPT and SQLITE_NOTADB. Not seen of a database that is locked: that it is comes first. */
const DAMAGE: ReadonlySet<number> = new Set([11, 26]);

function locked(file: string): DatabaseSync {
  try {
    return exclusive(file);
  } catch (error) {
    if (!DAMAGE.has(codeOf(error as SqliteError))) throw error;
  }
  // It has no content of its own. In place: another that starts at this moment may have locked that very file.
  truncateSync(file);
  return exclusive(file);
}

function exclusive(file: string): DatabaseSync {
  const database = new DatabaseSync(file, { timeout: 0 });
  try {
    // A journal would be a file, for which there may be no room.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE;');
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function codeOf({ errcode }: SqliteError): number {
  return (errcode ?? 0) & 0xff;
}

function refusal(path: string, pidFile: string, cause: SqliteError): TidegateError {
  const message =
    codeOf(cause) === SQLITE_BUSY
      ? `expected a disk.path that no other process uses, got ${path}, which process ${holderOf(pidFile)} uses`
      : `expected a disk.path that can be locked, got ${path}: ${cause.message}`;
  return new TidegateError('E_DISK', message, { cause });
}

function holderOf(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8') || '(unknown)';
  } catch (error) {
    return `(unknown: ${(error as Error).message})`;
  }
}
