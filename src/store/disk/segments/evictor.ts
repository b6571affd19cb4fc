// Makes room: the oldest segment of the queue that the policy names goes. Its used entries are written again at the end of
// the main queue, as far as the policy's credit goes; the others are dropped. If nearly all were used, the segment itself
// moves to the end of the main queue, and nothing is written.
//
// It runs beside everything else. It finds the segment's entries by walking the index, in slices. An entry may be replaced
// or removed before its turn comes, so its generation is compared then. It reads neither the manifest nor dead records.

import type { Tasks } from '../../../ports.ts';
import type { Place } from '../contract.ts';
import type { DiskState, EntryRecords } from './entry-records.ts';
import type { Segment } from './segments.ts';

/** Slots looked at, or entries dropped, before other work gets its turn: some hundred microseconds. */
const SLICE = 65_536;
const DROP_SLICE = 2048;

/** An entry of a segment that goes. */
interface Leaving {
  readonly slot: number;
  readonly generation: number;
  readonly place: Place;
  readonly frequency: number;
}

export class Evictor {
  readonly #records: EntryRecords;
  readonly #state: DiskState;
  #running: Promise<void> | undefined;
  #isWanted = false;
  /** Segments on their way out. */
  readonly #going = new Set<Segment>();
  #isClosed = false;
  evictions = 0;
  /** Bytes of records written again because they were kept. */
  reinsertedBytes = 0;

  constructor(records: EntryRecords) {
    this.#records = records;
    this.#state = records.state;
  }

  /** Makes room while there is too little. `isDiskFull`: one segment goes, whatever its bytes. */
  makeRoom(isDiskFull = false): void {
    if (isDiskFull) this.#isWanted = true;
    if (this.#running !== undefined || this.#isClosed || !this.#state.indexState.isLoaded) return;
    this.#running = this.#run()
      .catch(this.#state.fault)
      .finally(() => {
        this.#running = undefined;
      });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running !== undefined) await this.#running;
  }

  /** Removes a segment in which nothing is stored. */
  dropEmpty(segment: Segment): void {
    if (this.#going.has(segment) || this.#isClosed || !this.#state.indexState.isLoaded) return;
    this.#going.add(segment);
    const drop = async () => {
      await this.#state.segments.settled(segment);
      if (segment.entries === 0 && !this.#isClosed) await this.#remove(segment);
    };
    drop()
      .catch(this.#state.fault)
      .finally(() => this.#going.delete(segment));
  }

  async #run(): Promise<void> {
    while (!this.#isClosed && (this.#isWanted || this.#state.room.isExceeded)) {
      const mayMove = !this.#isWanted;
      this.#isWanted = false;
      const { segments } = this.#state;
      const queue = this.#state.policy.victim(segments.queueBytes);
      const segment = segments.oldest(queue) ?? segments.oldest(queue === 'main' ? 'small' : 'main');
      if (segment === undefined) return;
      this.#going.add(segment);
      await this.#evict(segment, mayMove).finally(() => this.#going.delete(segment));
      await aTurn(this.#state.tasks);
    }
  }

  async #evict(segment: Segment, mayMove: boolean): Promise<void> {
    const { segments, bodies, indexState, policy, tasks } = this.#state;
    const { queue } = segment;
    await segments.settled(segment);
    const leaving = await this.#leaving(segment);
    const wanted = leaving.filter(({ frequency }) => policy.fate(queue, frequency) === 'keep');
    const bytes = wanted.reduce((sum, { place, generation }) => sum + place.bytes + bodies.bytesOf(generation), 0);
    if (mayMove && policy.segmentFate({ kept: bytes, all: segment.bytes + segment.bodyBytes }) === 'move') {
      for (const each of leaving) {
        if (!this.#isThere(segment, each)) continue;
        indexState.index.setFrequency(each.slot, policy.frequencyAfter(queue, each.frequency));
      }
      return segments.move(segment);
    }
    // The most used entries first, as far as the credit goes; then in the order of their offsets.
    wanted.sort((one, other) => other.frequency - one.frequency || one.place.offset - other.place.offset);
    const kept = new Set(wanted.filter(({ place }) => policy.mayRewrite(place.bytes)));
    const inOrder = [...kept].sort((one, other) => one.place.offset - other.place.offset);
    for (const each of inOrder) await this.#keep(segment, each);
    let count = 0;
    for (const each of leaving) {
      if (kept.has(each)) continue;
      this.#drop(segment, each);
      if (++count % DROP_SLICE === 0) await aTurn(tasks);
    }
    await this.#remove(segment);
  }

  /** The entries with their record in the segment, in the order of the index. */
  async #leaving(segment: Segment): Promise<Leaving[]> {
    const { index } = this.#state.indexState;
    const leaving: Leaving[] = [];
    const { entries } = segment;
    for (let from = 0; from < index.slots && leaving.length < entries; from += SLICE) {
      if (from > 0) await aTurn(this.#state.tasks);
      const to = Math.min(index.slots, from + SLICE);
      for (let slot = from; slot < to; slot++) {
        if (index.segment(slot) !== segment.number) continue;
        const [generation, frequency] = [index.generation(slot), index.frequency(slot)];
        leaving.push({ slot, generation, place: index.place(slot), frequency });
      }
    }
    return leaving;
  }

  #isThere(segment: Segment, { slot, generation }: Leaving): boolean {
    const { index } = this.#state.indexState;
    return slot < index.slots && index.segment(slot) === segment.number && index.generation(slot) === generation;
  }

  async #keep(segment: Segment, leaving: Leaving): Promise<void> {
    const { policy, room, indexState } = this.#state;
    const { index } = indexState;
    if (!this.#isThere(segment, leaving)) return;
    const { slot, generation, place } = leaving;
    const hash = index.hash(slot);
    const entry = await this.#records.read({ place, generation, key: undefined });
    if (!this.#isThere(segment, leaving)) return;
    if (entry === undefined) return this.#drop(segment, leaving);
    try {
      await this.#records.write({ entry, hash, queue: 'main' }, () => this.#isThere(segment, leaving));
    } catch (error) {
      room.failed(error);
      return this.#drop(segment, leaving);
    }
    this.reinsertedBytes += place.bytes;
    const now = index.find(hash);
    if (now >= 0) index.setFrequency(now, policy.frequencyAfter(segment.queue, leaving.frequency));
  }

  #drop(segment: Segment, leaving: Leaving): void {
    if (!this.#isThere(segment, leaving)) return;
    const { indexState, bodies } = this.#state;
    const { low } = indexState.index.hash(leaving.slot);
    const bytes = leaving.place.bytes + bodies.bytesOf(leaving.generation);
    this.#state.policy.dropped(low, bytes, segment.queue);
    indexState.leave(leaving.slot);
    this.evictions++;
  }

  /** Removes the file even if its rows could not be dropped: rows without a record are misses, and room is needed. */
  async #remove(segment: Segment): Promise<void> {
    const { bodies, batches, segments, room } = this.#state;
    bodies.disownSegment(segment.number);
    batches.add({ kind: 'drop-segment', segment: segment.number });
    await batches.flush();
    await segments.drop(segment);
    room.freed();
  }
}

/** Gives other work a turn, or more time. */
export function aTurn(tasks: Tasks, delayMs = 0): Promise<void> {
  return new Promise((resolve) => void tasks.later(delayMs, resolve));
}
