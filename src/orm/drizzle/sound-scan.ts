// One statement read from its first token to its last: where a relation stands, and what happens to it.
//
// The one complication: commas. Behind FROM a comma is followed by a relation, anywhere else it is not; so each
// parenthesis remembers what its commas mean.

import { mayMove } from '../../sql/postgres/moving-texts.ts';
import { canonical, type Draft } from './sound-draft.ts';
import { type Frame, frameOf } from './sound-frames.ts';
import type { Dialect, Token } from './sound-text.ts';
import { controlOf } from './sound-transaction-words.ts';
import {
  CLAUSES,
  HARMLESS,
  HARMLESS_IN_FROM,
  LOCKS,
  MEMBER,
  MOMENTS_OF_SQLITE,
  NO_FUNCTIONS,
  SCANNED,
  SKIPPED,
  SPECIAL_FROM,
  SUBQUERY,
  VOLATILE,
  WRITING,
} from './sound-words.ts';

export class Scan {
  readonly #tokens: readonly Token[];
  readonly #dialect: Dialect;
  readonly #draft: Draft;
  readonly #frames: Frame[] = [frameOf(undefined)];
  /** Functions, by where they are called. */
  readonly #calls = new Map<number, string>();
  #at = 0;
  #deletesFrom = false;

  constructor(tokens: readonly Token[], dialect: Dialect, draft: Draft) {
    this.#tokens = tokens;
    this.#dialect = dialect;
    this.#draft = draft;
  }

  run(): void {
    const draft = this.#draft;
    for (const { kind, text } of this.#tokens) {
      if (kind === 'word' || kind === 'name') draft.words.add(canonical(text));
      if (this.#dialect === 'pg' && LOCKS.test(text)) draft.locks = true;
      // SQLite has the operator, and the program its function.
      if (this.#dialect === 'sqlite' && kind === 'word' && text === 'regexp') draft.functions.add(text);
      if ((kind === 'string' || kind === 'other') && mayMove(text)) draft.isVolatile = true;
    }
    const first = this.#tokens.find(({ text }) => text !== '(')?.text ?? '';
    const control = controlOf(this.#tokens, this.#dialect);
    if (control !== undefined) {
      if (control.control !== 'other') Object.assign(draft, control);
      draft.control ??= 'other';
      return;
    }
    if (!SCANNED.has(first)) {
      draft.isWrite = draft.isOpaque = draft.isUnreadable = true;
      return;
    }
    if (first === 'explain' || first === 'declare') draft.isVolatile = draft.locks = true;
    for (this.#at = 0; this.#at < this.#tokens.length; this.#at++) this.#step(this.#tokens[this.#at] as Token);
    if (this.#frames.length !== 1 || this.#frame.expected !== undefined) this.#giveUp();
    for (const name of this.#calls.values()) draft.functions.add(name);
    if (draft.writes.size > 0 || draft.isOpaque) draft.isWrite = true;
  }

  get #frame(): Frame {
    return this.#frames.at(-1) as Frame;
  }

  #textAt(offset: number): string | undefined {
    const token = this.#tokens[this.#at + offset];
    return token === undefined || token.kind === 'string' || token.kind === 'name' ? undefined : token.text;
  }

  #giveUp(): void {
    this.#draft.isUnreadable = true;
    if (this.#tokens.some(({ kind, text }) => kind === 'word' && WRITING.has(text))) this.#draft.isOpaque = true;
  }

  #step(token: Token): void {
    if (token.kind === 'symbol') return this.#symbol(token.text);
    if (token.kind === 'word' && this.#keyword(token.text)) return;
    if (token.kind === 'word' || token.kind === 'name') return this.#name(token);
    if (this.#frame.expected === undefined) return;
    this.#frame.expected = undefined;
    this.#giveUp();
  }

  #symbol(text: string): void {
    if (text === '(') return this.#open();
    if (text === ')') {
      const frame = this.#frames.pop();
      if (frame?.expected !== undefined || this.#frames.length === 0) this.#giveUp();
      if (this.#frames.length === 0) this.#frames.push(frameOf(undefined));
      if (frame?.member !== undefined) this.#frame.local.add(frame.member);
      return;
    }
    if (text === ',') this.#frame.expected = this.#frame.list;
    else if (this.#frame.expected !== undefined) {
      this.#frame.expected = undefined;
      this.#giveUp();
    }
  }

  #open(): void {
    const { expected } = this.#frame;
    this.#frame.expected = undefined;
    if (expected === 'write') this.#giveUp();
    const inside = expected === 'read' && !SUBQUERY.has(this.#textAt(1) ?? '') ? 'read' : undefined;
    const { next } = this.#frame;
    this.#frame.next = undefined;
    this.#frames.push(frameOf(inside, this.#textAt(-1), next));
  }

  /** True: the word is one of SQL's own, and dealt with. */
  #keyword(word: string): boolean {
    const frame = this.#frame;
    const before = this.#textAt(-1);
    if (VOLATILE.has(word)) this.#draft.isVolatile = true;
    if (frame.expected !== undefined && SKIPPED.has(word)) return true;
    if (word === 'or' && frame.expected !== undefined) {
      this.#at++;
      this.#replacing();
      return true;
    }
    if (CLAUSES.has(word)) {
      if (frame.expected !== undefined) this.#giveUp();
      frame.list = frame.expected = undefined;
      return true;
    }
    return this.#relationWord(word, before) || this.#writingWord(word, before);
  }

  #relationWord(word: string, before: string | undefined): boolean {
    const frame = this.#frame;
    switch (word) {
      case 'from':
        if (before === 'distinct' && this.#textAt(-2) === 'is') return true;
        if (before === 'distinct' && this.#textAt(-2) === 'not') return true;
        if (frame.call !== undefined && SPECIAL_FROM.has(frame.call)) return true;
        frame.expected = this.#deletesFrom ? 'write' : 'read';
        frame.list = this.#deletesFrom ? undefined : 'read';
        this.#deletesFrom = false;
        return true;
      case 'join':
        frame.expected = 'read';
        return true;
      case 'using':
        if (this.#textAt(1) === '(' && !SUBQUERY.has(this.#textAt(2) ?? '')) return true;
        if (this.#draft.deletes) frame.list = frame.expected = 'read';
        return true;
      case 'table':
        frame.expected = 'read';
        return true;
      case 'as':
        this.#localName();
        return true;
      case 'with':
        frame.isRecursive = this.#textAt(1) === 'recursive';
        return true;
      default:
        return false;
    }
  }

  #writingWord(word: string, before: string | undefined): boolean {
    const draft = this.#draft;
    const frame = this.#frame;
    switch (word) {
      case 'into':
        frame.list = undefined;
        frame.expected = 'write';
        return true;
      case 'update':
      case 'share':
        return this.#updateWord(word, before);
      case 'delete':
        if (before === 'on') return true;
        draft.deletes = true;
        this.#deletesFrom = before !== 'then' && this.#textAt(1) === 'from';
        return true;
      case 'truncate':
        draft.deletes = true;
        frame.list = frame.expected = 'write';
        if (draft.words.has('cascade')) draft.isOpaque = true;
        return true;
      case 'merge':
        draft.deletes = draft.updates = true;
        return true;
      case 'replace':
        if (this.#textAt(1) === '(') return false;
        this.#replacing();
        return true;
      case 'refresh':
        frame.expected = 'write';
        return true;
      case 'insert':
        if (this.#textAt(1) === 'or') this.#at += 2;
        if (this.#textAt(0) === 'replace') this.#replacing();
        return true;
      default:
        return false;
    }
  }

  #updateWord(word: string, before: string | undefined): boolean {
    if (before === 'for' || before === 'key') {
      this.#draft.locks = true;
      return true;
    }
    if (word === 'share') return false;
    if (before === 'on') return true;
    this.#draft.updates = true;
    if (before === 'do' || before === 'then') return true;
    this.#frame.list = undefined;
    this.#frame.expected = 'write';
    return true;
  }

  #replacing(): void {
    this.#draft.deletes = true;
    this.#draft.updates = true;
  }

  /** `name [(columns)] AS [[NOT] MATERIALIZED] (` names a member of a WITH list, or a window. */
  #localName(): void {
    let ahead = 1;
    while (this.#textAt(ahead) === 'not' || this.#textAt(ahead) === 'materialized') ahead++;
    const isMember = MEMBER.has(this.#textAt(ahead + 1) ?? '');
    if (this.#textAt(ahead) !== '(') return;
    let back = this.#at - 1;
    if (this.#tokens[back]?.text === ')' && this.#tokens[back]?.kind === 'symbol') {
      // `from made() as (id int)`: a function, and what its rows are.
      if (!isMember) return;
      while (back > 0 && this.#tokens[back]?.text !== '(') back--;
      back--;
    }
    const name = this.#tokens[back];
    if (name?.kind !== 'word' && name?.kind !== 'name') return;
    this.#calls.delete(back);
    if (!isMember) return;
    const own = this.#localOf(name.text);
    // In SQLite each member sees itself and all others.
    if (this.#frame.isRecursive || this.#dialect === 'sqlite') this.#frame.local.add(own);
    else this.#frame.next = own;
  }

  /** PostgreSQL tells quoted names apart by their case. */
  #localOf(name: string): string {
    return this.#dialect === 'pg' ? name : name.toLowerCase();
  }

  /** True: a relation of that name is a member of a WITH list here. */
  #isLocal(start: number): boolean {
    const own = this.#localOf(this.#tokens[start]?.text ?? '');
    return start === this.#at && this.#frames.some(({ local }) => local.has(own));
  }

  #name(token: Token): void {
    const frame = this.#frame;
    const start = this.#at;
    while (this.#textAt(1) === '.' && isNameLike(this.#tokens[this.#at + 2])) this.#at += 2;
    const last = canonical((this.#tokens[this.#at] ?? token).text);
    const isCall = this.#textAt(1) === '(';
    const { expected } = frame;
    frame.expected = undefined;
    if (expected === 'write') this.#draft.writes.add(last);
    else if (isCall) this.#call(start, expected === 'read');
    else if (expected === 'read' && !this.#isLocal(start)) this.#draft.reads.add(last);
  }

  /** Of the name from `start` to here. */
  #call(start: number, inFrom: boolean): void {
    const { kind = 'word', text = '' } = this.#tokens[this.#at] ?? {};
    const isBare = start === this.#at && !text.includes('.');
    // In a schema of its own any name may be that of any function.
    const isBuiltIn = isBare || (start === this.#at - 2 && this.#tokens[start]?.text === 'pg_catalog');
    const name = isBuiltIn ? canonical(text) : `.${canonical(text)}`;
    if (this.#dialect === 'sqlite' && MOMENTS_OF_SQLITE.has(name)) this.#draft.isVolatile = true;
    if (inFrom) {
      const known = this.#dialect === 'sqlite' ? HARMLESS_IN_FROM : HARMLESS;
      if (!known.has(name)) this.#draft.isUnreadable = true;
    } else {
      const before = this.#tokens[start - 1];
      const mark = before?.kind === 'word' || before?.kind === 'symbol' ? before.text : '';
      if (isBare && kind === 'word' && NO_FUNCTIONS.has(name)) return;
      // A name behind AS, or behind a relation, gives names to columns; behind WITH it is found by its own AS.
      if (mark === '::' || mark === 'as') return;
    }
    this.#calls.set(this.#at, name);
  }
}

function isNameLike(token: Token | undefined): boolean {
  return token?.kind === 'word' || token?.kind === 'name';
}
