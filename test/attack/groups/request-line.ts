// Request lines, each part malformed in turn (RFC 9112 §3).

import type { Group, Row } from '../rows.ts';
import { HOST } from '../world.ts';

const REFUSED = '400, closed, nothing forwarded';

/** A request line and what must come of it. */
type Line = readonly [name: string, line: string, rule: string, expected: string];

const LINES: readonly Line[] = [
  ['a plain GET', 'GET /line HTTP/1.1', 'RFC 9112 §3', '200, open, 1 forwarded'],
  ['no method', ' /line HTTP/1.1', 'RFC 9112 §3.1', REFUSED],
];

export const REQUEST_LINE: Group = {
  name: 'request-line',
  rows: LINES.map(
    ([name, line, rule, expected]): Row => ({
      ...{ name, rule, expected },
      run: async (world) => (await world.send(`${line}\r\nHost: ${HOST}\r\n\r\n`)).words,
    }),
  ),
};
