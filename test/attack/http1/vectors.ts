// Raw requests of HTTP/1 as rows: what is sent, and what RFC 9110 and 9112 want to come of it.

import type { Part } from '../client.ts';
import type { Row } from '../rows.ts';
import { HOST, type SendOptions } from '../world.ts';

/** What is wrong must be answered so: nothing of it was carried out, and nothing after it is read. */
export const REFUSED = '400, closed, nothing forwarded';
export const CARRIED_OUT = '200, open, 1 forwarded';

/** `PATH` in the text of a part is a path that no other row has. */
export type Vector = readonly [name: string, expected: string, parts: Part | readonly Part[], options?: SendOptions];

export function rowsOf(rule: string, vectors: readonly Vector[]): Row[] {
  return vectors.map(
    ([name, expected, parts, options]): Row => ({
      ...{ name, rule, expected },
      async run(world) {
        const path = world.path('/v');
        const filled = (part: Part) => (typeof part === 'string' ? part.replaceAll('PATH', path) : part);
        const carriesMore = [parts].flat().some((part) => typeof part === 'string' && part.includes(SMUGGLED));
        const quiet = carriesMore ? { quietMs: 80 } : {};
        const sent = await world.send(Array.isArray(parts) ? (parts as Part[]).map(filled) : filled(parts as Part), {
          ...quiet,
          ...options,
        });
        return sent.words;
      },
    }),
  );
}

export const HOST_LINE = `Host: ${HOST}\r\n`;

/** A request of one line and one Host, with these bytes after it: further lines, the empty line, content. */
export function head(line: string, rest = '\r\n'): string {
  return `${line} HTTP/1.1\r\n${HOST_LINE}${rest}`;
}

/** A POST with these field lines, without their ends, and content. */
export function post(lines: readonly string[], content = ''): string {
  return head('POST PATH', `${lines.map((line) => `${line}\r\n`).join('')}\r\n${content}`);
}

/** A second request, which nothing may carry out. */
export const SMUGGLED = `DELETE /smuggled HTTP/1.1\r\n${HOST_LINE}\r\n`;

/** A byte as `\x0b`. */
export function shownByte(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}
