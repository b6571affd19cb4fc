// The parts of the disk tier that survive a restart: opens them in the one right order, and closes them in the other.
//
// The lock comes first, since two processes would write over each other. Then comes the manifest, which may have a newer
// version; until then nothing has been touched. Then the invalidations are recovered, and the journal makes its own
// beginning durable. Only then may anything be stamped.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TidegateError } from '../../errors.ts';
import type { DiskFolder } from './contract.ts';
import { type Journal, type JournalEvent, type JournalOptions, openJournal } from './journal/journal.ts';
import { type Recovery, type RecoveryOptions, recover } from './journal/recovery.ts';
import { SqliteManifest } from './manifest/manifest.ts';
import { openFolder } from './node-folder.ts';

export type DurableEvent =
  | JournalEvent
  | { readonly kind: 'manifest-damaged'; readonly error: Error }
  /** The folder is locked, but a second process that is refused will not learn which process has it. */
  | { readonly kind: 'lock-unnamed'; readonly error: Error };

export interface DurableOptions
  extends Omit<RecoveryOptions & JournalOptions, 'folder' | 'manifest' | 'image' | 'onEvent'> {
  readonly onEvent?: (event: DurableEvent) => void;
}

export interface Durable {
  readonly folder: DiskFolder;
  /** If it was damaged and moved aside, the bytes in the folder belong to no entry. */
  readonly manifest: SqliteManifest;
  /** Call its `follow` with `recovery.invalidations` before anything is appended. */
  readonly journal: Journal;
  readonly recovery: Recovery;
  /** Call after the store has been closed. Gives the lock back even when something fails. */
  close(): Promise<void>;
}

/** Throws E_DISK when the folder cannot be written to, is in use, or has a manifest of a newer version. */
export async function openDurable(path: string, options: DurableOptions): Promise<Durable> {
  const { onEvent, ...given } = options;
  const folder = openFolder(path);
  // Closes in the opposite order, each part even when another fails.
  const opened = new AsyncDisposableStack();
  try {
    opened.defer(lockFolder(path, (error) => onEvent?.({ kind: 'lock-unnamed', error })));
    const manifest = new SqliteManifest(path, (error) => onEvent?.({ kind: 'manifest-damaged', error }));
    opened.defer(() => manifest.close());
    const recovery = recover({ ...given, folder, manifest });
    const image = () => recovery.invalidations.image();
    const journal = await openJournal({ ...given, onEvent, folder, manifest, image }, recovery.continuation);
    opened.defer(() => journal.close());
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= opened.disposeAsync();
      return closing;
    };
    return { folder, manifest, journal, recovery, close };
  } catch (error) {
    await opened.disposeAsync();
    throw error;
  }
}

/**
 * Takes the folder for this process alone; the result gives it back. Throws E_DISK with the id of the process that has it.
 * `unnamed`: called when this process's own id could not be written.
 *
 * The lock must vanish with its holder, however that ended, so it cannot be a file that somebody has to remove. It is
 * SQLite's lock on a database of its own, which the system releases with the process. The holder's process id is in a file
 * beside it, for the error message only: it may be out of date. Taking the lock writes nothing, so it needs no room on the
 * disk.
 */
export function lockFolder(path: string, unnamed: (error: Error) => void): () => void {
  const pidFile = join(path, 'lock.pid');
  let held: DatabaseSync;
  try {
    held = locked(join(path, 'lock.db'));
  } catch (cause) {
    const isBusy = codeOf(cause as SqliteError) === SQLITE_BUSY;
    const message = isBusy
      ? `expected a disk.path that no other process uses, got ${path}, which process ${holderOf(pidFile)} uses`
      : `expected a disk.path that can be locked, got ${path}: ${(cause as Error).message}`;
    throw new TidegateError('E_DISK', message, { cause });
  }
  try {
    writeFileSync(pidFile, String(process.pid), { mode: 0o600 });
  } catch (error) {
    unnamed(error as Error);
  }
  return () => held.close();
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

function holderOf(pidFile: string): string {
  try {
    return readFileSync(pidFile, 'utf8') || '(unknown)';
  } catch (error) {
    return `(unknown: ${(error as Error).message})`;
  }
}
