// What is known of a statement by its text, and the draft of it that a scan fills in.

/** `savepoint`, `release` and `return` (ROLLBACK TO) are of SQLite alone: there a savepoint may begin a transaction. */
export type Control = 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'return' | 'other';

export interface Statement {
  /** Undefined: it is no statement about transactions or the session. Of several statements the last. */
  readonly control: Control | undefined;
  /** It may change what a table holds. */
  readonly isWrite: boolean;
  /** Relations it names, those of WITH lists not among them. Names as `canonical` gives them. */
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  /** All names and words in it. */
  readonly words: ReadonlySet<string>;
  /** Rows may go, or be replaced; rows may get another key. */
  readonly deletes: boolean;
  readonly updates: boolean;
  /** It cannot be told what it reads. */
  readonly isUnreadable: boolean;
  /** It cannot be told what it writes. */
  readonly isOpaque: boolean;
  /** It locks what it reads, or takes or gives a lock of its own. */
  readonly locks: boolean;
  /** The same read gives another answer without a write. */
  readonly isVolatile: boolean;
  /** Functions it calls; with their schema, where they are called by it. */
  readonly functions: ReadonlySet<string>;
  /** Of `commit` and `rollback`: the next transaction begins with it. */
  readonly chains: boolean;
  /** Of `savepoint`, `release` and `return`: its name. */
  readonly savepoint: string;
  /** Several statements, some of them about transactions: any of them may be committed with it. */
  readonly isMixed: boolean;
  /** Settings of its connection that it changes. */
  readonly settings: ReadonlySet<string>;
  /** Temporary tables it makes or names. */
  readonly temporary: ReadonlySet<string>;
}

/** The name by which relations are compared: without a schema and in lower case, so that no spelling is missed. */
export function canonical(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

export class Draft implements Statement {
  control: Control | undefined = undefined;
  isWrite = false;
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  readonly words = new Set<string>();
  deletes = false;
  updates = false;
  isUnreadable = false;
  isOpaque = false;
  locks = false;
  isVolatile = false;
  readonly functions = new Set<string>();
  chains = false;
  savepoint = '';
  isMixed = false;
  readonly settings = new Set<string>();
  readonly temporary = new Set<string>();
}
