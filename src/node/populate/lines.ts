// A file of URLs, line by line: a URL, or JSON with a URL, its fields and expected hits.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { TidegateError } from '../../errors.ts';

/** The values of a file, or for `-` of the standard input. Throws E_POPULATE when it cannot be read. */
export async function* valuesOfFile(path: string): AsyncGenerator<unknown> {
  const input = path === '-' ? process.stdin : createReadStream(path, 'utf8');
  try {
    for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
      const value = valueOfLine(line);
      if (value !== undefined) yield value;
    }
  } catch (error) {
    const { message } = error as Error;
    throw new TidegateError('E_POPULATE', `expected a readable file of URLs, got ${message}`, { cause: error });
  }
}

/** The value of the line; undefined for a blank line or a `#` comment. Invalid JSON stays text, refused later as a URL. */
function valueOfLine(line: string): unknown {
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
