// The durable log of invalidations, one record for each change. When `append` returns, the record is in the page cache, so
// it survives the death of the process. When its promise resolves, the record is on the disk, so it survives a power cut.
//
// At no instant may a crash lose an acknowledged position, not even while the log is begun anew. The order is: (1) the image
// of everything in force goes into the manifest, durably, while records go on into the old log and are kept here as well;
// (2) the spare file becomes a log that begins where the image ended, with the kept records, and new records go there; (3)
// the new log is synced, and only then may the old log be written over, at the next turn. Until (3) the old log holds
// everything acknowledged before (2), for the older image as for the newer. Records after (2) are acknowledged only when the
// new log has been synced. Recovery takes any log that joins its image and comes as far as the tail mark says, so nothing has
// to tell it which of the two counts.
//
// When the log cannot be written, the tail mark is made to say 'fenced', which needs no room. After a restart nothing stored
// is trusted then, so an invalidation may be acknowledged although no file has it. The steps above end that state.

import { TidegateError } from '../../../errors.ts';
import type { InvalidationsImage, LogChange, Position } from '../../../ledger/log.ts';
import type { Cancel, Eventually, InvalidationLog, Tasks } from '../../../ports.ts';
import type { DiskFolder, Manifest } from '../contract.ts';
import { encodeHeader, encodeRecord, GroupSync, type LogEnd, LogFile, TailMark } from './journal-files.ts';
import { type Continuation, LOG_FILES, POSITION_JUMP, TAIL_MARK_FILE } from './recovery.ts';

/** Events for an operator. */
export type JournalEvent =
  /** The log cannot be written. `durable`: the tail mark says so on the disk, so invalidations can still be acknowledged. */
  | { readonly kind: 'fenced'; readonly durable: boolean; readonly error: Error }
  /** The log was begun anew, and everything in force is on the disk again. */
  | { readonly kind: 'mended' }
  /** The invalidations in force could not be recorded. The journal tries again, and the log grows until it succeeds. */
  | { readonly kind: 'checkpoint-failed'; readonly error: Error };

export interface JournalOptions {
  readonly folder: DiskFolder;
  readonly manifest: Pick<Manifest, 'checkpoint'>;
  readonly tasks: Tasks;
  /** Image of the invalidations to which the follower applies changes: everything appended before the call. */
  readonly image: () => InvalidationsImage;
  readonly onEvent?: ((event: JournalEvent) => void) | undefined;
  /** Begins the log anew after this many records or bytes. */
  readonly limits?: { readonly records?: number; readonly bytes?: number };
}

/** exact: log and tail mark are written. fenced: the tail mark says so. lost: even the tail mark could not be written. */
type Health = 'exact' | 'fenced' | 'lost';

/** A log with more records than this, because no image could be written, is given up: see POSITION_JUMP. */
const MAX_RECORDS = POSITION_JUMP / 2;
const RETRY_MS = 1_000;

/** Goes on after a recovery. Rejects with E_DISK when nothing at all can be written. */
export async function openJournal(options: JournalOptions, from: Continuation): Promise<Journal> {
  const journal = new Journal(options, from);
  await journal.start();
  return journal;
}

export class Journal implements InvalidationLog {
  readonly #options: JournalOptions;
  readonly #epoch: string;
  readonly #tailMark: TailMark;
  readonly #intents = new Map<string, string>();
  /** Intents of the previous process, for the first log only: a kill must not lose them before the gate holds their URIs. */
  #inherited: Continuation['intents'];
  readonly #group = new GroupSync(() => this.#sync());
  #apply: ((position: Position, change: LogChange) => void) | undefined;
  #position: Position;
  #serial: number;
  #spare: 0 | 1;
  /** Receives the records. Undefined while fenced. */
  #log: LogFile | undefined;
  /** Records since the image that is being recorded. */
  #kept: Uint8Array[] | undefined;
  #health: Health = 'fenced';
  #isTold = false;
  #checkpointing: Promise<void> | undefined;
  #retry: Cancel | undefined;
  #closed = false;

  constructor(options: JournalOptions, from: Continuation) {
    this.#options = options;
    this.#epoch = options.image().epoch;
    this.#position = from.position;
    this.#serial = from.serial;
    this.#spare = from.spareLog;
    this.#inherited = from.intents;
    this.#tailMark = new TailMark(options.folder.open(TAIL_MARK_FILE, { create: true }));
  }

  /** Resolves when the jump of the position is durable. Before that, nothing may be stamped. */
  async start(): Promise<void> {
    try {
      await this.#beginAnew();
    } catch (error) {
      try {
        this.#fence(error as Error);
        await this.#group.done();
      } catch (cause) {
        this.#abandon();
        const message = `expected a disk.path that can be written to, got ${(cause as Error).message}`;
        throw new TidegateError('E_DISK', message, { cause });
      }
    }
  }

  /** Whether the log can be written. If not, everything stored would have to be validated after a restart. */
  get isExact(): boolean {
    return this.#health === 'exact';
  }

  follow(apply: (position: Position, change: LogChange) => void): void {
    this.#apply = apply;
  }

  append(change: LogChange): Eventually<Position> {
    if (this.#closed) return Promise.reject(notDurable(new Error('a journal that has been closed')));
    const position = change.kind === 'invalidate' ? ++this.#position : this.#position;
    this.#write(encodeRecord(this.#epoch, { serial: ++this.#serial, position, change }));
    if (change.kind === 'open') this.#intents.set(change.intent, change.uri);
    else if (change.kind === 'close') this.#intents.delete(change.intent);
    this.#apply?.(position, change);
    this.#checkpointIfFull();
    if (change.kind === 'invalidate' || this.#health === 'lost') return this.#group.done().then(() => position);
    // Nobody waits for this sync, but after a power cut as few pending writes as possible should be unknown.
    if (change.kind === 'open') this.#group.request();
    return position;
  }

  /** Records the invalidations in force, so that the next start has nothing to replay. Later appends are refused. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.#checkpointing;
    await this.#checkpoint();
    this.#closed = true;
    try {
      await this.#group.done();
    } finally {
      this.#abandon();
    }
  }

  #abandon(): void {
    this.#closed = true;
    this.#retry?.();
    this.#log?.close();
    this.#tailMark.close();
  }

  #end(): LogEnd {
    return { epoch: this.#epoch, serial: this.#serial, position: this.#position };
  }

  #write(record: Uint8Array): void {
    this.#kept?.push(record);
    try {
      this.#log?.append(record);
      if (this.#health === 'exact') this.#tailMark.advance(this.#end());
    } catch (error) {
      this.#fence(error as Error);
    }
  }

  /** Writes the fence at once, so it holds if the process is killed now; the next sync makes it durable. */
  #fence(cause: Error): void {
    this.#log?.close();
    this.#log = undefined;
    try {
      this.#tailMark.restate('fenced', this.#end());
      this.#turn('fenced', cause);
    } catch (error) {
      this.#turn('lost', error as Error);
    }
    this.#retryLater();
  }

  #turn(health: 'fenced' | 'lost', error: Error): void {
    // A journal also begins fenced, before it has tried to write.
    if (this.#health === health && this.#isTold) return;
    this.#health = health;
    this.#isTold = true;
    this.#options.onEvent?.({ kind: 'fenced', durable: health === 'fenced', error });
  }

  /** Makes everything appended before durable, in the log or by the fence. Rejects with E_LOG. */
  async #sync(): Promise<void> {
    if (this.#health === 'exact') {
      try {
        await Promise.all([this.#log?.sync(), this.#tailMark.sync()]);
        return;
      } catch (error) {
        // After a failed sync the bytes on the disk are unknown, and a second sync would hide that.
        this.#fence(error as Error);
      }
    } else if (this.#health === 'lost') {
      this.#fence(new Error('a disk that refused all writes before'));
    }
    if ((this.#health as Health) === 'lost')
      throw notDurable(new Error('a log and a tail mark that cannot be written'));
    try {
      await this.#tailMark.sync();
    } catch (error) {
      this.#turn('lost', error as Error);
      this.#retryLater();
      throw notDurable(error as Error);
    }
  }

  #checkpointIfFull(): void {
    const log = this.#log;
    if (log === undefined) return;
    const { records = 16_384, bytes = 4 * 2 ** 20 } = this.#options.limits ?? {};
    if (log.records >= MAX_RECORDS) {
      this.#fence(new Error(`expected an image after ${records} records, got none in ${log.records}`));
    } else if ((log.records >= records || log.bytes >= bytes) && this.#retry === undefined) {
      void this.#checkpoint();
    }
  }

  #retryLater(): void {
    if (this.#closed) return;
    this.#retry ??= this.#options.tasks.later(RETRY_MS, () => {
      this.#retry = undefined;
      void this.#checkpoint();
    });
  }

  /** Begins the log anew, one attempt at a time; tries again after a failure. */
  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#beginAnew()
      .catch((error: Error) => {
        this.#options.onEvent?.({ kind: 'checkpoint-failed', error });
        this.#retryLater();
      })
      .finally(() => {
        this.#checkpointing = undefined;
      });
    return this.#checkpointing;
  }

  async #beginAnew(): Promise<void> {
    const log = await this.#nextLog();
    try {
      await log.sync();
    } catch (error) {
      this.#fence(error as Error);
      throw error;
    }
    if (this.#log !== log) throw new Error('a log that could not be written meanwhile');
    if (this.#health !== 'exact') await this.#trustAgain();
  }

  /**
   * Makes the image durable, and turns the spare file into a log that continues it up to now. The new log takes the place of the
   * old one in the same step, so each record is in what it begins with, or comes after.
   */
  async #nextLog(): Promise<LogFile> {
    const image = this.#options.image();
    if (image.applied !== this.#position) {
      throw new Error(`expected an image of position ${this.#position}, got ${image.applied}`);
    }
    const intents = [...this.#inherited, ...[...this.#intents].map(([intent, uri]) => ({ intent, uri }))];
    const header = encodeHeader({ epoch: this.#epoch, base: this.#position, serial: this.#serial, intents });
    const kept: Uint8Array[] = [];
    this.#kept = kept;
    try {
      await this.#options.manifest.checkpoint(image);
      const log = LogFile.begin(this.#options.folder, LOG_FILES[this.#spare], [header, ...kept]);
      this.#inherited = [];
      this.#log?.close();
      this.#log = log;
      this.#spare = this.#spare === 0 ? 1 : 0;
      return log;
    } finally {
      this.#kept = undefined;
    }
  }

  /**
   * Records acknowledged under the fence may not be on the disk yet. The tail mark counts them, so a recovery notices if they
   * are missing.
   */
  async #trustAgain(): Promise<void> {
    this.#tailMark.restate('exact', this.#end());
    this.#health = 'exact';
    await this.#group.done();
    if (this.isExact && this.#isTold) this.#options.onEvent?.({ kind: 'mended' });
  }
}

function notDurable(cause: Error): TidegateError {
  return new TidegateError('E_LOG', `expected the invalidation to be made durable, got ${cause.message}`, { cause });
}
