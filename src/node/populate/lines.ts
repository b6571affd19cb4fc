// A file of URLs, line by line: a URL, or JSON with a URL, its fields and expected hits.

/** What stands in the line; undefined: nothing. What looks like JSON and is none stays text, and is refused as a URL. */
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
