// A text's facts by its parse tree alone, for callers without a catalogue: its kind, the relations, functions and
// settings that it names, and what it may do to them.
//
// Facts err on one side. A name too many costs a miss; a statement that is not understood makes its text unreadable (no
// answer to it is kept) and opaque (it may write anything).

/** `savepoint`, `release` and `return` (ROLLBACK TO) are of SQLite alone: there a savepoint may begin a transaction. */
export type Control = 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'return' | 'other';

export interface TextFacts {
  /** Undefined when the statement is not about transactions or the session. For several statements, the last one counts. */
  readonly control: Control | undefined;
  /** Whether it may change the content of a table. */
  readonly isWrite: boolean;
  /** Relations it names, those of WITH lists not among them. Names as `canonical` gives them. */
  readonly reads: ReadonlySet<string>;
  readonly writes: ReadonlySet<string>;
  /** PostgreSQL only: all names by which a function may be called: of functions, operators, types, columns and relations. */
  readonly names: ReadonlySet<string>;
  /** Rows may go, or be replaced; rows may get another key. */
  readonly deletes: boolean;
  readonly updates: boolean;
  /** Whether its reads are unknown. */
  readonly isUnreadable: boolean;
  /** Whether its writes are unknown. */
  readonly isOpaque: boolean;
  /** Whether it locks the rows it reads, or takes or releases a lock of its own. */
  readonly locks: boolean;
  /** Whether the read may give another answer without a write. */
  readonly isVolatile: boolean;
  /** Functions it calls; with a dot before those of a schema that is not the system's. */
  readonly functions: ReadonlySet<string>;
  /** Whether the next transaction begins with this `commit` or `rollback`. */
  readonly chains: boolean;
  /** Name of a `savepoint`, `release` or `return`. */
  readonly savepoint: string;
  /** Several statements, some of them about transactions: any of them may be committed with it. */
  readonly isMixed: boolean;
  /** Settings it changes for the statements that follow it, where these may change answers; `*`: any. */
  readonly settings: ReadonlySet<string>;
  /** Temporary relations it makes or names. */
  readonly temporary: ReadonlySet<string>;
}

/** Never throws. */
export type FactsReader = (text: string) => TextFacts;

/** The name by which relations are compared: without a schema and in lower case, so that no spelling is missed. */
export function canonical(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Facts that a reader of a parse tree fills in. */
export class Draft implements TextFacts {
  control: Control | undefined = undefined;
  isWrite = false;
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  readonly names = new Set<string>();
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

  giveUp(): void {
    this.isWrite = this.isOpaque = this.isUnreadable = true;
  }
}

/** Facts of a text that no reader has understood. */
export const UNREAD: TextFacts = Object.assign(new Draft(), { isWrite: true, isOpaque: true, isUnreadable: true });

/** `parse` and `read` may throw. */
export function factsOf<Node>(parse: () => readonly Node[], read: (node: Node, draft: Draft) => void): TextFacts {
  const draft = new Draft();
  try {
    const nodes = parse();
    for (const node of nodes) read(node, draft);
    // A transaction in one text: whether it commits is not seen.
    draft.isMixed = nodes.length > 1 && draft.control !== undefined;
    if (draft.isMixed) draft.giveUp();
  } catch {
    // Some of the names may be missing.
    return UNREAD;
  }
  if (draft.writes.size > 0) draft.isWrite = true;
  return draft;
}
