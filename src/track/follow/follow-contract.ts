// The side that follows the database, as the recorders of reads see it: here, or in a process of its own. Types only.
//
// Another process registers a read some time after it was made. Until that process has confirmed it, a response made
// from the read may not be stored.

import type { FeedPosition } from '../../dependency/change.ts';
import type { ReadMark } from '../../dependency/recent-changes.ts';
import type { Watched } from '../../dependency/registry.ts';
import type { Dialect, Instance, Template } from '../../dependency/template.ts';
import type { FeedStatus } from '../../ports.ts';
import type { Catalogue, Parser, Session } from '../../sql/ast.ts';
import type { OpenDatabase, TargetStatus, Untracked } from '../contract.ts';

type Tracked = Extract<Template, { kind: 'tracked' }>;

export interface Following {
  readonly position: FeedPosition | undefined;
  /** Differs once statements may mean something else. */
  readonly generation: number;
  /** Whether the feed is up to date. */
  readonly isLive: boolean;
  /** The schema may be another one than the catalogue says. */
  readonly isRefreshing: boolean;
  /** Take it before a read; undefined when nothing can be registered now. */
  mark(): ReadMark | undefined;
  /** `session` is that of the connection that runs it, where that decides what names mean. */
  template(text: string, session?: Session): Template;
  /** The catalogue of `generation`; undefined while unknown. */
  readonly catalogue: Catalogue | undefined;
  /** The name of a table that it reads though its changes are not told. */
  uncovered(reading: Tracked): string | undefined;
  /**
   * Makes `tag` stand for what was read from now on. Returns false when a change that the read missed, or may have
   * missed, was told before: nothing may be stored of the read, because nobody who waits for that change waits for its
   * tag any more.
   */
  register(tag: string, watched: Watched, mark: ReadMark): boolean;
  /** A number by which the latest registration can be narrowed; undefined when it cannot be. */
  registrationOf?(tag: string, watched: Instance): number | undefined;
  /** Narrows a registration of which more is known by now. Does nothing where it is outdated meanwhile. */
  narrow?(registration: number, to: Instance): void;
  publish(tags: readonly string[]): void;
  /** Whether published tags go nowhere any more. */
  readonly isStopped?: boolean;
}

/** Registrations of one scope with another process. */
export interface Underway {
  /** Resolves once there is word of all, or none is waited for any longer; undefined when there is word of all. */
  wait(): Promise<void> | undefined;
  /** Reasons why the reads may not be stored: empty once all are registered. */
  refusals(): readonly Refusal[];
  /**
   * Resolves once the process has all that was published, to false when there is no word of it; undefined when it has
   * all.
   */
  published(): Promise<boolean> | undefined;
}

export interface Refusal {
  readonly kind: Untracked;
  readonly what?: string | undefined;
  /** Text for the operator, in place of `what`: a response does not show it. */
  readonly told?: string;
}

export interface Side {
  readonly follower: Following;
  readonly parser: Parser;
  readonly dialect: Dialect;
  readonly wake: () => void;
  readonly lookUp?: OpenDatabase['lookUp'];
  readonly lookUpLater?: OpenDatabase['lookUpLater'];
  /** Undefined when reads are registered at once. */
  readonly underway?: Underway;
}

/** The part that follows the database for a tracker. */
export interface Followed {
  /** Resolves once reads can be registered. */
  begin(): Promise<void>;
  /** The side for one scope. Undefined when nothing can be recorded yet. */
  side(): Side | undefined;
  status(): FollowedStatus;
  /** Resolves once no target serves anything from before the latest commit of now; to false when stopped or given up. */
  settled(isGivenUp: () => boolean): Promise<boolean>;
  /** A target that has heard of all up to there serves nothing from before this call. Undefined when it is unknown. */
  latest(): Promise<FeedPosition | undefined>;
  stop(): Promise<void>;
}

export interface FollowedStatus {
  readonly isLive: boolean;
  readonly feed: FeedStatus | undefined;
  readonly position: FeedPosition | undefined;
  readonly instances: number;
  readonly targets: readonly TargetStatus[];
}
