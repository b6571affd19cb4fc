// The durable log of invalidations: one record for each change, in the page cache when `append` returns, so that the
// process may be killed, and on the disk when its promise resolves, so that the power may fail.
//
// At no instant may a crash lose an acknowledged position, not even while the log is begun anew.
// The order is: (1) the image of all that is in force goes into the manifest, durably, while records go on into the old
// log and are kept here as well; (2) the spare file becomes a log that begins where the image ended, with what was kept,
// and records go there from now on; (3) it is synced; only then may the old log be written over, at the next turn. Until
// (3) the old log holds all that was acknowledged before (2), for the older image as for the newer; what comes after (2)
// is acknowledged only when the new log has been synced. Recovery takes any log that joins its image and comes as far as
// the witness says, so it never has to be told which of the two counts.
//
// When the log cannot be written, the witness is made to say 'fenced', which needs no room: after a restart nothing stored
// is trusted, so an invalidation may be acknowledged that stands nowhere. The same four steps end that state.

import { TidegateError } from '../../../errors.ts';
import type { InvalidationsImage } from '../../../ledger/invalidations.ts';
import type { LogChange, Position } from '../../../ledger/log.ts';
import type { Cancel, Eventually, InvalidationLog, Tasks } from '../../../ports.ts';
import type { DiskFolder, Manifest } from '../contract.ts';
import { GroupSync } from './group-sync.ts';
import { encodeHeader, encodeRecord } from './journal-codec.ts';
import { type Testimony, Witness } from './journal-tail-mark.ts';
import { LogFile } from './log-file.ts';
import { type Continuation, LOG_FILES, POSITION_JUMP, WITNESS_FILE } from './recovery.ts';

/** What an operator should hear of. */
export type JournalEvent =
  /** The log cannot be written. `durable`: that was written down, so invalidations can still be acknowledged. */
  | { readonly kind: 'fenced'; readonly durable: boolean; readonly error: Error }
  /** The log was begun anew, and what is in force is on the disk again. */
  | { readonly kind: 'mended' }
  /** What is in force could not be written down; it is tried again. Until then the log grows. */
  | { readonly kind: 'checkpoint-failed'; readonly error: Error };

export interface JournalOptions {
  readonly folder: DiskFolder;
  readonly manifest: Pick<Manifest, 'checkpoint'>;
  readonly tasks: Tasks;
  /** Of the invalidations that the follower applies changes to: all that was appended, when it is called. */
  readonly image: () => InvalidationsImage;
  readonly onEvent?: (event: JournalEvent) => void;
  /** After so many records or bytes the log is begun anew. */
  readonly limits?: { readonly records?: number; readonly bytes?: number };
}

/** exact: log and witness are written. fenced: the witness says so. lost: not even that could be written. */
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
  readonly #witness: Witness;
  readonly #limits: { readonly records: number; readonly bytes: number };
  readonly #intents = new Map<string, string>();
  /** Of the node before, for the first log alone: until the gate holds their URIs, a kill must not lose them. */
  #inherited: Continuation['intents'];
  readonly #group = new GroupSync(() => this.#sync());
  #apply: ((position: Position, change: LogChange) => void) | undefined;
  #position: Position;
  #serial: number;
  #spare: 0 | 1;
  /** Where records go; none while fenced. */
  #log: LogFile | undefined;
  /** Records since the image that is being written down. */
  #kept: Uint8Array[] | undefined;
  #health: Health = 'fenced';
  #isTold = false;
  #checkpointing: Promise<void> | undefined;
  #retry: Cancel | undefined;
  #closed = false;

  constructor(options: JournalOptions, from: Continuation) {
    this.#options = options;
    this.#epoch = options.image().epoch;
    this.#limits = { records: options.limits?.records ?? 16_384, bytes: options.limits?.bytes ?? 4 * 2 ** 20 };
    this.#position = from.position;
    this.#serial = from.serial;
    this.#spare = from.spareLog;
    this.#inherited = from.intents;
    this.#witness = new Witness(options.folder.open(WITNESS_FILE, { create: true }));
  }

  /** The jump of the position is durable when this resolves: before that nothing may be stamped. */
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

  /** False: the log cannot be written, and after a restart everything stored would have to be validated. */
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
    // Nobody waits for it, but a power cut should find as few writes under way unknown as can be.
    if (change.kind === 'open') this.#group.request();
    return position;
  }

  /** Writes down what is in force, so that the next start has nothing to replay. What is appended later is refused. */
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
    this.#witness.close();
  }

  #testimony(): Testimony {
    return { epoch: this.#epoch, serial: this.#serial, position: this.#position };
  }

  #write(record: Uint8Array): void {
    this.#kept?.push(record);
    try {
      this.#log?.append(record);
      if (this.#health === 'exact') this.#witness.testify(this.#testimony());
    } catch (error) {
      this.#fence(error as Error);
    }
  }

  /** Written at once, so it holds when the process is killed now; the next sync makes it hold for good. */
  #fence(cause: Error): void {
    this.#log?.close();
    this.#log = undefined;
    try {
      this.#witness.restate('fenced', this.#testimony());
      this.#turn('fenced', cause);
    } catch (error) {
      this.#turn('lost', error as Error);
    }
    this.#retryLater();
  }

  #turn(health: 'fenced' | 'lost', error: Error): void {
    // Fenced is also how a journal begins, before it has tried anything.
    if (this.#health === health && this.#isTold) return;
    this.#health = health;
    this.#isTold = true;
    this.#tell({ kind: 'fenced', durable: health === 'fenced', error });
  }

  /** Makes durable, in one form or the other, all that was appended before; rejects with E_LOG. */
  async #sync(): Promise<void> {
    if (this.#health === 'exact') {
      try {
        await Promise.all([this.#log?.sync(), this.#witness.sync()]);
        return;
      } catch (error) {
        // What a sync that failed has left on the disk is unknown, and a second one would hide it.
        this.#fence(error as Error);
      }
    } else if (this.#health === 'lost') {
      this.#fence(new Error('a disk that refused all writes before'));
    }
    if (this.#isLost()) throw notDurable(new Error('a log and a witness that cannot be written'));
    try {
      await this.#witness.sync();
    } catch (error) {
      this.#turn('lost', error as Error);
      this.#retryLater();
      throw notDurable(error as Error);
    }
  }

  #isLost(): boolean {
    return this.#health === 'lost';
  }

  #checkpointIfFull(): void {
    const log = this.#log;
    if (log === undefined) return;
    if (log.records >= MAX_RECORDS) {
      this.#fence(new Error(`expected an image after ${this.#limits.records} records, got none in ${log.records}`));
    } else if ((log.records >= this.#limits.records || log.bytes >= this.#limits.bytes) && this.#retry === undefined) {
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

  /** Begins the log anew; on failure it will be tried again. One at a time. */
  #checkpoint(): Promise<void> {
    this.#checkpointing ??= this.#beginAnew()
      .catch((error: Error) => {
        this.#tell({ kind: 'checkpoint-failed', error });
        this.#retryLater();
      })
      .finally(() => {
        this.#checkpointing = undefined;
      });
    return this.#checkpointing;
  }

  async #beginAnew(): Promise<void> {
    const log = await this.#nextLog();
    this.#inherited = [];
    this.#log?.close();
    this.#log = log;
    this.#spare = this.#spare === 0 ? 1 : 0;
    try {
      await log.sync();
    } catch (error) {
      this.#fence(error as Error);
      throw error;
    }
    if (this.#log !== log) throw new Error('a log that could not be written meanwhile');
    if (this.#health !== 'exact') await this.#trustAgain();
  }

  /** The image, durable, and the spare file as a log that continues it up to now. */
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
      return LogFile.begin(this.#options.folder, LOG_FILES[this.#spare], [header, ...kept]);
    } finally {
      this.#kept = undefined;
    }
  }

  /**
   * Records that were acknowledged under the fence may not be on the disk yet. The witness counts them, so if it is
   * and they are not, that will be seen.
   */
  async #trustAgain(): Promise<void> {
    this.#witness.restate('exact', this.#testimony());
    this.#health = 'exact';
    await this.#group.done();
    if (this.isExact && this.#isTold) this.#tell({ kind: 'mended' });
  }

  #tell(event: JournalEvent): void {
    this.#options.onEvent?.(event);
  }
}

function notDurable(cause: Error): TidegateError {
  return new TidegateError('E_LOG', `expected the invalidation to be made durable, got ${cause.message}`, { cause });
}
