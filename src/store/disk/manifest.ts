// The manifest on SQLite: a thread writes and reads in portions, this side looks up.
//
// The one complication: two connections. What the thread has committed is seen here at the next look-up, because a
// look-up is a read of its own; what it is still writing is not.

import { join } from 'node:path';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';
import type { InvalidationsImage } from '../../dependency/log.ts';
import type { Selector } from '../../dependency/selector.ts';
import type { IndexRows, Manifest, ManifestChange, ManifestRow, ManifestSummary } from './contract.ts';
import { isDamage } from './manifest-damage.ts';
import { changesOf, type LastImage, readImage } from './manifest-image.ts';
import type { Portion } from './manifest-reads.ts';
import { decodeRow, type Value } from './manifest-rows.ts';
import { MANIFEST_FILE, markDamaged, type PreparedManifest, prepareManifest } from './manifest-tables.ts';
import type { ThreadCalls, ThreadFault, ThreadReply, ThreadRequest } from './manifest-thread.ts';

export interface ManifestOptions {
  /** Damage was met: what is stored is forgotten at the next start, and what is given until then may fail. */
  readonly onDamage?: (error: Error) => void;
}

export interface OpenedManifest {
  readonly manifest: SqliteManifest;
  /** True: the manifest that was there was damaged, has been moved aside, and this one is empty. */
  readonly wasDamaged: boolean;
}

/** Throws E_DISK when the manifest is of a newer version; then it has not been touched. */
export function openManifest(folder: string, options: ManifestOptions = {}): OpenedManifest {
  const prepared = prepareManifest(folder);
  const manifest = new SqliteManifest(join(folder, MANIFEST_FILE), prepared, options);
  return { manifest, wasDamaged: prepared.wasDamaged };
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class SqliteManifest implements Manifest {
  readonly #file: string;
  readonly #onDamage: ((error: Error) => void) | undefined;
  readonly #database: DatabaseSync;
  readonly #lookUp: StatementSync;
  readonly #thread: Worker;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #lastImage: LastImage | undefined;
  #broken: Error | undefined;
  #isMarked = false;

  constructor(file: string, { reader, lookUp }: PreparedManifest, { onDamage }: ManifestOptions) {
    this.#file = file;
    this.#onDamage = onDamage;
    this.#database = reader;
    this.#lookUp = lookUp;
    this.#thread = new Worker(threadFile(), { workerData: file, execArgv: [], name: 'manifest' });
    this.#thread.on('message', (reply: ThreadReply) => this.#settle(reply));
    this.#thread.on('error', (error: Error) => this.#breakOff(error));
    this.#thread.on('exit', () => this.#breakOff(new Error('expected the manifest to be open, got a closed one')));
    this.#thread.unref();
  }

  async commit(changes: readonly ManifestChange[]): Promise<void> {
    // As one text: to have so many objects cloned costs this side, and its event loop, more.
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
    await this.#ask(
      'checkpoint',
      changes,
      changes.chunks.map(({ positions }) => positions.buffer),
    );
    this.#lastImage = { epoch, applied, buckets: changes.state.buckets };
  }

  restore(): InvalidationsImage | undefined {
    try {
      const image = readImage(this.#database);
      this.#lastImage = image && { epoch: image.epoch, applied: image.applied, buckets: image.buckets.length };
      return image;
    } catch (error) {
      // What the disk does not give is unknown as well; only, it may be there at the next start.
      if (isDamage(error)) this.#damaged(error as Error);
      else if ((error as { readonly errcode?: number }).errcode === undefined) throw error;
      return undefined;
    }
  }

  async clear(): Promise<void> {
    await this.#ask('clear', undefined);
  }

  async close(): Promise<void> {
    if (this.#broken !== undefined) return;
    // The thread's connection is to be the last: that one brings the log into the database.
    if (this.#database.isOpen) this.#database.close();
    await this.#ask('close', undefined);
    await this.#thread.terminate();
  }

  #ask<Call extends keyof ThreadCalls>(
    call: Call,
    given: Parameters<ThreadCalls[Call]>[0],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<ReturnType<ThreadCalls[Call]>> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#pending.set(id, { resolve: resolve as (result: unknown) => void, reject });
      // A thread that nothing is asked of does not keep the process alive.
      this.#thread.ref();
      this.#thread.postMessage({ id, call, given } satisfies ThreadRequest, [...transfer]);
    });
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.id) as Pending;
    this.#pending.delete(reply.id);
    if (this.#pending.size === 0) this.#thread.unref();
    if ('result' in reply) return pending.resolve(reply.result);
    const error = errorOf(reply.fault);
    if (reply.fault.isDamage) this.#damaged(error);
    pending.reject(error);
  }

  #damaged(error: Error): void {
    if (this.#isMarked) return;
    this.#isMarked = true;
    markDamaged(this.#file);
    this.#onDamage?.(error);
  }

  #breakOff(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}

/** The thread's file has this one's extension: `.ts` in the source, `.js` in the package. */
function threadFile(): URL {
  return new URL(`./manifest-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
}

/** Asks for the next portion while the one before is being used. */
async function* portions<Rows, After>(
  ask: (after: After) => Promise<Portion<Rows, After>>,
  first: After,
): AsyncGenerator<Rows> {
  let portion = await ask(first);
  for (;;) {
    const { rows, after } = portion;
    if (after === undefined) return yield rows;
    const next = ask(after);
    // Whoever stops in the middle does not wait for it.
    next.catch(ignore);
    yield rows;
    portion = await next;
  }
}

function ignore(): void {
  // It is awaited, and told of, by the next step; when there is none, nobody wants to know.
}

async function gathered(rows: AsyncIterable<readonly ManifestRow[]>): Promise<ManifestRow[]> {
  const all: ManifestRow[] = [];
  for await (const portion of rows) all.push(...portion);
  return all;
}

const SQLITE_FULL = 13;

function errorOf({ message, errcode }: ThreadFault): Error {
  const code = errcode !== undefined && (errcode & 0xff) === SQLITE_FULL ? 'ENOSPC' : undefined;
  return Object.assign(new Error(message), { errcode, ...(code !== undefined && { code }) });
}
