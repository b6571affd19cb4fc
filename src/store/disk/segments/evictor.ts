// Makes room: the oldest segment of the queue that the policy names goes. Its used entries are written again at the end of
// the main queue, as far as the policy's credit goes; the others are dropped. If nearly all were used, the segment itself
// moves to the end of the main queue, and nothing is written.
//
// It runs beside everything else. It finds the segment's entries by walking the index, in slices. An entry may be replaced
// or removed before its turn comes, so its generation is compared then. It reads neither the manifest nor dead records.

import type { Tasks } from '../../../ports.ts';
import type { LargeBodies } from '../bodies/large-bodies.ts';
import type { Catalog } from '../index/catalog.ts';
import type { RowBatches } from '../manifest/row-batches.ts';
import type { DiskPolicy } from './disk-policy.ts';
import type { EntryReader } from './entry-reader.ts';
import type { EntryWriter } from './entry-writer.ts';
import type { Segment, Segments } from './segments.ts';

/** Slots looked at, or entries dropped, before other work gets its turn: some hundred microseconds. */
const SLICE = 65_536;
const DROP_SLICE = 2048;

interface EvictorParts {
  readonly catalog: Catalog;
  readonly segments: Segments;
  readonly bodies: LargeBodies;
  readonly batches: RowBatches;
  readonly reader: EntryReader;
  readonly writer: EntryWriter;
  readonly policy: DiskPolicy;
  readonly tasks: Tasks;
  /** Eviction begins above this. */
  readonly fullBytes: number;
  /** Called when nothing can be written. */
  readonly failed: (error: unknown) => void;
  readonly fault: (error: unknown) => void;
}

/** An entry of a segment that goes. */
interface Leaving {
  readonly slot: number;
  readonly generation: number;
  readonly offset: number;
  readonly bytes: number;
  readonly frequency: number;
}

export class Evictor {
  readonly #parts: EvictorParts;
  #running: Promise<void> | undefined;
  #isWanted = false;
  /** Segments on their way out. */
  readonly #going = new Set<Segment>();
  #isClosed = false;
  #evictions = 0;
  #reinsertedBytes = 0;

  constructor(parts: EvictorParts) {
    this.#parts = parts;
  }

  get evictions(): number {
    return this.#evictions;
  }

  /** Bytes of records written again because they were kept. */
  get reinsertedBytes(): number {
    return this.#reinsertedBytes;
  }

  /** Bytes in use, including bodies that are being written. */
  get usedBytes(): number {
    const { small, main } = this.#parts.segments.queueBytes;
    return small + main + this.#parts.bodies.unnamedBytes;
  }

  /** Call after each write: makes room if necessary. */
  nudge(): void {
    if (this.usedBytes > this.#parts.fullBytes) this.#start();
  }

  /** The disk has no room: one segment goes, whatever its bytes. */
  evictOne(): void {
    this.#isWanted = true;
    this.#start();
  }

  /** Resolves when no eviction is running. */
  async rest(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.rest();
  }

  /** Removes a segment in which nothing is stored. */
  dropEmpty(segment: Segment): void {
    if (this.#going.has(segment) || this.#isClosed) return;
    this.#going.add(segment);
    this.#dropIfEmpty(segment)
      .catch(this.#parts.fault)
      .finally(() => this.#going.delete(segment));
  }

  #start(): void {
    if (this.#running !== undefined || this.#isClosed || !this.#parts.catalog.isLoaded) return;
    this.#running = this.#run()
      .catch(this.#parts.fault)
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #dropIfEmpty(segment: Segment): Promise<void> {
    await this.#parts.segments.settled(segment);
    if (segment.entries === 0 && !this.#isClosed) await this.#remove(segment);
  }

  async #run(): Promise<void> {
    while (!this.#isClosed && (this.#isWanted || this.usedBytes > this.#parts.fullBytes)) {
      const mayMove = !this.#isWanted;
      this.#isWanted = false;
      const { segments, policy } = this.#parts;
      const queue = policy.victim(segments.queueBytes);
      const segment = segments.oldest(queue) ?? segments.oldest(queue === 'main' ? 'small' : 'main');
      if (segment === undefined) return;
      this.#going.add(segment);
      await this.#evict(segment, mayMove).finally(() => this.#going.delete(segment));
      await this.#pause();
    }
  }

  async #evict(segment: Segment, mayMove: boolean): Promise<void> {
    const { segments, policy } = this.#parts;
    await segments.settled(segment);
    const leaving = await this.#leaving(segment);
    if (mayMove && this.#moves(segment, leaving)) return;
    const { kept, dropped } = chosen(leaving, segment, policy);
    for (const leaving of kept) await this.#keep(segment, leaving);
    let count = 0;
    for (const leaving of dropped) {
      this.#drop(segment, leaving);
      if (++count % DROP_SLICE === 0) await this.#pause();
    }
    await this.#remove(segment);
  }

  /** Whether the segment stays, behind all others of the main queue; then it frees no room. */
  #moves(segment: Segment, leaving: readonly Leaving[]): boolean {
    const { segments, policy, bodies, catalog } = this.#parts;
    const from = segment.queue;
    let kept = 0;
    for (const { frequency, bytes, generation } of leaving) {
      if (policy.fate(from, frequency) === 'keep') kept += bytes + bodies.bytesOf(generation);
    }
    if (policy.segmentFate({ kept, all: segment.bytes + segment.bodyBytes }) === 'rewrite') return false;
    for (const each of leaving) {
      if (this.#isThere(segment, each)) {
        catalog.index.setFrequency(each.slot, policy.frequencyAfter(from, each.frequency));
      }
    }
    segments.move(segment);
    return true;
  }

  /** The entries with their record in the segment, in the order of the index. */
  async #leaving(segment: Segment): Promise<Leaving[]> {
    const { index } = this.#parts.catalog;
    const leaving: Leaving[] = [];
    const { entries } = segment;
    for (let from = 0; from < index.slots && leaving.length < entries; from += SLICE) {
      if (from > 0) await this.#pause();
      const to = Math.min(index.slots, from + SLICE);
      for (let slot = from; slot < to; slot++) {
        if (index.segment(slot) !== segment.number) continue;
        const place = { offset: index.offset(slot), bytes: index.bytes(slot) };
        leaving.push({ slot, generation: index.generation(slot), ...place, frequency: index.frequency(slot) });
      }
    }
    return leaving;
  }

  #isThere(segment: Segment, { slot, generation }: Leaving): boolean {
    const { index } = this.#parts.catalog;
    return slot < index.slots && index.segment(slot) === segment.number && index.generation(slot) === generation;
  }

  async #keep(segment: Segment, leaving: Leaving): Promise<void> {
    const { catalog, reader, writer, policy } = this.#parts;
    if (!this.#isThere(segment, leaving)) return;
    const { slot, generation, offset, bytes } = leaving;
    const hash = catalog.index.hash(slot);
    const place = { segment: segment.number, offset, bytes };
    const entry = await reader.read({ place, generation, key: undefined });
    if (!this.#isThere(segment, leaving)) return;
    if (entry === undefined) return this.#drop(segment, leaving);
    const writing = writer.prepare(entry, hash, 'main');
    try {
      if (writer.isShort(writing)) writer.writeNow(writing);
      else await writer.write(writing, () => this.#isThere(segment, leaving));
    } catch (error) {
      this.#parts.failed(error);
      return this.#drop(segment, leaving);
    }
    this.#reinsertedBytes += bytes;
    const now = catalog.index.find(hash);
    if (now >= 0) catalog.index.setFrequency(now, policy.frequencyAfter(segment.queue, leaving.frequency));
  }

  #drop(segment: Segment, leaving: Leaving): void {
    if (!this.#isThere(segment, leaving)) return;
    const { catalog, policy, bodies } = this.#parts;
    const { low } = catalog.index.hash(leaving.slot);
    policy.dropped(low, leaving.bytes + bodies.bytesOf(leaving.generation), segment.queue);
    catalog.leave(leaving.slot);
    this.#evictions++;
  }

  /** Removes the file even if its rows could not be dropped: rows without a record are misses, and room is needed. */
  async #remove(segment: Segment): Promise<void> {
    const { bodies, batches, segments } = this.#parts;
    bodies.disownSegment(segment.number);
    batches.add({ kind: 'drop-segment', segment: segment.number });
    await batches.flush();
    await segments.drop(segment);
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.tasks.later(0, resolve);
    });
  }
}

/** Chooses the most used entries first, as far as the credit goes. Returns both lists in the order of their offsets. */
function chosen(leaving: Leaving[], segment: Segment, policy: DiskPolicy): { kept: Leaving[]; dropped: Leaving[] } {
  const wanted = leaving.filter(({ frequency }) => policy.fate(segment.queue, frequency) === 'keep');
  wanted.sort((one, other) => other.frequency - one.frequency || one.offset - other.offset);
  const kept = new Set(wanted.filter(({ bytes }) => policy.mayRewrite(bytes)));
  return {
    kept: [...kept].sort((one, other) => one.offset - other.offset),
    dropped: leaving.filter((candidate) => !kept.has(candidate)),
  };
}
