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
  const folder = openFolder(path);
  const lock = lockFolder(path, (error) => options.onEvent?.({ kind: 'lock-unnamed', error }));
  try {
    return await openLocked({ path, folder, lock }, options);
  } catch (error) {
    lock.release();
    throw error;
  }
}

interface Locked {
  readonly path: string;
  readonly folder: DiskFolder;
  readonly lock: FolderLock;
}

async function openLocked({ path, folder, lock }: Locked, options: DurableOptions): Promise<Durable> {
  const { tasks, newEpoch, onEvent, buckets, maxPatterns, limits } = options;
  const { manifest, wasDamaged } = openManifest(path, {
    onDamage: (error) => onEvent?.({ kind: 'manifest-damaged', error }),
  });
  try {
    const sizes = { ...(buckets !== undefined && { buckets }), ...(maxPatterns !== undefined && { maxPatterns }) };
    const recovery = recover({ folder, manifest, newEpoch, ...sizes });
    const image = () => recovery.invalidations.image();
    const told = { ...(onEvent !== undefined && { onEvent }), ...(limits !== undefined && { limits }) };
    const journal = await openJournal({ folder, manifest, tasks, image, ...told }, recovery.continuation);
    const close = () => closeAll({ journal, manifest, lock });
    return { folder, manifest, journal, recovery, manifestWasDamaged: wasDamaged, close };
  } catch (error) {
    await manifest.close();
    throw error;
  }
}

async function closeAll({ journal, manifest, lock }: { journal: Journal; manifest: SqliteManifest; lock: FolderLock }) {
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
