// Lists and Dictionaries of Structured Fields (RFC 9651 §4.2), as far as caches read them: whether a value has the form, and
// which members are true, a number, a String or a Token. A member of any other kind has no value here; parameters are checked
// and left out.
//
// A value with one fault counts as absent as a whole (RFC 9651 §4.2), so all of it is checked, what is left out too.

/** A Token; a String is a text. */
export interface Token {
  readonly token: string;
}

/** The value of a member; undefined: it is of a kind that no cache directive has. */
export type Bare = true | number | string | Token | undefined;

/** Undefined: the value is no List. */
export function parseList(value: string): readonly Bare[] | undefined {
  return membersOf(value, readMember);
}

/** Undefined: the value is no Dictionary. Of members with one key the last counts. */
export function parseDictionary(value: string): ReadonlyMap<string, Bare> | undefined {
  const members = membersOf(value, (source) => {
    const key = source.must(KEY);
    return [key, source.take(EQUALS) === undefined ? readFlag(source) : readMember(source)] as const;
  });
  return members && new Map(members);
}

const SPACES = / */y;
const WHITE_SPACE = /[ \t]*/y;
const COMMA = /,[ \t]*/y;
const KEY = /[a-z*][a-z0-9_.*-]*/y;
const EQUALS = /=/y;
const SEMICOLON = /; */y;
const OPEN = /\( */y;
const CLOSE = /\)/y;
/** Behind an item of an inner list. */
const GAP = / +|(?=\))/y;

const NUMBER = /-?(?:\d{1,12}\.\d{1,3}|\d{1,15})/y;
const STRING = /"(?:[ !#-[\]-~]|\\["\\])*"/y;
const TOKEN = /[A-Za-z*][\w:/!#$%&'*+.^`|~-]*/y;
const BYTES = /:[A-Za-z0-9+/=]*:/y;
const BOOLEAN = /\?[01]/y;
const DATE = /@-?\d{1,15}/y;
const DISPLAY_STRING = /%"(?:[ !#$&-~]|%[0-9a-f]{2})*"/y;

/** A value that is read from its beginning on. */
class Source {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isOver(): boolean {
    return this.#at === this.#text.length;
  }

  /** What has the form, where it stands next. `form`: sticky. */
  take(form: RegExp): string | undefined {
    form.lastIndex = this.#at;
    const [found] = form.exec(this.#text) ?? [];
    this.#at += found?.length ?? 0;
    return found;
  }

  must(form: RegExp): string {
    const found = this.take(form);
    if (found === undefined) throw new SyntaxError(`expected ${form.source} at ${this.#at}, got another character`);
    return found;
  }
}

function membersOf<Member>(value: string, read: (source: Source) => Member): Member[] | undefined {
  const source = new Source(value);
  const members: Member[] = [];
  try {
    source.take(SPACES);
    while (!source.isOver) {
      if (members.length > 0) source.must(COMMA);
      members.push(read(source));
      source.take(WHITE_SPACE);
    }
    return members;
  } catch {
    return undefined; // no such form, so as if it were not there
  }
}

function readMember(source: Source): Bare {
  if (source.take(OPEN) === undefined) return readItem(source);
  while (source.take(CLOSE) === undefined) {
    readItem(source);
    source.must(GAP);
  }
  readFlag(source);
  return undefined;
}

function readItem(source: Source): Bare {
  const bare = readBare(source);
  readFlag(source);
  return bare;
}

/** The parameters; true, as is a member without a value. */
function readFlag(source: Source): true {
  while (source.take(SEMICOLON) !== undefined) {
    source.must(KEY);
    if (source.take(EQUALS) !== undefined) readBare(source);
  }
  return true;
}

function readBare(source: Source): Bare {
  const number = source.take(NUMBER);
  if (number !== undefined) return Number(number);
  const string = source.take(STRING);
  if (string !== undefined) return string.slice(1, -1).replace(/\\(.)/g, '$1');
  const token = source.take(TOKEN);
  if (token !== undefined) return { token };
  const flag = source.take(BOOLEAN);
  if (flag !== undefined) return flag === '?1' || undefined;
  const bytes = source.take(BYTES);
  // Both throw where the content has not the coding that it says.
  if (bytes !== undefined) atob(bytes.slice(1, -1));
  else if (source.take(DATE) === undefined) decodeURIComponent(source.must(DISPLAY_STRING).slice(2, -1));
  return undefined;
}
