// A database that is tracked, and how it is opened: each error names the database, and what was expected of it.
//
// The server's own messages are whole sentences, as are errors of this package. Both stay as they are; only errors on
// the way to the server have to be made into a sentence.

import type { FeedPosition } from '../../dependency/change.ts';
import type { Lookup } from '../../dependency/template.ts';
import { messageOf, TidegateError } from '../../errors.ts';
import type { ChangeFeed, Clock, Eventually, Tasks } from '../../ports.ts';
import type { StatementParts } from '../../sql/analyse.ts';
import type { Catalogue } from '../../sql/ast.ts';

/** A database that is tracked: `sqliteDatabase()`, `postgresDatabase()`. */
export interface TrackedDatabase {
  /** Rejects with E_FEED. */
  open(platform: DatabasePlatform): Promise<OpenDatabase>;
}

export interface DatabasePlatform {
  /** The name of the source, which the ids of its statements hold. */
  readonly source: string;
  readonly clock: Clock;
  readonly tasks: Tasks;
  /** Called with what the beginning waits for. Default: nobody. */
  readonly onFault?: (error: unknown) => void;
}

/** Gives the source to another feed process. */
export type Release = () => Promise<void>;

/**
 * Takes the source for this feed process alone. Resolves to undefined when another process has it; rejects when this is
 * unknown.
 */
export type TryClaim = () => Promise<Release | undefined>;

export interface OpenDatabase {
  /** Keeps other feed processes from the source. Undefined when nothing can keep them from it. */
  readonly claim?: TryClaim;
  /** How its statements are read. */
  readonly parts: StatementParts;
  /** The feed, not begun yet. */
  readonly feed: ChangeFeed;
  /** The catalogue as it is now; undefined when it has not changed. */
  refresh(): Eventually<Catalogue | undefined>;
  /** Whether the feed tells changes of the table, by the name that its shape has. */
  covers(table: string): boolean;
  /** Each feed position from this one on comes after every commit before the call; undefined when there is no telling. */
  head(): Eventually<FeedPosition | undefined>;
  /** Position of the latest commit that there is now, or a later one. Undefined when it is unknown. */
  latest?(): Eventually<FeedPosition | undefined>;
  /** Something was written: the feed need not wait. */
  wake(): void;
  /** Runs the look-ups of a template, after its statement. Undefined when none are run here. */
  lookUp?(lookups: readonly Lookup[], parameters: readonly unknown[]): LookedUp;
  /**
   * Runs look-ups that take a while: until then less is known of the read. Returns undefined when it cannot now. Never
   * rejects.
   */
  lookUpLater?(lookups: readonly Lookup[], parameters: readonly unknown[]): Promise<LookedUp> | undefined;
  close(): Eventually<void>;
}

/** Values that each look-up gave; undefined when it could not be run, or takes too long. */
export type LookedUp = readonly (readonly unknown[] | undefined)[];

/** PostgreSQL's error codes. */
const SQLSTATE = /^[0-9A-Z]{5}$/;

/** Rejects with E_FEED. `what`: in words. */
export async function opening<T>(what: string, open: () => Promise<T>): Promise<T> {
  return open().catch((cause: unknown) => {
    const message = messageOf(cause);
    if (cause instanceof TidegateError) {
      throw message.includes(what) ? cause : new TidegateError(cause.code, `${what}: ${message}`, { cause });
    }
    const { code, severity } = (cause ?? {}) as { readonly code?: unknown; readonly severity?: unknown };
    const isOfServer = typeof code === 'string' && SQLSTATE.test(code) && typeof severity === 'string';
    const isWhole = isOfServer || /^expected\b/.test(message);
    throw new TidegateError('E_FEED', isWhole ? `${what}: ${message}` : `expected ${what}, got: ${message}`, { cause });
  });
}
