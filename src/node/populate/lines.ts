// A file of URLs, line by line: a URL, or JSON with a URL, its fields and expected hits.

/** The value of the line; undefined for a blank line or a `#` comment. Invalid JSON stays text, refused later as a URL. */
export function valueOfLine(line: string): unknown {
  const text = line.trim();
  if (text === '' || text.startsWith('#')) return undefined;
  if (!text.startsWith('{')) return text;
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return text;
    throw error;
  }
}
