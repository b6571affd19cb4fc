// The manifest on SQLite: a thread writes and reads in portions, this side looks rows up.
//
// At the start this side writes, since a starting gate should not wait for a thread. From the first other request on, the
// thread writes. Each look-up is a read of its own, so it sees everything that the thread has committed, and nothing that it
// is still writing.

import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { InvalidationsImage } from '../../../ledger/invalidations.ts';
import type { Selector } from '../../../ledger/selector.ts';
import type { IndexRows, Manifest, ManifestChange, ManifestRow, ManifestSummary } from '../contract.ts';
import { isDamage } from './manifest-damage.ts';
import { changesOf, type ImageChanges, type LastImage, readImage } from './manifest-image.ts';
import type { Portion } from './manifest-reads.ts';
import { decodeRow, type Value } from './manifest-rows.ts';
import { MANIFEST_FILE, markDamaged, type PreparedManifest, prepareManifest } from './manifest-tables.ts';
import type { ThreadCalls, ThreadFault } from './manifest-thread.ts';
import { ManifestWriter } from './manifest-writer.ts';
import { closedError, WritingThread, writeError } from './writing-thread.ts';

export interface ManifestOptions {
  /** Damage was met: the next start forgets everything stored, and writes until then may fail. */
  readonly onDamage?: (error: Error) => void;
}

export interface OpenedManifest {
  readonly manifest: SqliteManifest;
  /** Whether the existing manifest was damaged and moved aside. This one is then empty. */
  readonly wasDamaged: boolean;
}

/** Throws E_DISK, without touching the manifest, when it has a newer version. */
export function openManifest(folder: string, options: ManifestOptions = {}): OpenedManifest {
  const prepared = prepareManifest(folder);
  const manifest = new SqliteManifest(join(folder, MANIFEST_FILE), prepared, options);
  return { manifest, wasDamaged: prepared.wasDamaged };
}

export class SqliteManifest implements Manifest {
  readonly #file: string;
  readonly #onDamage: ((error: Error) => void) | undefined;
  readonly #database: DatabaseSync;
  readonly #lookUp: StatementSync;
  readonly #writer: DatabaseSync;
  #thread: WritingThread | undefined;
  #lastImage: LastImage | undefined;
  #isClosed = false;
  #isMarked = false;

  constructor(file: string, { reader, lookUp, writer }: PreparedManifest, { onDamage }: ManifestOptions) {
    this.#file = file;
    this.#onDamage = onDamage;
    this.#database = reader;
    this.#lookUp = lookUp;
    this.#writer = writer;
  }

  async commit(changes: readonly ManifestChange[]): Promise<void> {
    // One text: cloning so many objects would cost this side, and its event loop, more.
    await this.#ask('commit', JSON.stringify(changes));
  }

  lookUp(key: string): ManifestRow | undefined {
    try {
      const values = this.#lookUp.get(key);
      return values === undefined ? undefined : decodeRow(values as unknown as Value[]);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged(error as Error);
      return undefined;
    }
  }

  async *scan(): AsyncIterable<IndexRows> {
    const last = await this.#ask('lastGeneration', undefined);
    const portion = (after: number) => this.#ask('scan', { after, last });
    for await (const rows of portions(portion, 0)) if (rows.count > 0) yield rows;
  }

  async *find(selector: Selector): AsyncIterable<readonly ManifestRow[]> {
    const portion = (after: string) => this.#ask('find', { selector, after });
    for await (const rows of portions(portion, '')) if (rows.length > 0) yield rows;
  }

  bodies(): Promise<ManifestRow[]> {
    return gathered(portions((after: number) => this.#ask('bodies', after), 0));
  }

  summary(): Promise<ManifestSummary> {
    return this.#ask('summary', undefined);
  }

  async checkpoint(image: InvalidationsImage): Promise<void> {
    const { epoch, applied } = image;
    const changes = changesOf(image, this.#lastImage);
    if (this.#writer.isOpen) this.#writeHere(changes);
    else await this.#ask('checkpoint', changes, buffersOf(changes));
    this.#lastImage = { epoch, applied, buckets: changes.state.buckets };
  }

  restore(): InvalidationsImage | undefined {
    try {
      const image = readImage(this.#database);
      this.#lastImage = image && { epoch: image.epoch, applied: image.applied, buckets: image.buckets.length };
      return image;
    } catch (error) {
      // A disk error makes the image unknown too, but the disk may give it at the next start.
      if (isDamage(error)) this.#damaged(error as Error);
      else if ((error as { readonly errcode?: number }).errcode === undefined) throw error;
      return undefined;
    }
  }

  async clear(): Promise<void> {
    await this.#ask('clear', undefined);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // The writing connection closes last: it then brings the log into the database.
    if (this.#database.isOpen) this.#database.close();
    if (this.#writer.isOpen) this.#writer.close();
    await this.#thread?.end();
  }

  #writeHere(changes: ImageChanges): void {
    try {
      new ManifestWriter(this.#writer).checkpoint(changes);
    } catch (fault) {
      const error = writeError(fault as ThreadFault);
      if (isDamage(fault)) this.#damaged(error);
      throw error;
    }
  }

  async #ask<Call extends keyof ThreadCalls>(
    ...request: [Call, Parameters<ThreadCalls[Call]>[0], (readonly ArrayBuffer[])?]
  ): Promise<ReturnType<ThreadCalls[Call]>> {
    if (this.#isClosed) throw closedError();
    this.#thread ??= this.#handOver();
    return this.#thread.ask(...request);
  }

  /** The thread writes from now on. */
  #handOver(): WritingThread {
    // The thread first, since it may fail to start. It opens the database only after this step.
    const thread = new WritingThread(this.#file, (error) => this.#damaged(error));
    this.#writer.close();
    return thread;
  }

  #damaged(error: Error): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    markDamaged(this.#file);
    this.#onDamage?.(error);
  }
}

/** Asks for the next portion while the caller uses the one before. */
async function* portions<Rows, After>(
  ask: (after: After) => Promise<Portion<Rows, After>>,
  first: After,
): AsyncGenerator<Rows> {
  let portion = await ask(first);
  for (;;) {
    const { rows, after } = portion;
    if (after === undefined) return yield rows;
    const next = ask(after);
    // A caller that stops in the middle does not await it.
    next.catch(ignore);
    yield rows;
    portion = await next;
  }
}

function ignore(): void {
  // The next step awaits the promise and reports its error. Without a next step, nobody needs it.
}

async function gathered(rows: AsyncIterable<readonly ManifestRow[]>): Promise<ManifestRow[]> {
  const all: ManifestRow[] = [];
  for await (const portion of rows) all.push(...portion);
  return all;
}

function buffersOf({ chunks }: ImageChanges): ArrayBuffer[] {
  return chunks.map(({ positions }) => positions.buffer);
}
