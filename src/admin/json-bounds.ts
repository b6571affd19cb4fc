// Bounds the JSON of a call by its text, before it is parsed: a parser builds all that it reads, and the code behind it walks the
// value recursively.

/** The calls need 8. */
const MAX_DEPTH = 32;
/** Members and elements in all. */
const MAX_VALUES = 100_000;

/** Names the bound that the text exceeds, be it JSON or not; undefined: none. It looks at each character once. */
export function beyondBounds(text: string): string | undefined {
  let depth = 0;
  let values = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        at = endOfString(text, at);
        break;
      case BRACKET:
      case BRACE:
        if (++depth > MAX_DEPTH) return `more than ${MAX_DEPTH} objects and lists within each other`;
        break;
      case BRACKET_END:
      case BRACE_END:
        depth--;
        break;
      case COMMA:
        if (++values >= MAX_VALUES) return `more than ${MAX_VALUES} members and elements`;
        break;
    }
  }
  return undefined;
}

const [QUOTE, BACKSLASH, COMMA, BRACKET, BRACE, BRACKET_END, BRACE_END] = [0x22, 0x5c, 0x2c, 0x5b, 0x7b, 0x5d, 0x7d];

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at;
}
