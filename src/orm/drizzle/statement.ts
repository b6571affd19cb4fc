// A statement as a row of words and of Drizzle's objects between them: where tables are named, and what it does.
//
// The one complication: FROM stands in functions too (`extract(year from …)`), and a comma after a table goes on with
// tables. A place where a table may be named holds an object, or a bare name that the caller has to know, or the tables
// are unknown.

import type { Word } from './words.ts';

export type Piece =
  | Word
  /** A table, view, subquery or whole query: something to read from. */
  | { readonly kind: 'source' }
  /** A bare name that Drizzle wrote. */
  | { readonly kind: 'name'; readonly text: string }
  /** A column, a parameter: nothing to read from. */
  | { readonly kind: 'value' };

export interface Statement {
  readonly access: 'read' | 'write' | 'control';
  /** Bare names where a table is named: `schema.name` or `name`. */
  readonly names: readonly string[];
  /** Why the tables are not known. */
  readonly unknown: string | undefined;
}

/** Without one of these no table can be named in the text of an expression. */
const NAMING = new Set(['select', 'table', 'from', 'join', 'straight_join', 'into']);
/** Statements that only read, by their first word. */
const READS = new Set(['select', 'values', 'table', 'with', 'explain']);
/** Statements that change rows of tables they name. */
const CHANGES = new Set(['insert', 'update', 'delete', 'merge', 'replace', 'truncate']);
const CONTROLS = new Set(['begin', 'start', 'commit', 'end', 'rollback', 'abort', 'savepoint', 'release']);
/** UPDATE after these is no statement: FOR UPDATE, ON CONFLICT … DO UPDATE, ON DUPLICATE KEY UPDATE, WHEN MATCHED THEN. */
const BEFORE_UPDATE = new Set(['for', 'key', 'do', 'on', 'then', 'of']);
/** They end a list of tables. */
const ENDS = new Set([
  'where',
  'group',
  'order',
  'having',
  'limit',
  'offset',
  'fetch',
  'union',
  'intersect',
  'except',
  'set',
  'returning',
  'window',
  'values',
  'select',
  'for',
  'default',
  'qualify',
]);
/** They may stand before the name of a table. */
const BEFORE_NAME = new Set([
  'only',
  'lateral',
  'if',
  'not',
  'exists',
  'table',
  'into',
  'from',
  'or',
  'ignore',
  'low_priority',
]);
/** Functions that give rows and read no table. */
const ROW_FUNCTIONS = new Set([
  'unnest',
  'generate_series',
  'json_each',
  'json_tree',
  'jsonb_each',
  'json_array_elements',
  'jsonb_array_elements',
  'json_array_elements_text',
  'jsonb_array_elements_text',
  'json_to_recordset',
  'jsonb_to_recordset',
  'json_table',
  'regexp_split_to_table',
  'string_to_table',
]);

interface Frame {
  /** In a list of tables: a comma goes on with it. */
  list: boolean;
  /** A table is named next. */
  expects: boolean;
}

/** Of a whole statement, or of one in parentheses. */
export function readStatement(pieces: readonly Piece[]): Statement {
  const access = accessOf(pieces);
  if (access === 'unseen') return { access: 'write', names: [], unknown: unseen(pieces) };
  return { access, ...places(pieces) };
}

/** Of an expression: it only reads, and names tables in subqueries alone. */
export function readExpression(pieces: readonly Piece[]): Statement {
  const mayName = pieces.some((piece) => piece.kind === 'broken' || (piece.kind === 'word' && NAMING.has(piece.text)));
  return { access: 'read', ...(mayName ? places(pieces) : { names: [], unknown: undefined }) };
}

function places(pieces: readonly Piece[]): Pick<Statement, 'names' | 'unknown'> {
  if (pieces.some(({ kind }) => kind === 'broken'))
    return { names: [], unknown: 'text has a quote or a comment that dialects read in different ways' };
  return new Places(pieces).read();
}

function unseen(pieces: readonly Piece[]): string {
  const first = pieces.find((piece) => piece.kind === 'word');
  return `what the statement '${first?.kind === 'word' ? first.text : ''}' does cannot be seen`;
}

/** The places where tables are named. */
class Places {
  readonly #pieces: readonly Piece[];
  readonly #names: string[] = [];
  #frames: Frame[] = [{ list: false, expects: false }];
  #unknown: string | undefined;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  read(): { readonly names: readonly string[]; readonly unknown: string | undefined } {
    for (let at = 0; at < this.#pieces.length; at++) at = this.#step(at);
    return { names: this.#names, unknown: this.#unknown };
  }

  get #frame(): Frame {
    return this.#frames.at(-1) as Frame;
  }

  /** The last piece it has read. */
  #step(at: number): number {
    const piece = this.#pieces[at] as Piece;
    if (piece.kind === 'mark') this.#mark(piece.text);
    else if (piece.kind === 'word' && this.#keyword(piece.text, at)) return at;
    else if (this.#frame.expects) return this.#place(piece, at);
    return at;
  }

  #mark(text: string): void {
    const { list, expects } = this.#frame;
    if (text === '(') {
      this.#frame.expects = false;
      this.#frames.push({ list: expects, expects });
    } else if (text === ')') {
      if (this.#frames.length > 1) this.#frames.pop();
    } else if (text === ',') this.#frame.expects = list;
    else if (text === ';') this.#frames = [{ list: false, expects: false }];
  }

  /** Whether the word is read with that. */
  #keyword(text: string, at: number): boolean {
    const frame = this.#frame;
    if (ENDS.has(text)) {
      frame.list = false;
      frame.expects = false;
      return true;
    }
    if (opensPlace(this.#pieces, at)) {
      frame.list = true;
      frame.expects = true;
      return true;
    }
    return frame.expects && BEFORE_NAME.has(text);
  }

  #place(piece: Piece, at: number): number {
    this.#frame.expects = false;
    if (piece.kind === 'name') return this.#bareName(piece.text, at);
    if (piece.kind !== 'word' && piece.kind !== 'quoted') return at;
    const next = this.#pieces[at + 1];
    if (piece.kind === 'word' && ROW_FUNCTIONS.has(piece.text) && isMark(next, '(')) return at;
    this.#unknown ??= `'${piece.text}' is named in text where a table may stand`;
    return at;
  }

  /** `name`, or `schema.name`. */
  #bareName(text: string, at: number): number {
    const second = this.#pieces[at + 2];
    if (isMark(this.#pieces[at + 1], '.') && second?.kind === 'name') {
      this.#names.push(`${text}.${second.text}`);
      return at + 2;
    }
    this.#names.push(text);
    return at;
  }
}

/** Whether a table is named after the word. */
function opensPlace(pieces: readonly Piece[], at: number): boolean {
  const text = (pieces[at] as Word).text;
  const before = wordBefore(pieces, at);
  switch (text) {
    case 'from':
      // IS [NOT] DISTINCT FROM compares.
      return !(before === 'distinct' && ['is', 'not'].includes(wordBefore(pieces, at - 1) ?? ''));
    case 'update':
      return !BEFORE_UPDATE.has(before ?? '');
    case 'using':
      // JOIN … USING (columns).
      return !isMark(pieces[at + 1], '(');
    default:
      return text === 'table' || text === 'join' || text === 'into' || text === 'truncate' || text === 'straight_join';
  }
}

function accessOf(pieces: readonly Piece[]): Statement['access'] | 'unseen' {
  const first = pieces.find((piece) => !isMark(piece, '('));
  if (first?.kind !== 'word') return 'unseen';
  if (CONTROLS.has(first.text)) return pieces.some((piece) => isMark(piece, ';')) ? 'unseen' : 'control';
  if (!READS.has(first.text) && !CHANGES.has(first.text)) return 'unseen';
  let access: Statement['access'] = 'read';
  for (const [at, piece] of pieces.entries()) {
    if (piece.kind !== 'word') continue;
    // Another statement after it: only of kinds that are seen.
    if (isMark(pieces[at - 1], ';') && !READS.has(piece.text) && !CHANGES.has(piece.text)) return 'unseen';
    // SELECT … INTO makes a table.
    if (piece.text === 'into' || (CHANGES.has(piece.text) && startsStatement(pieces, at))) access = 'write';
  }
  return access;
}

/** Whether a statement, or one within a WITH list or EXPLAIN, may begin there. */
function startsStatement(pieces: readonly Piece[], at: number): boolean {
  const before = pieces[at - 1];
  if (before === undefined) return true;
  if (isMark(pieces[at + 1], '(')) return false;
  if (before.kind === 'word') return ['explain', 'analyze', 'verbose'].includes(before.text);
  return isMark(before, '(') || isMark(before, ')') || isMark(before, ';');
}

function wordBefore(pieces: readonly Piece[], at: number): string | undefined {
  const before = pieces[at - 1];
  return before?.kind === 'word' ? before.text : undefined;
}

function isMark(piece: Piece | undefined, text: string): boolean {
  return piece?.kind === 'mark' && piece.text === text;
}
