// The ports: interfaces for everything the engine asks of the world. Each has one exported contract suite under
// test/contract. The engine never sees a platform; node/ hands these in, the simulation hands in its own.

import type { ChangeSet, FeedPosition } from './dependency/change.ts';
import type { Entry, EntryNote, LargeBody, StoredResponse } from './entry/stored-response.ts';
import type { TidegateError } from './errors.ts';
import type { Stamp } from './ledger/ledger.ts';
import type { LogChange, LogEvent, Position } from './ledger/log.ts';
import type { Selector } from './ledger/selector.ts';
import type { HeldStats } from './memory/budget.ts';
import type { Taker } from './memory/takers.ts';
import type { Coding } from './semantics/content-coding.ts';
import type { Fields, ResponseHead } from './semantics/fields.ts';
import type { Outcome } from './semantics/outcome.ts';

/** Time. Wall-clock time is for HTTP dates and ages; monotonic time for durations and leases. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds since an arbitrary start; never goes back. */
  monotonic(): number;
}

/** Undoes a scheduled or started action; harmless when that is already over. */
export type Cancel = () => void;

/** Work that is done later. */
export interface Tasks {
  /** Runs `work` after `delayMs`; the timer does not keep the process alive. */
  later(delayMs: number, work: () => void): Cancel;
  /** Runs `work` after the current step, before any timer. */
  soon(work: () => void): void;
}

/** A number in [0, 1). */
export type Random = () => number;

/** A result that a fast implementation returns at once and a slow one as a promise. */
export type Eventually<T> = T | Promise<T>;

/**
 * One tier's store. It may be simple: the reader validates what it gets, so a store may lose, delay or repeat entries, but
 * never alter one. Only `engine/tiers/tier-loop.ts` calls `put`. A gate's stores hold responses, those of a data cache values.
 */
export interface Store<E = Entry> {
  get(key: string): Eventually<E | undefined>;
  /**
   * Takes the entry in, evicting others if need be; may decline. Replaces an entry of the same key. Returns false
   * when it has declined; any other result says nothing.
   */
  put(entry: E): Eventually<unknown>;
  /** Removes entries; returns how many were there. */
  delete(keys: readonly string[]): Eventually<number>;
  /** Entries that match the selector, in no particular order; does not count as use. For operators, never for a hit. */
  find(selector: Selector): Iterable<EntryNote> | AsyncIterable<EntryNote>;
}

/**
 * Bytes by key: implement this to keep a data cache's values in a store of your own; `encodedStore` makes a Store of
 * it. A key is a text of 1 to 512 bytes in UTF-8 without control characters or lone surrogates. The store may lose
 * bytes at any time; the cache detects altered bytes. It may reject: the cache takes that for a miss.
 */
export interface ByteStore {
  get(key: string): Eventually<Uint8Array | undefined>;
  /**
   * Replaces the bytes under the key; may decline. After `ttlMs`, which may be Infinity, nobody asks for them any more.
   * Returns false when it has declined; any other result says nothing.
   */
  put(key: string, bytes: Uint8Array, options: { readonly ttlMs: number }): Eventually<unknown>;
  /** Removes the bytes; returns how many keys had some, or 0 where the store cannot tell. */
  delete(keys: readonly string[]): Eventually<number>;
  /** All keys, for operators and purges; without it, entries are found by key only. */
  keys?(): Iterable<string> | AsyncIterable<string>;
}

/** Puts a whole body in a content coding, off the thread that serves; rejects when that fails. */
export type Compress = (coding: Coding, body: Uint8Array) => Promise<Uint8Array>;

/** Bodies too large for the entries of a store: each is written once, bit by bit, and read by range. */
export interface BodyStore {
  create(): BodyWriter;
  /** The bytes from `start` up to, not including, `end`. Says `failed` where they are lost or altered. */
  read(body: LargeBody, range: { readonly start: number; readonly end: number }): BodySource;
}

/** A large body while it is written. */
export interface BodyWriter {
  /** Takes the bytes; resolves when more may be given. Rejects when they could not be written: then nothing is kept. */
  append(chunk: Uint8Array): Promise<void>;
  /** Bytes appended earlier, for a reader behind the writer; `end` is excluded. */
  read(range: { readonly start: number; readonly end: number }): Promise<Uint8Array>;
  /** All bytes are there. The body lives until no entry put in the store names it. */
  finish(): Promise<LargeBody>;
  /** Drops the body; harmless after `finish`, and may be called at any time. */
  discard(): void;
}

/**
 * The ordered log of invalidations, as one member of it. Every member is told of every change in one order, whoever appended
 * it; two changes of one member keep their order. An invalidation has a position above all before it, with or without gaps;
 * an intent opens and closes at the position of the last invalidation. Ledgers compare positions of one epoch only.
 * `invalidationLogContract` of `tidegate/testing` tests all of this.
 *
 * A member that may have missed a change must serve nothing until it has told its follower from what it goes on (`begin`), or of
 * an invalidation of everything at the position from which it goes on. One that cannot go on has ended. To join a log, and to end a member that does not
 * answer, is the affair of each implementation: `SharedLog` revokes it, a cluster waits for its lease.
 */
export interface InvalidationLog {
  /** Called once, before the first `append`. It may tell at once of intents that are open at other members. */
  follow(apply: (position: Position, event: LogEvent) => void): void;
  /**
   * The position of the change, once every member has been told of it and it is as durable as the log is. Returned at once
   * only when there is nothing to wait for; until a promise resolves the change may not be in force anywhere, so a write
   * waits for its open intent (`log/member-log.ts`). Rejects with E_LOG when the change is in force but not durable, and
   * when the log has ended: then the change may be in force or not.
   */
  append(change: LogChange): Eventually<Position>;
}

/** Receives a change feed in the order of its positions; the feed waits for each promise that its listener returns. */
export interface FeedListener {
  /** The changes of one commit, or of several told as one. */
  changed(set: ChangeSet): Eventually<void>;
  /** Continuity is lost: anything read from the source before now may be outdated. The feed goes on after `position`. */
  gap(reason: string, position: FeedPosition): Eventually<void>;
  /**
   * Every commit up to `position` has been told; called at least once per heartbeat, even when nothing was committed.
   */
  reached(position: FeedPosition): void;
}

/** The commits of a database, told one after the other. */
export interface ChangeFeed {
  /**
   * Tells of everything committed after `from`; a position that is no longer known, or `undefined`, is a gap. Rejects
   * with E_FEED when it cannot begin at all; later failures are retried, and shown in `status`.
   */
  start(from: FeedPosition | undefined, listener: FeedListener): Promise<void>;
  /** The listener has durably applied everything up to `position`: the database need not keep it. */
  acknowledge(position: FeedPosition): void;
  status(): FeedStatus;
  /** After it resolves, the listener is not called again. */
  stop(): Promise<void>;
}

export interface FeedStatus {
  readonly state: 'starting' | 'live' | 'retrying' | 'stopped';
  /** The last position told. */
  readonly position: FeedPosition | undefined;
  /** Time since the moment up to which all commits are known to have been told. */
  readonly lagMs: number;
  /** Current problems, in the form of an error's message; empty when there are none. */
  readonly problems: readonly string[];
  /** Facts that cost precision or time but lose no change; absent when there are none. */
  readonly warnings?: readonly string[];
}

/** The content of a request on its way to the origin. */
export interface RequestBody extends AsyncIterable<Uint8Array> {
  /** All of it is there: its client cannot break it off any more. Default false. */
  readonly isWhole?: boolean;
}

/** A request as forwarded: hop-by-hop fields are gone, `target` is path and query in origin-form. */
export interface OriginRequest {
  readonly method: string;
  readonly target: string;
  readonly fields: Fields;
  readonly body: RequestBody | undefined;
  /** Whether the request may reach the origin twice without harm, so that it may be retried on a fresh connection. */
  readonly retryable: boolean;
  /**
   * Of a write. Called once, right before its first byte goes out, and not at all where none does; the request waits for the
   * promise, and fails with its error. By the origin if that `tellsSending`, else by whoever asks it.
   */
  readonly beforeSending?: (() => Promise<unknown> | undefined) | undefined;
  /** For shares of the origin's connections, and never forwarded: the client's address; undefined where nobody knows it. */
  readonly client?: string | undefined;
  /** The same for all requests of one client connection; `background`: nobody waits for the answer. */
  readonly connection?: object | 'background' | undefined;
}

/** A running forward, for its caller. */
export interface Forward {
  pause(): void;
  resume(): void;
  abort(): void;
}

/** Hears the origin. `head` comes once, then `data` any number of times, then `end`; or `failed` at any time. */
export interface OriginListener {
  /** An interim (1xx) response. */
  interim(head: ResponseHead): void;
  /**
   * `delimited`: the end of the content can be told from a cut connection (RFC 9112 §6.3). `readAt`: the answer shows the
   * state at that place in the log, or a later one. An origin that answers from a replica or from a cache of its own states
   * it: the answer then counts as of the older of `readAt` and the flight's stamp, and one of another epoch is not stored.
   * The client of the flight gets it all the same, so an origin that can tell an outdated answer asks again by itself.
   * Absent: the origin read after it was asked.
   */
  head(head: ResponseHead, delimited: boolean, readAt?: Stamp): void;
  data(chunk: Uint8Array): void;
  end(trailers: Fields): void;
  /** `isUnsent`: no byte of the request was sent. */
  failed(error: TidegateError, isUnsent?: boolean): void;
}

/** A server with the truth. `forward` may tell its listener only after it has returned. */
export interface Origin {
  /** True: it calls `beforeSending`, so that a write may wait for its content, or for a connection, without any effect. */
  readonly tellsSending?: boolean | undefined;
  forward(request: OriginRequest, listener: OriginListener): Forward;
}

/** A body that arrives bit by bit, for one reader. */
export interface BodySource {
  /** The next bytes; `pending` when none are there yet, `end` after the last, `failed` when the rest will not come. */
  read(): Uint8Array | 'pending' | 'end' | 'failed';
  /** Calls `ready` once, as soon as `read` would no longer say `pending`. */
  whenReadable(ready: () => void): void;
  /** Whom the bytes are held for. */
  takenBy?(taker: Taker): void;
  /** The reader is gone. */
  cancel(): void;
  /** Trailer fields; complete once `read` has said `end`. */
  trailers(): Fields;
}

/** The final answer to a client. `outcome` is for the log; its Cache-Status is already among the fields. */
export type Answer =
  /** A stored response unchanged: its head and body, then the added fields (Age, Cache-Status). */
  | {
      readonly kind: 'stored';
      readonly entry: StoredResponse;
      readonly added: Fields;
      readonly outcome: Outcome;
    }
  /** A whole answer: 304, 206 and 416 from a stored response, or an error the gate makes. */
  | {
      readonly kind: 'whole';
      readonly head: ResponseHead;
      readonly body: Uint8Array | undefined;
      readonly outcome: Outcome;
    }
  /** An answer whose body is still arriving. */
  | {
      readonly kind: 'streamed';
      readonly head: ResponseHead;
      readonly body: BodySource;
      readonly outcome: Outcome;
    };

/** Where one client's answer goes: any number of interim responses, then exactly one `respond`. */
export interface Responder {
  interim(head: ResponseHead): void;
  respond(answer: Answer): void;
}

/** Contents of a memory store, and its counts since the start. */
export interface MemoryStats {
  /** Lists of variants are not counted. */
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
  /** Entries removed for room. */
  readonly evictions: number;
  /** Entries not taken in because they are too large. */
  readonly declined: number;
  /** Absent where the store shares its bytes with nobody. */
  readonly held?: HeldStats;
}

/** Contents of a disk store, and its counts since the start. */
export interface DiskStats {
  /** Stored responses and lists of variants. */
  readonly entries: number;
  /** Bytes of all files. */
  readonly bytes: number;
  readonly maxBytes: number;
  /** Entries removed for room. */
  readonly evictions: number;
  /** Bytes written again because their entries were kept when their segment went. */
  readonly reinsertedBytes: number;
  /** Entries not taken in: too large, or the disk is full or too slow. */
  readonly declined: number;
  /** Entries found damaged, and dropped. */
  readonly corrupt: number;
  readonly writeFailures: number;
  /** Whether the index is complete; until then the manifest is asked instead. */
  readonly indexLoaded: boolean;
  /** Memory of the index. */
  readonly indexBytes: number;
  readonly segments: number;
  readonly largeBodies: number;
}
