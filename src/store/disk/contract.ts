// The interfaces between the parts of the disk tier: the files under it, the manifest, the journal. Types only, so that a
// simulated disk that loses everything not synced can replace the real one.
//
// Bytes are in segment files. The manifest, written after the bytes, says what is stored. An entry is handed out only when
// both agree: the record at the row's place has the row's key and generation, and its checksum holds.

import type { InvalidationsImage, Position } from '../../ledger/log.ts';
import type { Selector } from '../../ledger/selector.ts';
import type { Random, Tasks } from '../../ports.ts';

/** One open file. Calls that return a promise do not block; the others write to the page cache and return. */
export interface DiskFile {
  /** Returns the number of bytes read: fewer than asked for at the end of the file. */
  read(into: Uint8Array, at: number): Promise<number>;
  readNow(into: Uint8Array, at: number): number;
  /** Rejects, or throws, with the platform's error (ENOSPC, EIO). The bytes at that place are then unknown. */
  write(bytes: Uint8Array, at: number): Promise<void>;
  writeNow(bytes: Uint8Array, at: number): void;
  /** Resolves when everything written before would survive a power cut. */
  sync(): Promise<void>;
  truncate(bytes: number): void;
  size(): number;
  /** Harmless when repeated. */
  close(): void;
}

/** A folder and everything below it. Names are relative, use `/`, and come from our own code alone. */
export interface DiskFolder {
  /**
   * Opens for reading and writing. `create`: makes a missing file and its folder. Without it, a missing file throws ENOENT.
   */
  open(name: string, options: { readonly create: boolean }): DiskFile;
  /** Removes the file; harmless when it does not exist. Anyone who has it open can read on. */
  remove(name: string): Promise<void>;
  /** Names of the files in a folder; none when it does not exist. */
  list(folder: string): string[];
}

/** A queue of segments; see DiskPolicy. */
export type DiskQueue = 'small' | 'main';

/** The place of a record. `bytes`: its whole length. */
export interface Place {
  readonly segment: number;
  readonly offset: number;
  readonly bytes: number;
}

/** A row of the manifest: the entry stored under a key. */
export interface ManifestRow {
  readonly key: string;
  readonly kind: 'response' | 'variants';
  /** Number of the record, ascending over all records ever written to this disk tier. The record has it too. */
  readonly generation: number;
  readonly place: Place;
  /** Status of a response. A list of variants has 0, and '' and none in the fields below. */
  readonly status: number;
  readonly bornMs: number;
  readonly lifetimeMs: number;
  readonly etag: string;
  readonly lastModified: string;
  readonly tags: readonly string[];
  readonly epoch: string;
  readonly stamp: Position;
  /** Length of the body, in the record or in a file. */
  readonly bodyBytes: number;
  /** File of a large body. '' when the body is in the record. */
  readonly bodyId: string;
}

/** One step of a batch. A removal takes effect only while the row still has that generation. */
export type ManifestChange =
  | { readonly kind: 'put'; readonly row: ManifestRow }
  | { readonly kind: 'remove'; readonly key: string; readonly generation: number }
  /** Removes all rows whose record is in the segment. */
  | { readonly kind: 'drop-segment'; readonly segment: number };

/** Of many rows what the index needs, packed for another thread or process; see RowPacker. */
export interface IndexRows {
  readonly count: number;
  readonly words: Uint32Array;
  readonly generations: Float64Array;
}

/** The durable truth about what is stored. Applies batches in the order in which they were given. */
export interface Manifest {
  /** Applies the changes in one transaction; resolves when it is committed. */
  commit(changes: readonly ManifestChange[]): Promise<void>;
  /** The row of a key, at once: for the time until the index is complete. Sees committed rows only. */
  lookUp(key: string): ManifestRow | undefined;
  /** All rows that exist at the call, in portions, for the index. */
  scan(): AsyncIterable<IndexRows>;
  /** Rows that a selector names, in order of key, in portions. */
  find(selector: Selector): AsyncIterable<readonly ManifestRow[]>;
  /** Rows that own the file of a large body: they say which files to keep, and to which entry each belongs. */
  bodies(): Promise<ManifestRow[]>;
  /** Numbers that only the manifest knows, read at the start. */
  summary(): Promise<ManifestSummary>;
  /** Records the invalidations, in one transaction with everything given before. */
  checkpoint(image: InvalidationsImage): Promise<void>;
  /** The last recorded invalidations. Undefined when there are none, or they are damaged. */
  restore(): InvalidationsImage | undefined;
  /** Removes every row. The recorded invalidations stay. */
  clear(): Promise<void>;
  /** Resolves when everything given before is committed and the database is closed. */
  close(): Promise<void>;
}

export interface ManifestSummary {
  readonly rows: number;
  readonly maxGeneration: number;
  /** Bytes of all records and large bodies that rows name. */
  readonly bytes: number;
  /** Segments that rows name, in ascending order. */
  readonly segments: readonly number[];
}

/** What all parts of the disk tier work with. */
export interface DiskPlatform {
  readonly folder: DiskFolder;
  readonly manifest: Manifest;
  /** Bound on the files of segments and large bodies. A segment or two may exceed it for moments. */
  readonly maxBytes: number;
  /** Length at which a segment is full. */
  readonly segmentBytes: number;
  readonly tasks: Tasks;
  readonly random: Random;
  /** Called when something is lost or cannot be written: at the first failure of an episode. */
  readonly fault: (error: unknown) => void;
}
