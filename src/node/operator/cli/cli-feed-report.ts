// The report of the commands `tidegate feed`: one form for all kinds of database.

export interface FeedTable {
  /** As statements name it: `users`, `audit.entries`. */
  readonly name: string;
  /** Whether its changes are told. */
  readonly isTold: boolean;
  /** How much of the old row a change tells. */
  readonly oldRow: 'whole' | 'key' | 'none';
  /** Reasons why it is not told, or what costs needless invalidations. */
  readonly notes: readonly string[];
}

export interface FeedReport {
  readonly source: string | undefined;
  /** Without the password. */
  readonly database: string;
  readonly by: 'SQLite triggers' | 'logical replication' | 'PostgreSQL triggers';
  readonly isHealthy: boolean;
  readonly tables: readonly FeedTable[];
  /** Tables that cannot be told, and tables that nobody asked for. */
  readonly leftOut: readonly { readonly name: string; readonly why: string }[];
  readonly slot?: SlotReport;
  readonly log?: LogReport;
  /** Each a sentence that says what was expected; empty when the feed tells everything it should. */
  readonly problems: readonly string[];
  /** Facts that may do harm later, but change nothing that is told now. */
  readonly warnings: readonly string[];
}

export interface SlotReport {
  readonly name: string;
  readonly publication: string;
  readonly state: 'missing' | 'idle' | 'active' | 'lost';
  /** The server's process that reads from it. */
  readonly process: number | null;
  /** Everything up to here was acknowledged. */
  readonly position: string | null;
  readonly lagBytes: number | null;
  readonly walStatus: string | null;
  /** Bytes until the log may be lost; null when there is no bound. */
  readonly safeBytes: number | null;
  readonly retainedBytes: number | null;
  readonly maxRetainedBytes: number | null;
}

export interface LogReport {
  readonly isThere: boolean;
  readonly rows: number | null;
  readonly bytes: number | null;
  /** The latest logged change that is not acknowledged. */
  readonly last: { readonly row: number; readonly table: string; readonly kind: string } | null;
}

export interface FeedRemoval {
  readonly removed: readonly string[];
  readonly kept: readonly string[];
}

/** One database, opened. All reject with E_FEED. */
export interface FeedBackend {
  status(): Promise<FeedReport>;
  /** The statements that `install` would run; empty when everything is installed. */
  plan(): Promise<readonly string[]>;
  install(): Promise<void>;
  remove(): Promise<FeedRemoval>;
  /** The statements that `remove` would run; empty when nothing is installed. */
  planRemoval(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** For a table's notes. A condition on such a column can never be ruled out, so it costs needless invalidations. */
export function uncomparable(what: string, columns: readonly { readonly name: string }[]): readonly string[] {
  if (columns.length === 0) return [];
  return [`${what} of ${columns.map(({ name }) => name).join(', ')} cannot be compared: any may match`];
}
