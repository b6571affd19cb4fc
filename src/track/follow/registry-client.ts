// What recorders of reads ask of the registry that follows the database, in this process or, by HTTP (client/), in a feed
// process, which knows of a read some time after it was made: until then no response made from it may be stored. Types only.

import type { ResultRows } from '../../dependency/bind.ts';
import type { FeedPosition } from '../../dependency/change.ts';
import type { ReadMark } from '../../dependency/recent-changes.ts';
import type { TagMeaning } from '../../dependency/registry.ts';
import type { Dialect, Instance, Template } from '../../dependency/template.ts';
import type { Eventually } from '../../ports.ts';
import type { Catalogue, Parser, Session } from '../../sql/ast.ts';
import type { TrackerStatus, Untracked } from '../contract.ts';

/** Taken before a read. */
export interface Mark extends ReadMark {
  /** The registry's life: another one knows nothing of this read. */
  readonly session: string;
  /** Generation of its catalogue. */
  readonly generation: number;
}

/** A statement as it was run. The values in it are its own: nobody changes them afterwards. */
export interface StatementRead {
  readonly template: Extract<Template, { kind: 'tracked' }>;
  readonly parameters: readonly unknown[];
  /** Facts that its answer showed; undefined when none are known. */
  readonly result: ResultRows | undefined;
  /** Bound by the registry of this process, once. */
  instance?: Instance;
}

/** A statement that was run; or a wider dependency, which has no parameters. */
export type Read = StatementRead | TagMeaning;

/** Why a read may not be stored. */
export interface ReadRefusal {
  readonly kind: Untracked;
  readonly what?: string | undefined;
  /** Text for the operator, in place of `what`: a response does not show it. */
  readonly told?: string;
}

export interface RegistryClient {
  readonly dialect: Dialect;
  readonly parser: Parser;
  /** Whether registering takes a while. */
  readonly isRemote: boolean;
  /** The registry's life. */
  readonly session: string;
  readonly position: FeedPosition | undefined;
  /** Differs once statements may mean something else. */
  readonly generation: number;
  /** The catalogue of `generation`; undefined while unknown. */
  readonly catalogue: Catalogue | undefined;
  /** Whether the feed is up to date. */
  readonly isLive: boolean;
  /** Take it before a read; undefined when nothing can be registered now. */
  mark(): Mark | undefined;
  /** `session` is that of the connection that runs it, where that decides what names mean. */
  template(text: string, session?: Session): Template;
  /**
   * Makes `tag` stand for the read from now on. Gives a refusal when nothing may be stored of it: where a change that
   * it missed, or may have missed, was told before, nobody who waits for that change waits for its tag any more.
   */
  register(tag: string, read: Read, mark: Mark): Eventually<ReadRefusal | undefined>;
  /** Makes tags outdated. */
  publish(tags: readonly string[]): void;
  /** Whether all that was published until now reaches the targets. */
  published(): Eventually<boolean>;
  /** Something was written: the feed need not wait. */
  wake(): void;
}

/** A tracker's base: the registry, here or in a feed process. */
export interface Followed {
  /** Resolves once reads can be registered. */
  begin(): Promise<void>;
  /** Undefined when nothing can be recorded yet. */
  readonly registry: RegistryClient | undefined;
  status(): FollowedStatus;
  /** Resolves once no target serves anything from before the latest commit of now; to false when stopped or given up. */
  settled(isGivenUp: () => boolean): Promise<boolean>;
  /** A target that has heard of all up to there serves nothing from before this call. Undefined when it is unknown. */
  latest(): Promise<FeedPosition | undefined>;
  stop(): Promise<void>;
}

export interface FollowedStatus extends Pick<TrackerStatus, 'feed' | 'position' | 'instances' | 'targets'> {
  readonly isLive: boolean;
}
