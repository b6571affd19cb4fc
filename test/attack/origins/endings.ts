// Answers that end too early, too late or never.

import { type Broken, CHUNKED, CUT, FRESH, LATE, OK, PASSED, RESET, SOUND, STORED } from './broken.ts';

const HEAD = `${OK}${FRESH}`;
const LENGTH_9 = `${HEAD}Content-Length: 9\r\n\r\nabc`;
const CHUNK = `${HEAD}${CHUNKED}\r\n3\r\nabc\r\n`;
/** Pauses that are none by themselves. */
const SLOWLY = (text: string, ms: number) => [...text].flatMap((byte) => [byte, ms]);
/** On a connection that is kept, the reset could meet the next write. */
const CLOSING = SOUND.replace('\r\n', '\r\nConnection: close\r\n');
/** Before its client has a byte, or after. */
const CUT_OR_RESET = `${CUT} | ${RESET}`;
const CUT_OR_LATE = `${CUT} | ${LATE}`;

const CUTS = [
  ['a length', LENGTH_9],
  ['a length and close', LENGTH_9.replace('\r\n', '\r\nConnection: close\r\n')],
  ['a length in HTTP/1.0', LENGTH_9.replace('1.1', '1.0')],
  ['a chunk', `${CHUNK}9\r\nde`],
  ['a chunk size', `${CHUNK}9`],
  ['chunks before the last', CHUNK],
  ['the last chunk', `${CHUNK}0\r\n`],
  ['a trailer', `${CHUNK}0\r\nX-A: b`],
] as const;

export const ENDINGS: readonly Broken[] = [
  ...CUTS.flatMap(([what, raw]) => [
    { name: `a FIN within ${what}`, raw, ending: 'close', expected: CUT_OR_RESET },
    { name: `a reset within ${what}`, raw: [raw, 30], ending: 'reset', expected: CUT_OR_RESET },
  ]),
  {
    name: 'content that the FIN delimits',
    raw: `${HEAD}Connection: close\r\n\r\nabc`,
    ending: 'close',
    expected: PASSED,
  },
  {
    name: 'content that a reset ends',
    raw: [`${HEAD}Connection: close\r\n\r\nabc`, 30],
    ending: 'reset',
    expected: CUT_OR_RESET,
  },
  { name: 'HTTP/1.0 without a length', raw: `HTTP/1.0 200 OK\r\n${FRESH}\r\nabc`, ending: 'close', expected: PASSED },
  { name: 'no answer but a FIN', raw: '', ending: 'close', expected: RESET },
  { name: 'no answer but a reset', raw: '', ending: 'reset', expected: RESET },
  { name: 'no answer but a FIN, to a POST', method: 'POST', raw: '', ending: 'close', expected: RESET },
  { name: 'half a head, then a FIN', raw: HEAD, ending: 'close', expected: RESET },
  { name: 'half a head, then a reset', raw: [HEAD, 30], ending: 'reset', expected: RESET },
  { name: 'a FIN after a whole answer that is kept alive', raw: SOUND, ending: 'close', expected: STORED },
  { name: 'a reset after a whole answer', raw: [CLOSING, 30], ending: 'reset', expected: STORED },
  { name: 'close that is kept open', raw: CLOSING, expected: STORED },
  { name: 'Keep-Alive: timeout=0', raw: SOUND.replace('\r\n', '\r\nKeep-Alive: timeout=0\r\n'), expected: STORED },
  {
    name: 'Keep-Alive: timeout of 30 digits',
    raw: SOUND.replace('\r\n', `\r\nKeep-Alive: timeout=${'9'.repeat(30)}\r\n`),
    expected: STORED,
  },
  { name: 'silence', raw: '', ending: 'silence', expected: LATE },
  { name: 'silence after half a head', raw: HEAD, expected: LATE },
  { name: 'a head of a byte every 50 ms', raw: SLOWLY(SOUND, 50), expected: LATE },
  { name: 'silence after half the content', raw: LENGTH_9, expected: CUT_OR_LATE },
  { name: 'silence after a chunk', raw: CHUNK, expected: CUT_OR_LATE },
  { name: 'silence within the last chunk', raw: `${CHUNK}0\r\n`, expected: CUT_OR_LATE },
  { name: 'content of a byte every 50 ms', raw: [SOUND.slice(0, -3), ...SLOWLY('abc', 50)], expected: STORED },
].map((row) => ({ rule: 'RFC 9112 §8, time limits', ...row }) as Broken);
