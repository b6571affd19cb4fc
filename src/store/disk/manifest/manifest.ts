// The manifest on SQLite: a thread writes and reads in portions, this side looks rows up.
//
// At the start this side writes, since a starting gate should not wait for a thread. From the first other request on, the
// thread writes. Each look-up is a read of its own, so it sees everything that the thread has committed, and nothing that it
// is still writing.

import { Worker } from 'node:worker_threads';
import type { InvalidationsImage } from '../../../ledger/log.ts';
import type { Selector } from '../../../ledger/selector.ts';
import type { IndexRows, Manifest, ManifestChange, ManifestRow, ManifestSummary } from '../contract.ts';
import {
  changesOf,
  decodeRow,
  type ImageChanges,
  isDamage,
  type LastImage,
  ManifestWriter,
  readImage,
  type Value,
} from './manifest-content.ts';
import type { Portion } from './manifest-reads.ts';
import { markDamaged, type PreparedManifest, prepareManifest } from './manifest-tables.ts';
import type { ThreadCalls, ThreadFault, ThreadReply, ThreadRequest } from './manifest-thread.ts';

export class SqliteManifest implements Manifest {
  readonly #prepared: PreparedManifest;
  readonly #onDamage: ((error: Error) => void) | undefined;
  #thread: WritingThread | undefined;
  #lastImage: LastImage | undefined;
  #isClosed = false;
  #isMarked = false;

  /**
   * Throws E_DISK, without touching the manifest in the folder, when it has a newer version. `onDamage`: called when damage
   * is met; the next start forgets everything stored, and writes until then may fail.
   */
  constructor(folder: string, onDamage?: (error: Error) => void) {
    this.#prepared = prepareManifest(folder);
    this.#onDamage = onDamage;
  }

  /** Whether the existing manifest was damaged and moved aside, so that this one began empty. */
  get wasDamaged(): boolean {
    return this.#prepared.wasDamaged;
  }

  async commit(changes: readonly ManifestChange[]): Promise<void> {
    // One text: cloning so many objects would cost this side, and its event loop, more.
    await this.#ask('commit', JSON.stringify(changes));
  }

  lookUp(key: string): ManifestRow | undefined {
    try {
      const values = this.#prepared.lookUp.get(key);
      return values === undefined ? undefined : decodeRow(values as unknown as Value[]);
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#damaged(error as Error);
      return undefined;
    }
  }

  async *scan(): AsyncIterable<IndexRows> {
    const upTo = await this.#ask('lastGeneration', undefined);
    const portion = (after: number) => this.#ask('scan', { after, upTo });
    for await (const rows of portions(portion, 0)) if (rows.count > 0) yield rows;
  }

  async *find(selector: Selector): AsyncIterable<readonly ManifestRow[]> {
    const portion = (after: string) => this.#ask('find', { selector, after });
    for await (const rows of portions(portion, '')) if (rows.length > 0) yield rows;
  }

  async bodies(): Promise<ManifestRow[]> {
    const all: ManifestRow[] = [];
    for await (const rows of portions((after: number) => this.#ask('bodies', after), 0)) all.push(...rows);
    return all;
  }

  summary(): Promise<ManifestSummary> {
    return this.#ask('summary', undefined);
  }

  async checkpoint(image: InvalidationsImage): Promise<void> {
    const changes = changesOf(image, this.#lastImage);
    const buffers = changes.chunks.map(({ positions }) => positions.buffer);
    if (this.#prepared.writer.isOpen) this.#writeHere(changes);
    else await this.#ask('checkpoint', changes, buffers);
    const { epoch, applied, buckets } = changes.state;
    this.#lastImage = { epoch, applied, buckets };
  }

  restore(): InvalidationsImage | undefined {
    try {
      const image = readImage(this.#prepared.reader);
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
    const { reader, writer } = this.#prepared;
    if (reader.isOpen) reader.close();
    if (writer.isOpen) writer.close();
    await this.#thread?.end();
  }

  #writeHere(changes: ImageChanges): void {
    try {
      new ManifestWriter(this.#prepared.writer).checkpoint(changes);
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
    if (this.#thread === undefined) {
      // The thread first, since it may fail to start. It opens the database only after this step, and writes from then on.
      this.#thread = new WritingThread(this.#prepared.file, (error) => this.#damaged(error));
      this.#prepared.writer.close();
    }
    return this.#thread.ask(...request);
  }

  #damaged(error: Error): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    markDamaged(this.#prepared.file);
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
    // The next step awaits it and reports its error. A caller that stops in the middle needs neither.
    next.catch(() => {});
    yield rows;
    portion = await next;
  }
}

/**
 * The thread of manifest-thread.ts, as this side asks it. It can end by itself: then all pending requests fail, and so do all
 * later ones.
 */
class WritingThread {
  readonly #thread: Worker;
  readonly #damaged: (error: Error) => void;
  readonly #pending = new Map<number, PromiseWithResolvers<unknown>>();
  #lastId = 0;
  #broken: Error | undefined;

  /** `damaged`: called when the database is damaged. */
  constructor(file: string, damaged: (error: Error) => void) {
    this.#damaged = damaged;
    const { url } = import.meta;
    // In the source, the file beside this one; in the package, the file that package.json names.
    const code = url.endsWith('.ts') ? new URL('./manifest-thread.ts', url) : import.meta.resolve('#manifest-thread');
    this.#thread = new Worker(new URL(code), { workerData: file, execArgv: [], name: 'manifest' });
    this.#thread.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#thread.on('error', (error: Error) => this.#breakOff(error));
    this.#thread.on('exit', () => this.#breakOff(closedError()));
    this.#thread.unref();
  }

  ask<Call extends keyof ThreadCalls>(
    call: Call,
    given: Parameters<ThreadCalls[Call]>[0],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<ThreadCalls[Call]>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const pending = Promise.withResolvers<unknown>();
    const id = ++this.#lastId;
    this.#pending.set(id, pending);
    // An idle thread does not keep the process alive; a pending request does.
    this.#thread.ref();
    this.#thread.postMessage({ id, call, given } satisfies ThreadRequest, [...transfer]);
    return pending.promise as Promise<ReturnType<ThreadCalls[Call]>>;
  }

  /** Resolves when the thread has ended and has closed its connection in order. */
  async end(): Promise<void> {
    if (this.#broken !== undefined) return;
    await this.ask('close', undefined);
    await this.#thread.terminate();
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.id) as PromiseWithResolvers<unknown>;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#thread.unref();
    if ('result' in reply) return pending.resolve(reply.result);
    const error = writeError(reply.fault);
    if (reply.fault.isDamage) this.#damaged(error);
    pending.reject(error);
  }

  #breakOff(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

function closedError(): Error {
  return new Error('expected the manifest to be open, got a closed one');
}

const SQLITE_FULL = 13;

/** SQLite's error, with the system's code where there is one. */
function writeError({ message, errcode }: Pick<ThreadFault, 'message' | 'errcode'>): Error {
  const code = errcode !== undefined && (errcode & 0xff) === SQLITE_FULL ? 'ENOSPC' : undefined;
  return Object.assign(new Error(message), { errcode, ...(code !== undefined && { code }) });
}
