// A text's facts by its parse tree alone, for callers without a catalogue: its kind, the relations, functions and
// settings that it names, and what it may do to them.
//
// Facts err on one side. A name too many costs a miss; a statement that is not understood makes its text unreadable (no
// answer to it is kept) and opaque (it may write anything).

/** `savepoint`, `release` and `return` (ROLLBACK TO) are of SQLite alone: there a savepoint may begin a transaction. */
export type Control = 'begin' | 'commit' | 'rollback' | 'savepoint' | 'release' | 'return' | 'other';

/** Facts as a reader of a parse tree fills them in. */
export class FactsBuilder {
  /** Undefined when the statement is not about transactions or the session. For several statements, the last one counts. */
  control: Control | undefined = undefined;
  /** Whether it may change the content of a table. */
  isWrite = false;
  /** Relations it names, those of WITH lists not among them. Names as `canonical` gives them. */
  readonly reads = new Set<string>();
  readonly writes = new Set<string>();
  /** PostgreSQL only: all names by which a function may be called: of functions, operators, types, columns and relations. */
  readonly names = new Set<string>();
  /** Rows may go, or be replaced; rows may get another key. */
  deletes = false;
  updates = false;
  /** Whether its reads are unknown. */
  isUnreadable = false;
  /** Whether its writes are unknown. */
  isOpaque = false;
  /** Whether it locks the rows it reads, or takes or releases a lock of its own. */
  locks = false;
  /** Whether the read may give another answer without a write. */
  isVolatile = false;
  /** Functions it calls; with a dot before those of a schema that is not the system's. */
  readonly functions = new Set<string>();
  /** Whether the next transaction begins with this `commit` or `rollback`. */
  chains = false;
  /** Name of a `savepoint`, `release` or `return`. */
  savepoint = '';
  /** Several statements, some of them about transactions: any of them may be committed with it. */
  isMixed = false;
  /** Settings it changes for the statements that follow it, where these may change answers; `*`: any. */
  readonly settings = new Set<string>();
  /** Temporary relations it makes or names. */
  readonly temporary = new Set<string>();

  giveUp(): void {
    this.isWrite = this.isOpaque = this.isUnreadable = true;
  }
}

/** The facts as others see them. */
export type TextFacts = {
  readonly [Fact in Exclude<keyof FactsBuilder, 'giveUp'>]: FactsBuilder[Fact] extends Set<string>
    ? ReadonlySet<string>
    : FactsBuilder[Fact];
};

/** Never throws. */
export type FactsReader = (text: string) => TextFacts;

/** The name by which relations are compared: without a schema and in lower case, so that no spelling is missed. */
export function canonical(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1).toLowerCase();
}

/** Facts of a text that no reader has understood. */
export const UNREAD: TextFacts = Object.assign(new FactsBuilder(), {
  isWrite: true,
  isOpaque: true,
  isUnreadable: true,
});

/** `parse` and `read` may throw. */
export function factsReader<Node>(
  parse: (text: string) => readonly Node[],
  read: (node: Node, facts: FactsBuilder) => void,
): FactsReader {
  return (text) => {
    const facts = new FactsBuilder();
    try {
      const nodes = parse(text);
      for (const node of nodes) read(node, facts);
      // A transaction in one text: whether it commits is not seen.
      facts.isMixed = nodes.length > 1 && facts.control !== undefined;
    } catch {
      // Some of the names may be missing.
      return UNREAD;
    }
    if (facts.isMixed) facts.giveUp();
    if (facts.writes.size > 0) facts.isWrite = true;
    return facts;
  };
}
