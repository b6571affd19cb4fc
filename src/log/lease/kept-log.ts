// The log as the keeper's storage has it: rows of changes, and from time to time an image of all that they have put in
// force, so that old rows may go. What is in memory follows what is stored: a statement that fails changes neither.
//
// A row has the changes of one call, since the platform charges for each row written.

import { TidegateError } from '../../errors.ts';
import { fnv1a } from '../../ledger/hashes.ts';
import { Invalidations } from '../../ledger/invalidations.ts';
import type { InvalidationsImage, LogChange, Position } from '../../ledger/log.ts';
import { dense, sparse } from './image.ts';
import { type KeptIntent, KeptIntents } from './intents.ts';
import type { LogPlace, PlacedChange, SparseImage } from './messages.ts';

/** What is used of `ctx.storage` of a Durable Object whose storage is SQLite. */
export interface KeeperStorage {
  readonly sql: {
    /** Runs the statement before it returns. A BLOB is given and returned as an ArrayBuffer. */
    exec(query: string, ...values: readonly (string | number | ArrayBuffer)[]): Iterable<Record<string, unknown>>;
  };
  /** Runs `work`; what it has written is undone when it throws. */
  transactionSync<T>(work: () => T): T;
}

export interface KeptLogOptions {
  readonly storage: KeeperStorage;
  /** Makes the name of a new epoch. */
  readonly newEpoch: () => string;
  /** Of a new log. Default 2^18. */
  readonly buckets?: number | undefined;
  /** Changes after which an image is written. Default 1,000. */
  readonly imageAfter?: number | undefined;
  /** Changes that are kept behind the image, for members that are behind. Default 10,000. */
  readonly tail?: number | undefined;
}

/** Of what is stored, so that a version of the code tells what it can read. */
const FORMAT = 2;
/** A value in SQLite may have 2 MB there. */
const CHUNK_BYTES = 1_000_000;
/** Of the rows for one member that is behind; one that lacks more begins from the image. */
const MAX_BEHIND_CHARACTERS = 4_000_000;

const START = { number: 0, check: 0 };

/** Every format has this one, and a row `format` in it. */
const META = 'create table if not exists log_meta (name text primary key, value) without rowid';
const TABLES = [
  'drop table if exists log_changes',
  'drop table if exists log_image',
  'create table log_changes (last integer primary key, at_ms integer not null, checked integer not null, changes text not null)',
  'create table log_image (part text, chunk integer, bytes blob not null, primary key (part, chunk)) without rowid',
];

/** The image as it is written; its arrays stand in parts of their own. */
interface WrittenImage extends Omit<SparseImage, 'indexes' | 'positions'>, LogPlace {
  readonly intents: readonly KeptIntent[];
}

export class KeptLog {
  readonly #options: KeptLogOptions;
  intents = new KeptIntents();
  /** Replaced before anyone asks. */
  #invalidations = new Invalidations({ epoch: '', buckets: 1 });
  /** Of the last change. */
  #at: Pick<LogPlace, 'number' | 'check'> = START;
  #imageNumber = 0;
  #leaseMs = 0;

  /** Throws E_LOG when what is stored is of a newer format, and leaves that as it is. */
  constructor(options: KeptLogOptions) {
    this.#options = options;
    this.#exec(META);
    const format = this.#meta('format');
    if (typeof format === 'number' && format > FORMAT) {
      throw new TidegateError('E_LOG', `expected a log of format ${FORMAT} or older, got format ${format}`);
    }
    this.#leaseMs = Number(this.#meta('lease') ?? 0);
    // What an older format says is not read: the new epoch makes everything stored before invalid.
    if (format !== FORMAT || !this.#read()) this.begin();
  }

  get epoch(): string {
    return this.#invalidations.epoch;
  }

  /** Of the last change. */
  get place(): LogPlace {
    return { epoch: this.epoch, ...this.#at };
  }

  /** No lease that any instance has granted lasts longer from now on. */
  get leaseMs(): number {
    return this.#leaseMs;
  }

  image(): SparseImage {
    return sparse(this.#invalidations.image());
  }

  noteLease(leaseMs: number): void {
    this.#exec("insert or replace into log_meta values ('lease', ?)", leaseMs);
    this.#leaseMs = leaseMs;
  }

  /** Begins a new log: what is stored anywhere under the old epoch is invalid. */
  begin(): void {
    const invalidations = this.#emptied();
    this.#options.storage.transactionSync(() => {
      for (const statement of TABLES) this.#exec(statement);
      this.#exec("insert or replace into log_meta values ('format', ?), ('epoch', ?)", FORMAT, invalidations.epoch);
    });
    this.#invalidations = invalidations;
    this.#at = START;
    this.#imageNumber = 0;
    this.intents = new KeptIntents();
  }

  /** Appends the changes, in order; returns their positions. Throws when they could not be stored: nothing has changed then. */
  append(changes: readonly LogChange[], atMs: number): readonly Position[] {
    let head = this.#invalidations.applied;
    const placed = changes.map((change): PlacedChange => [change.kind === 'invalidate' ? ++head : head, change]);
    if (placed.length === 0) return [];
    const number = this.#at.number + placed.length;
    const text = JSON.stringify(placed);
    const check = fnv1a(text, this.#at.check);
    const isImageDue = this.#at.number - this.#imageNumber >= (this.#options.imageAfter ?? 1_000);
    this.#options.storage.transactionSync(() => {
      // Of what is in force before these changes: memory may not run ahead of what is stored.
      if (isImageDue) this.#writeImage();
      this.#exec('insert into log_changes values (?, ?, ?, ?)', number, atMs, check, text);
    });
    if (isImageDue) this.#imageNumber = this.#at.number;
    this.#apply(placed, atMs);
    this.#at = { number, check };
    return placed.map(([position]) => position);
  }

  /** Whether the place, of this epoch, is in the history of this log; undefined: that is forgotten. */
  has({ number, check }: LogPlace): boolean | undefined {
    if (number === this.#at.number) return check === this.#at.check;
    if (number === 0) return true;
    const query = 'select last, checked from log_changes where last <= ? order by last desc limit 1';
    for (const { last, checked } of this.#exec(query, number)) return last === number && checked === check;
    return number < this.#at.number ? undefined : false;
  }

  /** The changes after that number; undefined when some of them are forgotten, or they are too many. */
  after(number: number): readonly PlacedChange[] | undefined {
    if (number === this.#at.number) return [];
    const found: PlacedChange[] = [];
    let characters = 0;
    for (const { last, changes } of this.#exec(
      'select last, changes from log_changes where last > ? order by last',
      number,
    )) {
      characters += (changes as string).length;
      if (characters > MAX_BEHIND_CHARACTERS) return undefined;
      const row = JSON.parse(changes as string) as readonly PlacedChange[];
      const before = (last as number) - row.length;
      if (before > number + found.length) return undefined;
      found.push(...row.slice(number + found.length - before));
    }
    return number + found.length === this.#at.number ? found : undefined;
  }

  #apply(placed: readonly PlacedChange[], atMs: number): void {
    for (const [position, change] of placed) {
      if (change.kind === 'open') {
        const { kind: _, ...open } = change;
        this.intents.open({ ...open, atMs });
      } else if (change.kind === 'close') this.intents.close(change.intent);
      else this.#invalidations.apply(change.selector, position);
    }
  }

  /** False when what is stored does not make a whole. */
  #read(): boolean {
    const epoch = this.#meta('epoch');
    if (typeof epoch !== 'string') return false;
    try {
      const written = this.#readImage();
      if (written === undefined) this.#invalidations = this.#emptied(epoch);
      else {
        this.#invalidations = new Invalidations({ from: { ...written, epoch } });
        this.#at = { number: written.number, check: written.check };
        this.#imageNumber = written.number;
        for (const kept of written.intents) this.intents.open(kept);
      }
      const rows = [...this.#exec('select * from log_changes where last > ? order by last', this.#at.number)];
      for (const { last, at_ms, checked, changes } of rows) {
        const placed = JSON.parse(changes as string) as readonly PlacedChange[];
        const known = this.#at.number - ((last as number) - placed.length);
        if (known < 0) return false;
        this.#apply(placed.slice(known), at_ms as number);
        this.#at = { number: last as number, check: checked as number };
      }
      return true;
    } catch {
      // Damaged: a new epoch begins, so nothing depends on what it said.
      return false;
    }
  }

  #writeImage(): void {
    const { indexes, positions, ...image } = this.image();
    const written: WrittenImage = { ...image, ...this.place, intents: [...this.intents.values()] };
    this.#exec('delete from log_image');
    this.#writePart('head', new TextEncoder().encode(JSON.stringify(written)));
    this.#writePart('indexes', new Uint8Array(indexes.buffer));
    this.#writePart('positions', new Uint8Array(positions.buffer));
    this.#exec('delete from log_changes where last <= ?', this.#at.number - (this.#options.tail ?? 10_000));
  }

  #writePart(part: string, bytes: Uint8Array): void {
    for (let chunk = 0; chunk * CHUNK_BYTES < bytes.length; chunk++) {
      const from = chunk * CHUNK_BYTES;
      const { buffer } = bytes.slice(from, from + CHUNK_BYTES);
      this.#exec('insert into log_image values (?, ?, ?)', part, chunk, buffer as ArrayBuffer);
    }
  }

  #readImage(): (InvalidationsImage & WrittenImage) | undefined {
    const head = this.#readPart('head');
    if (head.byteLength === 0) return undefined;
    const written = JSON.parse(new TextDecoder().decode(head)) as WrittenImage;
    const indexes = new Uint32Array(this.#readPart('indexes'));
    const positions = new Float64Array(this.#readPart('positions'));
    return { ...written, ...dense({ ...written, indexes, positions }) };
  }

  #readPart(part: string): ArrayBuffer {
    const rows = this.#exec('select bytes from log_image where part = ? order by chunk', part);
    const chunks = Array.from(rows, ({ bytes }) => new Uint8Array(bytes as ArrayBuffer));
    const whole = new Uint8Array(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole.buffer;
  }

  #emptied(epoch: string = this.#options.newEpoch()): Invalidations {
    return new Invalidations({ epoch, buckets: this.#options.buckets ?? 2 ** 18 });
  }

  #meta(name: string): unknown {
    for (const { value } of this.#exec('select value from log_meta where name = ?', name)) return value;
    return undefined;
  }

  #exec(query: string, ...values: readonly (string | number | ArrayBuffer)[]): Iterable<Record<string, unknown>> {
    return this.#options.storage.sql.exec(query, ...values);
  }
}
