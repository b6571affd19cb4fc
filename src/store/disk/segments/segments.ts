// The segment files: records one after the other, appended only. Two are open for appending, one for each queue of the
// policy; the others are sealed. Each has one descriptor, and is read by position.
//
// A segment may go while readers still use it. Its file is removed at once, and the last reader closes its descriptor: after
// an earlier close the platform could give the number to another file, and lead readers there.

import type { EncodedRecord } from '../../entry-record.ts';
import type { DiskFile, DiskPlatform, DiskQueue, Place } from '../contract.ts';
import { queueOf, SEGMENT_HEADER_BYTES, segmentHeader } from './segment-record.ts';

export const SEGMENT_FOLDER = 'segments';

const NO_SEGMENT = 'no such segment';
const END_OF_FILE = 'the end of the file';

/** Only `Segments` changes it. */
export interface Segment {
  readonly number: number;
  queue: DiskQueue;
  readonly file: DiskFile;
  /** Offset of the next record. */
  bytes: number;
  /** Bytes of the large bodies whose records are here. */
  bodyBytes: number;
  /** Entries of the index whose record is here. */
  entries: number;
  sealed: boolean;
  /** Reads and writes in progress. */
  users: number;
  /** Writes in progress; `settled` waits until there is none. */
  writes: number;
  gone: boolean;
  readonly settled: (() => void)[];
}

export class Segments {
  readonly #platform: DiskPlatform;
  readonly #emptied: (segment: Segment) => void;
  /** In order of age: by number, except segments that moved since the start. */
  readonly #segments = new Map<number, Segment>();
  readonly #open: { [queue in DiskQueue]: Segment | undefined } = { small: undefined, main: undefined };
  /** Bytes of each queue, large bodies included. */
  readonly queueBytes = { small: 0, main: 0 };
  readonly #syncs = new Set<Promise<void>>();
  #last = 0;
  #scratch = Buffer.allocUnsafeSlow(4096);

  /** `emptied`: called when a sealed segment has no entries left. */
  constructor(platform: DiskPlatform, emptied: (segment: Segment) => void) {
    this.#platform = platform;
    this.#emptied = emptied;
  }

  /** Opens the segments of an earlier process, all sealed: the end of its last writes cannot be trusted. */
  openAll(): void {
    const numbers = this.#platform.folder.list(SEGMENT_FOLDER).flatMap((name) => segmentNumber(name) ?? []);
    for (const number of numbers.sort((one, other) => one - other)) {
      this.#last = number;
      try {
        const file = this.#platform.folder.open(segmentName(number), { create: false });
        this.#enter(number, { file, queue: queueOf(file), bytes: file.size(), sealed: true });
      } catch (error) {
        this.#platform.fault(error);
      }
    }
  }

  /** Numbers up to this one have been used. */
  skipTo(number: number): void {
    this.#last = Math.max(this.#last, number);
  }

  find(number: number): Readonly<Segment> | undefined {
    return this.#segments.get(number);
  }

  all(): Iterable<Segment> {
    return this.#segments.values();
  }

  get count(): number {
    return this.#segments.size;
  }

  /** The queue's oldest sealed segment. Without one, seals the open one if it has entries. */
  oldest(queue: DiskQueue): Readonly<Segment> | undefined {
    for (const segment of this.#segments.values()) {
      if (segment.queue === queue && (segment.sealed || segment.entries > 0)) {
        if (!segment.sealed) this.#seal(segment);
        return segment;
      }
    }
    return undefined;
  }

  /** Appends at once. Throws the platform's error, and then there is no record. */
  appendNow(queue: DiskQueue, { prefix, content, bytes }: EncodedRecord): Place {
    const segment = this.#openFor(queue, bytes);
    if (this.#scratch.length < bytes) this.#scratch = Buffer.allocUnsafeSlow(2 * bytes);
    this.#scratch.set(prefix);
    this.#scratch.set(content, prefix.length);
    segment.file.writeNow(this.#scratch.subarray(0, bytes), segment.bytes);
    return this.#advance(segment, bytes);
  }

  /**
   * Appends without blocking. It takes the place at once, and leaves it empty when the write fails. It calls `written`
   * before the segment counts as settled.
   */
  async append(queue: DiskQueue, record: EncodedRecord, written: (place: Place) => void): Promise<void> {
    const { prefix, content, bytes } = record;
    const segment = this.#openFor(queue, bytes);
    const place = this.#advance(segment, bytes);
    segment.users++;
    segment.writes++;
    try {
      await segment.file.write(prefix, place.offset);
      await segment.file.write(content, place.offset + prefix.length);
      written(place);
    } finally {
      segment.writes--;
      if (segment.writes === 0) for (const settled of segment.settled.splice(0)) settled();
      this.#leave(segment);
    }
  }

  /** Fills `into` from the place; or says what is missing. */
  readNow({ segment, offset }: Place, into: Uint8Array): string | undefined {
    const read = this.#segments.get(segment)?.file.readNow(into, offset);
    if (read === undefined) return NO_SEGMENT;
    return read === into.length ? undefined : END_OF_FILE;
  }

  async read({ segment: number, offset }: Place, into: Uint8Array): Promise<string | undefined> {
    const segment = this.#segments.get(number);
    if (segment === undefined) return NO_SEGMENT;
    segment.users++;
    try {
      return (await segment.file.read(into, offset)) === into.length ? undefined : END_OF_FILE;
    } finally {
      this.#leave(segment);
    }
  }

  /** Counts `count` more entries with their record in the segment. */
  occupy(number: number, count: number): void {
    const segment = this.#segments.get(number);
    if (segment === undefined) return;
    segment.entries += count;
    if (segment.sealed && segment.entries === 0) this.#emptied(segment);
  }

  /** Counts `bytes` more of large bodies in the segment. */
  weigh(number: number, bytes: number): void {
    const segment = this.#segments.get(number);
    if (segment === undefined) return;
    segment.bodyBytes += bytes;
    this.queueBytes[segment.queue] += bytes;
  }

  /** Resolves when no record is being written to the segment, which must be sealed. */
  settled(segment: Segment): Promise<void> {
    return segment.writes === 0 ? Promise.resolve() : new Promise((resolve) => segment.settled.push(resolve));
  }

  /** Makes the segment, which must be sealed, the youngest of the main queue. After a restart its number counts again. */
  move(segment: Segment): void {
    if (segment.gone) return;
    if (segment.queue === 'small') {
      const bytes = segment.bytes + segment.bodyBytes;
      this.queueBytes.small -= bytes;
      this.queueBytes.main += bytes;
      segment.queue = 'main';
      // If this fails, the next process puts the segment into the small queue.
      try {
        segment.file.writeNow(segmentHeader('main'), 0);
      } catch (error) {
        this.#platform.fault(error);
      }
    }
    this.#segments.delete(segment.number);
    this.#segments.set(segment.number, segment);
  }

  async drop(segment: Segment): Promise<void> {
    if (segment.gone) return;
    segment.gone = true;
    segment.sealed = true;
    this.#segments.delete(segment.number);
    this.queueBytes[segment.queue] -= segment.bytes + segment.bodyBytes;
    if (this.#open[segment.queue] === segment) this.#open[segment.queue] = undefined;
    if (segment.users === 0) segment.file.close();
    await this.#platform.folder.remove(segmentName(segment.number));
  }

  /** Closes all files once their users are done. Resolves when running syncs have ended. */
  async close(): Promise<void> {
    await Promise.all(this.#syncs);
    for (const segment of this.#segments.values()) {
      segment.gone = true;
      if (segment.users === 0) segment.file.close();
    }
    this.#segments.clear();
  }

  #enter(number: number, made: Pick<Segment, 'file' | 'queue' | 'bytes' | 'sealed'>): Segment {
    const segment = { number, ...made, bodyBytes: 0, entries: 0, users: 0, writes: 0, gone: false, settled: [] };
    this.#segments.set(number, segment);
    this.queueBytes[made.queue] += made.bytes;
    return segment;
  }

  #openFor(queue: DiskQueue, bytes: number): Segment {
    const open = this.#open[queue];
    if (open !== undefined) {
      const isEmpty = open.bytes === SEGMENT_HEADER_BYTES;
      if (isEmpty || open.bytes + open.bodyBytes + bytes <= this.#platform.segmentBytes) return open;
      this.#seal(open);
    }
    const number = ++this.#last;
    const file = this.#platform.folder.open(segmentName(number), { create: true });
    try {
      file.writeNow(segmentHeader(queue), 0);
    } catch (error) {
      file.close();
      this.#platform.folder.remove(segmentName(number)).catch(this.#platform.fault);
      throw error;
    }
    const opened = this.#enter(number, { file, queue, bytes: SEGMENT_HEADER_BYTES, sealed: false });
    this.#open[queue] = opened;
    return opened;
  }

  /** Syncs the sealed segment in the background: a power cut then costs the open segments alone. */
  #seal(segment: Segment): void {
    segment.sealed = true;
    if (this.#open[segment.queue] === segment) this.#open[segment.queue] = undefined;
    segment.users++;
    const sync = segment.file
      .sync()
      .catch(this.#platform.fault)
      .finally(() => {
        this.#syncs.delete(sync);
        this.#leave(segment);
      });
    this.#syncs.add(sync);
    if (segment.entries === 0) this.#emptied(segment);
  }

  #advance(segment: Segment, bytes: number): Place {
    const offset = segment.bytes;
    segment.bytes += bytes;
    this.queueBytes[segment.queue] += bytes;
    return { segment: segment.number, offset, bytes };
  }

  #leave(segment: Segment): void {
    segment.users--;
    if (segment.gone && segment.users === 0) segment.file.close();
  }
}

export function segmentName(number: number): string {
  return `${SEGMENT_FOLDER}/${number}.seg`;
}

/** The number in a file's name. Undefined when the file is not a segment's. */
export function segmentNumber(name: string): number | undefined {
  const number = Number(/^(\d{1,10})\.seg$/.exec(name)?.[1]);
  return number > 0 && number < 2 ** 32 ? number : undefined;
}
