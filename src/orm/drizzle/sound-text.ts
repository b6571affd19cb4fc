// SQL text as tokens, for PostgreSQL and SQLite: enough to tell names from everything else.
//
// The one complication: a text that is not understood to its end is not understood at all. What follows a quote taken
// wrongly would be read inside out, so such a text gives no tokens, and its callers expect the worst of it.

export type Dialect = 'pg' | 'sqlite';

/** `word`: in lower case. `name`: was quoted, without its quotes. `string`: a literal, without its quotes. */
export interface Token {
  readonly kind: 'word' | 'name' | 'string' | 'other' | 'symbol';
  readonly text: string;
}

type Read = (text: string) => Token;

const asOther: Read = (text) => ({ kind: 'other', text });
const asWord: Read = (text) => ({ kind: 'word', text: text.toLowerCase() });
const asSymbol: Read = (text) => ({ kind: 'symbol', text });
const asString: Read = (text) => ({ kind: 'string', text: text.slice(1, -1) });
const asName: Read = (text) => ({
  kind: 'name',
  text: text.slice(1, -1).replaceAll(text.at(-1)?.repeat(2) ?? '', text.at(-1) ?? ''),
});

const WORD = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y;
const SHARED: readonly (readonly [RegExp, Read])[] = [
  [/'(?:[^']|'')*'/y, asString],
  [/"(?:[^"]|"")*"/y, asName],
  [/\d[\w.]*/y, asOther],
];
const PG: readonly (readonly [RegExp, Read])[] = [
  [/[eE]'(?:[^'\\]|\\[\s\S]|'')*'/y, asOther],
  ...SHARED,
  [/\$\d+/y, asOther],
];
const SQLITE: readonly (readonly [RegExp, Read])[] = [
  ...SHARED,
  [/`(?:[^`]|``)*`/y, asName],
  [/\[[^\]]*\]/y, asName],
  [/\?\d*|[:@$][A-Za-z_]\w*/y, asOther],
];
const END: readonly (readonly [RegExp, Read])[] = [
  [WORD, asWord],
  [/::/y, asSymbol],
  [/[^'"\s]/y, asSymbol],
];
const RULES: Readonly<Record<Dialect, readonly (readonly [RegExp, Read])[]>> = {
  pg: [...PG, ...END],
  sqlite: [...SQLITE, ...END],
};

/** Undefined: the text is not understood. */
export function tokensOf(text: string, dialect: Dialect): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < text.length; ) {
    const after = afterGap(text, at, dialect);
    if (after === undefined) return undefined;
    if (after > at) {
      at = after;
      continue;
    }
    const found = tokenAt(text, at, dialect);
    if (found === undefined) return undefined;
    tokens.push(found.token);
    at = found.end;
  }
  return tokens;
}

function tokenAt(
  text: string,
  at: number,
  dialect: Dialect,
): { readonly token: Token; readonly end: number } | undefined {
  if (dialect === 'pg') {
    // Names and strings with Unicode escapes could spell any name.
    if (/[uU]&['"]/y.test(text.slice(at, at + 3))) return undefined;
    const quote = matchAt(/\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y, text, at);
    if (quote !== undefined) {
      const end = text.indexOf(quote, at + quote.length);
      if (end < 0) return undefined;
      return { token: asOther(text.slice(at, end + quote.length)), end: end + quote.length };
    }
  }
  for (const [pattern, read] of RULES[dialect]) {
    const match = matchAt(pattern, text, at);
    if (match !== undefined) return { token: read(match), end: at + match.length };
  }
  return undefined;
}

/** Behind white space or a comment that begins here; undefined: the comment does not end. */
function afterGap(text: string, at: number, dialect: Dialect): number | undefined {
  const gap = matchAt(dialect === 'pg' ? /\s+|--[^\n\r]*/y : /\s+|--[^\n]*/y, text, at);
  if (gap !== undefined) return at + gap.length;
  if (!text.startsWith('/*', at)) return at;
  if (dialect === 'sqlite') {
    const end = text.indexOf('*/', at + 2);
    return end < 0 ? text.length : end + 2;
  }
  return afterNestedComment(text, at);
}

/** Comments of PostgreSQL hold comments. */
function afterNestedComment(text: string, start: number): number | undefined {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const mark = text.slice(at, at + 2);
    if (mark === '/*') depth++;
    if (mark === '*/') depth--;
    at += mark === '/*' || mark === '*/' ? 2 : 1;
    if (depth === 0) return at;
  }
  return undefined;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}
