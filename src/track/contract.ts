// Input and output of tracking. Types only.

import type { FeedPosition } from '../dependency/change.ts';
import type { SourceAnswer, SourceQuestion } from '../dependency/describe/describe.ts';
import type { Duration } from '../options/durations.ts';
import type { Clock, Eventually, FeedStatus, Random, Tasks } from '../ports.ts';
import type { TrackedDatabase } from './follow/open-database.ts';

/** One delivery. Messages of a session are numbered from 1 on; a new session makes all of the source outdated. */
export interface SourceMessage {
  readonly source: string;
  readonly session: string;
  readonly sequence: number;
  /** How long entries tagged with the source may be served. */
  readonly leaseMs: number;
  /** At most 1,000. */
  readonly tags: readonly string[];
  /** All that was committed up to there is in force once this is; left out where more is to come first. */
  readonly position?: FeedPosition;
  /** Lag of the feed, when this was made. */
  readonly lagMs?: number;
  /** Answers to questions that came with earlier replies. */
  readonly answers?: readonly SourceAnswer[];
}

export interface SourceReply {
  /** The target took everything of the source for outdated, and wants to hear again before it serves any. */
  readonly gap: boolean;
  /** Questions of an operator; one of the next messages answers them. */
  readonly questions?: readonly SourceQuestion[];
  /** Another tracker tells of the same source, each making outdated what the other one said. */
  readonly rival?: boolean;
}

/** A cache that receives deliveries. */
export interface TrackingTarget {
  /** For status and messages. */
  readonly name: string;
  /**
   * Resolves once all of it is in force. Called one at a time; after a rejection with the very same message again.
   * `leftMs`: how long the lease goes on from the call; left out where the target counts it by itself.
   */
  deliver(message: SourceMessage, leftMs?: number): Promise<SourceReply>;
  /** The lease is not renewed, or the tracker stops: for a target that has no clock of its own. */
  lapse?(source: string): Eventually<void>;
}

export type TrackerOptions = DatabaseTrackerOptions | ProcessTrackerOptions;

interface SourceOptions {
  /** 1 to 64 of a-z, 0-9, `-` and `_`. Each process that follows a database has one of its own. */
  readonly source: string;
  /** Statement texts whose analysis is kept. Default 2,000. */
  readonly maxTemplates?: number;
  /** Called with errors that nobody waits for: a target that failed, a read that could not be tracked. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
}

/** Options of each process that follows a database. */
export interface DatabaseOptions extends SourceOptions {
  readonly database: TrackedDatabase;
  readonly targets: readonly TrackingTarget[];
  /** How long a target serves without hearing from here. Default 2 seconds. */
  readonly lease?: Duration;
  /** A feed that is further behind has the leases run out. Default 2 seconds. */
  readonly maxLag?: Duration;
  /** Statements with their parameters that are kept; the oldest are forgotten, and with that invalidated. Default 1,000,000. */
  readonly maxInstances?: number;
}

/** Options of a tracker that follows the database by itself. */
export interface DatabaseTrackerOptions extends CommonTrackerOptions, DatabaseOptions {
  readonly feed?: undefined;
  readonly caches?: undefined;
}

/** Options of a tracker whose database is followed by a process of its own. */
export interface ProcessTrackerOptions extends CommonTrackerOptions {
  /** `feedProcess({ url, token })` */
  readonly feed: FeedProcessAddress;
  /** Data caches of this process: `cacheTarget(cache)`. Gates are told by the feed process. */
  readonly caches?: readonly TrackingTarget[];
  readonly database?: undefined;
  readonly targets?: undefined;
}

export interface CommonTrackerOptions extends SourceOptions {
  /** How long the answer to a write waits until no target serves anything from before it. Default 2 seconds. */
  readonly settle?: Duration;
  /** For one response; beyond these, tags are made coarser. Default 200 tags and 8,192 bytes. */
  readonly maxTags?: number;
  readonly maxTagBytes?: number;
  /**
   * For which responses a read counts. `scope`: for that of its scope, and in no scope for all that are being made.
   * `union`: for all that are being made, each time; for applications that cannot tell who shows what. Default `scope`.
   */
  readonly share?: 'scope' | 'union';
}

/** Address of a feed process. */
export interface FeedProcessAddress {
  readonly url: string;
  readonly token?: string;
}

/** For tests in simulated time. */
export interface TrackerPlatform {
  readonly clock: Clock;
  readonly tasks: Tasks;
  readonly random: Random;
}

/** Why a response may not be stored. */
export type Untracked =
  | 'not-live'
  | 'not-registered'
  | 'transaction'
  | 'after-write'
  | 'uncovered-table'
  | 'schema-change'
  | 'session-state'
  | 'replica'
  | 'other-database'
  | 'unknown-call'
  | 'uncacheable'
  | 'nothing-read'
  | 'cached-value'
  | 'overtaken'
  | 'late'
  | 'error';

export interface TrackerStatus {
  readonly source: string;
  readonly state: 'stopped' | 'starting' | 'live' | 'lagging';
  readonly feed: FeedStatus | undefined;
  readonly position: FeedPosition | undefined;
  /** Statements that are watched. */
  readonly instances: number;
  readonly targets: readonly TargetStatus[];
  /**
   * Things that the tracker does not see, each with its mend: a route whose responses record no read, for one. At most
   * 100.
   */
  readonly problems: readonly string[];
  readonly counts: TrackerCounts;
}

export interface TargetStatus {
  readonly name: string;
  /** Tags that it has not been told yet. */
  readonly waiting: number;
  readonly delivered: number;
  /** Times that everything of the source was made outdated. */
  readonly sessions: number;
  readonly failures: number;
  readonly problem: string | undefined;
}

export interface TrackerCounts {
  readonly reads: number;
  /** Statements that were run in no scope. They include those of a request whose asynchronous context was lost. */
  readonly outside: number;
  readonly writes: number;
  readonly changes: number;
  /** Tags that changes made outdated. */
  readonly outdated: number;
  /** Tags given up for want of room. */
  readonly forgotten: number;
  /** Reads that a change overtook. */
  readonly overtaken: number;
  readonly gaps: number;
  /** Answers to writes that did not wait any longer. */
  readonly unsettled: number;
  readonly untracked: Readonly<Partial<Record<Untracked, number>>>;
  /** Responses whose tags were made coarser, by how far. */
  readonly coarsened: Readonly<Record<'template' | 'table' | 'source', number>>;
}

/** A process that follows a database for applications of several processes; they tell their own data caches. */
export interface FeedProcessOptions extends DatabaseOptions {
  /** Host on which it listens. Default 127.0.0.1; any host but loopback needs a token. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Applications have to send it. */
  readonly token?: string;
}

export interface FeedProcess {
  /** `http://127.0.0.1:8090` */
  readonly url: string;
  status(): FeedProcessStatus;
  /**
   * Resolves once no target serves anything from before the latest commit of now. Rejects with E_FEED where it is
   * stopped.
   */
  settled(): Promise<void>;
  /** Targets stop serving by themselves once their lease has run out; applications have nothing stored any more. */
  stop(): Promise<void>;
}

export interface FeedProcessStatus extends Omit<TrackerStatus, 'state' | 'problems'> {
  readonly state: 'stopped' | 'live' | 'lagging';
  /** Applications that listen now. */
  readonly clients: number;
  /** Reads that applications asked to have watched; `refused` counts those that were refused. */
  readonly registrations: number;
  readonly refused: number;
}

/** Reads recorded while something was made. */
export interface Scope {
  /** Runs the work, and records its reads here. */
  run<T>(work: () => T): T;
  /** The response may be stored although statements in it are not certain to answer the same: `now()`, for one. */
  allow(reason: string): void;
  /** The response may not be stored. */
  refuse(reason: string): void;
  /** The response shows nothing of a database, so it may be stored though no read was recorded. */
  readsNothing(): void;
  /**
   * Wait for it before `finish`, with equal options, where a process of its own follows the database: that process has
   * to know what was read. Returns undefined when there is nothing to wait for.
   */
  registered(options?: FinishOptions): Promise<void> | undefined;
  /** Ends the recording. */
  finish(options?: FinishOptions): Finished;
  /** Its response has gone out whole: later reads have no part in it. */
  end(): void;
}

export interface FinishOptions {
  /** The value that Cache-Tag has already. */
  readonly cacheTag?: string | undefined;
  /** Names a response without a read in messages, e.g. `GET /users/:id`. Default: no name. */
  readonly route?: string | undefined;
  /** Whether a cache may store the response. If its own fields or its method forbid that, nothing is told. Default true. */
  readonly mayStore?: boolean | undefined;
}

export interface Finished {
  readonly isStorable: boolean;
  /** Why not. */
  readonly reasons: readonly string[];
  readonly tags: readonly string[];
  /** Set these on the response, in place of fields with equal names. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}
