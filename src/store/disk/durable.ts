// The parts of the disk tier that survive a restart: opens them in the one right order, and closes them in the other.
//
// The lock comes first, since two processes would write over each other. Then comes the manifest, which may have a newer
// version; until then nothing has been touched. Then the invalidations are recovered, and the journal makes its own
// beginning durable. Only then may anything be stamped.

import type { Tasks } from '../../ports.ts';
import type { DiskFolder } from './contract.ts';
import { type Journal, type JournalEvent, type JournalOptions, openJournal } from './journal/journal.ts';
import { type Recovery, recover } from './journal/recovery.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { openManifest, type SqliteManifest } from './manifest/manifest.ts';
import { openFolder } from './node-folder.ts';

export type DurableEvent =
  | JournalEvent
  | { readonly kind: 'manifest-damaged'; readonly error: Error }
  /** The folder is locked, but a second process that is refused will not learn which process has it. */
  | { readonly kind: 'lock-unnamed'; readonly error: Error };

export interface DurableOptions {
  readonly tasks: Tasks;
  /** Identity of a new log: random, and at most 64 bytes. */
  readonly newEpoch: () => string;
  readonly onEvent?: (event: DurableEvent) => void;
  /** See InvalidationsOptions. */
  readonly buckets?: number;
  readonly maxPatterns?: number;
  readonly limits?: NonNullable<JournalOptions['limits']>;
}

export interface Durable {
  readonly folder: DiskFolder;
  readonly manifest: SqliteManifest;
  /** Call its `follow` with `recovery.invalidations` before anything is appended. */
  readonly journal: Journal;
  readonly recovery: Recovery;
  /** Whether a damaged manifest was moved aside. The bytes in the folder then belong to no entry. */
  readonly manifestWasDamaged: boolean;
  /** Call after the store has been closed. Gives the lock back even when something fails. */
  close(): Promise<void>;
}

/** Throws E_DISK when the folder cannot be written to, is in use, or has a manifest of a newer version. */
export async function openDurable(path: string, options: DurableOptions): Promise<Durable> {
  const { onEvent, ...given } = options;
  const folder = openFolder(path);
  const lock = lockFolder(path, (error) => onEvent?.({ kind: 'lock-unnamed', error }));
  let manifest: SqliteManifest | undefined;
  try {
    const opened = openManifest(path, { onDamage: (error) => onEvent?.({ kind: 'manifest-damaged', error }) });
    manifest = opened.manifest;
    const recovery = recover({ ...given, folder, manifest });
    const image = () => recovery.invalidations.image();
    const events = onEvent === undefined ? {} : { onEvent };
    const journal = await openJournal({ ...given, ...events, folder, manifest, image }, recovery.continuation);
    const close = () => closeAll(journal, opened.manifest, lock);
    return { folder, manifest, journal, recovery, manifestWasDamaged: opened.wasDamaged, close };
  } catch (error) {
    try {
      await manifest?.close();
    } finally {
      lock.release();
    }
    throw error;
  }
}

async function closeAll(journal: Journal, manifest: SqliteManifest, lock: FolderLock): Promise<void> {
  try {
    await journal.close();
  } finally {
    try {
      await manifest.close();
    } finally {
      lock.release();
    }
  }
}
