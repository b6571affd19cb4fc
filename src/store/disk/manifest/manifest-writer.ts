// All writes to the manifest, by the thread that owns the writing connection.
//
// Rows are committed without a sync: a power cut may lose the last of them, which costs misses. An image of the
// invalidations is synced before it counts as written. Since the database has one log, that sync covers everything before
// it.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { ManifestChange, ManifestRow } from '../contract.ts';
import { type ImageChanges, writeImage } from './manifest-image.ts';
import { COLUMNS, encodeRow, PLACEHOLDERS } from './manifest-rows.ts';

export class ManifestWriter {
  readonly #database: DatabaseSync;
  readonly #removeKey: StatementSync;
  readonly #insert: StatementSync;
  readonly #remove: StatementSync;
  readonly #dropSegment: StatementSync;
  readonly #count: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#removeKey = database.prepare('DELETE FROM entries WHERE key = ?');
    this.#insert = database.prepare(`INSERT OR REPLACE INTO entries (${COLUMNS}) VALUES (${PLACEHOLDERS})`);
    this.#remove = database.prepare('DELETE FROM entries WHERE generation = ? AND key = ?');
    this.#dropSegment = database.prepare('DELETE FROM entries WHERE segment = ?');
    this.#count = database.prepare("UPDATE counters SET value = max(value, ?) WHERE name = 'generation'");
  }

  commit(changes: readonly ManifestChange[]): void {
    this.#transaction(() => {
      let generation = 0;
      for (const change of changes) {
        if (change.kind === 'put') generation = Math.max(generation, this.#put(change.row));
        else if (change.kind === 'remove') this.#remove.run(change.generation, change.key);
        else this.#dropSegment.run(change.segment);
      }
      if (generation > 0) this.#count.run(generation);
    });
  }

  checkpoint(changes: ImageChanges): void {
    this.#database.exec('PRAGMA synchronous = FULL');
    try {
      this.#transaction(() => writeImage(this.#database, changes));
    } finally {
      this.#database.exec('PRAGMA synchronous = NORMAL');
    }
  }

  clear(): void {
    this.#transaction(() => this.#database.exec('DELETE FROM entries'));
  }

  #put(row: ManifestRow): number {
    this.#removeKey.run(row.key);
    this.#insert.run(...encodeRow(row));
    return row.generation;
  }

  #transaction(work: () => void): void {
    this.#database.exec('BEGIN IMMEDIATE');
    try {
      work();
      this.#database.exec('COMMIT');
    } catch (error) {
      // A full disk ends the transaction by itself.
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      throw error;
    }
  }
}
