// Writes entries: the record, then the index and the row.
//
// Short records are written at once, into the page cache. Long ones are not, so the entry may be replaced or removed before
// its record is written. The caller then says whether the entry still counts.

import type { Entry, LargeBody } from '../../../entry/stored-response.ts';
import type { LargeBodies } from '../bodies/large-bodies.ts';
import type { Place } from '../contract.ts';
import type { Catalog } from '../index/catalog.ts';
import type { KeyHash } from '../index/hash.ts';
import { rowOf } from '../manifest/entry-row.ts';
import type { RowBatches } from '../manifest/row-batches.ts';
import type { DiskQueue } from './disk-policy.ts';
import { AT_ONCE_BYTES, type EncodedRecord, encodeRecord } from './segment-record.ts';
import type { Segments } from './segments.ts';

/** An entry that is about to be written. */
export interface Writing {
  readonly entry: Entry;
  readonly hash: KeyHash;
  readonly queue: DiskQueue;
  readonly generation: number;
  readonly record: EncodedRecord;
}

interface WriterParts {
  readonly segments: Segments;
  readonly catalog: Catalog;
  readonly bodies: LargeBodies;
  readonly batches: RowBatches;
}

export class EntryWriter {
  readonly #parts: WriterParts;
  /** Number of the last record written. Undefined until the manifest has told where to continue. */
  #generation: number | undefined;

  constructor(parts: WriterParts) {
    this.#parts = parts;
  }

  /** Call when records can be written. */
  begin(generation: number): void {
    this.#generation = generation;
  }

  get isReady(): boolean {
    return this.#generation !== undefined;
  }

  prepare(entry: Entry, hash: KeyHash, queue: DiskQueue): Writing {
    const generation = (this.#generation as number) + 1;
    this.#generation = generation;
    return { entry, hash, queue, generation, record: encodeRecord(entry, generation) };
  }

  isShort({ record }: Writing): boolean {
    return record.bytes <= AT_ONCE_BYTES;
  }

  /** Throws the platform's error; then nothing has changed. */
  writeNow(writing: Writing): void {
    this.#enter(writing, this.#parts.segments.appendNow(writing.queue, writing.record));
  }

  /** `counts`: called once the record is written. Rejects with the platform's error; then nothing has changed. */
  async write(writing: Writing, counts: () => boolean): Promise<void> {
    await this.#parts.segments.append(writing.queue, writing.record, (place) => {
      if (counts()) this.#enter(writing, place);
    });
  }

  #enter({ entry, hash, generation }: Writing, place: Place): void {
    const { catalog, bodies, batches } = this.#parts;
    const large = largeBodyOf(entry);
    if (large !== undefined) bodies.own(large, { key: entry.key, generation, segment: place.segment });
    if (catalog.enter(hash, place, generation)) batches.add({ kind: 'put', row: rowOf(entry, generation, place) });
    else bodies.disown(generation);
  }
}

export function largeBodyOf(entry: Entry): LargeBody | undefined {
  return entry.kind === 'response' ? entry.large : undefined;
}
