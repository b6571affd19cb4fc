// Lets only one process use a folder.
//
// The lock must vanish with its holder, however that ended, so it cannot be a file that somebody has to remove. It is
// SQLite's lock on a database of its own, which the system releases with the process. The holder's process id is in a file
// beside it, for the error message only: it may be out of date. Taking the lock writes nothing, so it needs no room on the
// disk.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '../../errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Takes the folder for this process. Throws E_DISK with the id of the process that has it. `unnamed`: called when this
 * process's own id could not be written.
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
/** SQLITE_CORRUPT and SQLITE_NOTADB. A locked database does not give these errors: SQLite reports the lock first. */
const DAMAGE: ReadonlySet<number> = new Set([11, 26]);

function locked(file: string): DatabaseSync {
  try {
    return exclusive(file);
  } catch (error) {
    if (!DAMAGE.has(codeOf(error as SqliteError))) throw error;
  }
  // It has no content of its own. It is truncated in place, since another process may just have locked that very file.
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
