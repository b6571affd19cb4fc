// Words of SQL text, as far as it takes to see where a table is named: strings and comments are skipped.
//
// The one complication: what is not understood must not be mistaken for something harmless. A quote without an end
// gives `broken`, and the caller then knows nothing.

export type Word =
  /** A keyword or a bare name, in lower case. */
  | { readonly kind: 'word'; readonly text: string }
  /** A name in quotes, as it is. */
  | { readonly kind: 'quoted'; readonly text: string }
  /** `(`, `)`, `,`, `.`, `;`. */
  | { readonly kind: 'mark'; readonly text: string }
  /** A string, number or operator. */
  | { readonly kind: 'other'; readonly text: string }
  | { readonly kind: 'broken'; readonly text: string };

// In this order: comments, strings, quoted names, words, marks, anything else. A comment within a comment, one that MySQL
// runs, a dash comment without a space and dollar quotes are read in different ways by dialects: they fit nothing here.
const PATTERN = new RegExp(
  [
    /(?<gap>\s+|--(?:\s[^\n]*)?$|--\s[^\n]*\n?|\/\*(?!!)(?:[^*/]|\*(?!\/)|\/(?!\*))*\*\/)/,
    /(?<string>(?:\b[eE])?'(?:[^']|'')*')/,
    /(?<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[a-zA-Z_][\w ]*\])/,
    /(?<broken>--|\/\*|\*\/|['"`]|\$[a-zA-Z_]*\$|#(?![>-]))/,
    /(?<word>[\p{L}_][\p{L}\p{N}_$]*)/u,
    /(?<mark>[(),.;])/,
    /(?<other>\d[\w.]*|[\s\S])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gu',
);

export function words(text: string): Word[] {
  const found: Word[] = [];
  for (const { groups } of text.matchAll(PATTERN)) {
    const word = wordOf(groups as Readonly<Record<string, string | undefined>>);
    if (word !== undefined) found.push(word);
  }
  return found;
}

function wordOf(groups: Readonly<Record<string, string | undefined>>): Word | undefined {
  const { gap, string, quoted, broken, word, mark, other } = groups;
  if (gap !== undefined) return undefined;
  if (broken !== undefined) return { kind: 'broken', text: broken };
  // Some dialects read a backslash as an escape, others as itself.
  if (string !== undefined) return { kind: string.includes('\\') ? 'broken' : 'other', text: string };
  if (quoted !== undefined) return { kind: 'quoted', text: quoted.slice(1, -1) };
  if (word !== undefined) return { kind: 'word', text: word.toLowerCase() };
  if (mark !== undefined) return { kind: 'mark', text: mark };
  return { kind: 'other', text: other as string };
}
