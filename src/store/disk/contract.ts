// What the parts of the disk tier are to each other: the files under it, the manifest, the journal. Types only, so that
// a simulated disk that loses what was not synced can stand in for the real one.
//
// Which of two truths counts. Bytes stand in segment files, and what is stored stands in the
// manifest, which is written after the bytes. An entry is handed out only when both agree: the record at the row's place
// has the row's key and generation, and its checksum holds.

import type { InvalidationsImage } from '../../ledger/invalidations.ts';
import type { Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';

/** One open file. Calls that return a promise do not block; the others write to the page cache and return. */
export interface DiskFile {
  /** Bytes read, fewer than asked for at the end of the file. */
  read(into: Uint8Array, at: number): Promise<number>;
  readNow(into: Uint8Array, at: number): number;
  /** Rejects, or throws, with what the platform says (ENOSPC, EIO); then nothing can be said of the bytes there. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  writeNow(bytes: Uint8Array, at: number): void;
  /** Resolves when everything written before would survive a power cut. */
  sync(): Promise<void>;
  truncate(bytes: number): void;
  size(): number;
  close(): void;
}

/** A folder and all below it. Names are relative, with `/` between the parts, and made by us alone. */
export interface DiskFolder {
  /** Opens for reading and writing; `create`: makes it, and its folder, if it is not there. Throws ENOENT otherwise. */
  open(name: string, options: { readonly create: boolean }): DiskFile;
  /** Removes the file; harmless when it is not there. Those who have it open can go on reading. */
  remove(name: string): Promise<void>;
  /** Names of the files in a folder; none when it is not there. */
  list(folder: string): string[];
}

/** Where a record stands. `bytes`: its whole length. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A row of the manifest: what is stored under a key. */
export interface ManifestRow {
  readonly key: string;
  readonly kind: 'response' | 'variants';
  /** Number of the record, ascending over all records ever written to this disk tier; the same stands in the record. */
  readonly generation: number;
  readonly place: Place;
  /** Of a response; a list of variants has 0, '' and none. */
  readonly status: number;
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly tags: readonly string[];
  readonly epoch: string;
  readonly stamp: Position;
  /** Length of the body, wherever it stands. */
  readonly bodyBytes: number;
  /** File of a large body; '' when the body stands in the record. */
  readonly bodyId: string;
}

/** One step of a batch. A removal takes effect only while the row still has that generation. */
export type ManifestChange =
  | { readonly kind: 'put'; readonly row: ManifestRow }
  | { readonly kind: 'remove'; readonly key: string; readonly generation: number }
  /** All rows whose record stands in the segment. */
  | { readonly kind: 'drop-segment'; readonly segment: number };

/** What the index needs of many rows: position n of each array belongs to one row. See `keyHash` in hash.ts. */
export interface IndexRows {
  readonly count: number;
  readonly hashHigh: Uint32Array;
  readonly hashLow: Uint32Array;
  readonly segment: Uint32Array;
  readonly offset: Uint32Array;
  readonly bytes: Uint32Array;
  readonly generation: Float64Array;
}

/** The durable truth about what is stored. Batches are applied in the order in which they were given. */
export interface Manifest {
  /** Applies the changes in one transaction; resolves when it is committed. */
  commit(changes: readonly ManifestChange[]): Promise<void>;
  /** The row of a key, at once: for the time in which the index is not complete. Sees what has been committed. */
  lookUp(key: string): ManifestRow | undefined;
  /** All rows there were at the call, in portions; for the index. */
  scan(): AsyncIterable<IndexRows>;
  /** Rows a selector names, in the order of their keys, in portions. */
  find(selector: Selector): AsyncIterable<readonly ManifestRow[]>;
  /** Rows that own the file of a large body: for what is to be kept of the files, and whose they are. */
  bodies(): Promise<ManifestRow[]>;
  /** Numbers that only the manifest knows, read at the start. */
  summary(): Promise<ManifestSummary>;
  /** Writes down the invalidations, in one transaction with all that was given before. */
  checkpoint(image: InvalidationsImage): Promise<void>;
  /** What was written down last; undefined: nothing, or it has been damaged. */
  restore(): InvalidationsImage | undefined;
  /** Removes every row. What was written down of invalidations stays. */
  clear(): Promise<void>;
  /** Resolves when everything given before is committed and the database is closed. */
  close(): Promise<void>;
}

export interface ManifestSummary {
  readonly rows: number;
  readonly maxGeneration: number;
  /** Bytes of all records and large bodies that rows name. */
  readonly bytes: number;
  /** Segments that rows name, ascending. */
  readonly segments: readonly number[];
}
