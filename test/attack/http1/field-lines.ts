// Field lines (RFC 9112 §5, RFC 9110 §5): ends of lines, names, values, sizes.

import type { Row } from '../rows.ts';
import { CARRIED_OUT, HOST_LINE, head, REFUSED, rowsOf, SMUGGLED, shownByte, type Vector } from './vectors.ts';

/** A head that has these bytes after Host and before the empty line. */
function fields(name: string, text: string, expected = REFUSED): Vector {
  return [name, expected, head('GET PATH', `${text}\r\n`)];
}

const TOO_LARGE = '431, closed, nothing forwarded';

const SYNTAX: readonly Vector[] = [
  fields('a space before the colon', 'X : a\r\n'),
  fields('a tab before the colon', 'X\t: a\r\n'),
  fields('a space in a name', 'X Y: a\r\n'),
  fields('no colon', 'X\r\n'),
  fields('no colon but an equals sign', 'X=a\r\n'),
  fields('an empty name', ': a\r\n'),
  fields('a colon alone', ':\r\n'),
  fields('two colons at the start', ':: a\r\n'),
  fields('a space before a name', ' X: a\r\n'),
  fields('a line of white space', ' \r\n'),
  fields('a line of a tab', '\t\r\n'),
  fields('a line folded with a space', 'X: a\r\n b\r\n'),
  fields('a line folded with a tab', 'X: a\r\n\tb\r\n'),
  fields('a line folded twice', 'X: a\r\n b\r\n c\r\n'),
  fields('a fold that holds a field', 'X: a\r\n Content-Length: 5\r\n'),
  fields('a fold after nothing', 'X:\r\n a\r\n'),
  fields('LF as the end of a line', 'X: a\nY: b\r\n'),
  fields('LF as the end of the last line', 'X: a\n'),
  fields('CR as the end of a line', 'X: a\rY: b\r\n'),
  fields('CR CR LF as the end of a line', 'X: a\r\r\n'),
  fields('LF CR as the end of a line', 'X: a\n\rY: b\r\n'),
  fields('CR in a name', 'X\rY: a\r\n'),
  fields('CR before the colon', 'X\r: a\r\n'),
  fields('CR after the colon', 'X:\ra\r\n'),
  fields('LF after the colon', 'X:\na\r\n'),
  fields('NUL in a name', 'X\0Y: a\r\n'),
  fields('an answer within a field', 'X: a\r\nHTTP/1.1 200 OK\r\n'),
  fields('a request line within the fields', 'X: a\r\nGET /smuggled HTTP/1.1\r\n'),
  ['LF for every end', REFUSED, `GET PATH HTTP/1.1\nHost: a\n\n`],
  ['CR for every end', REFUSED, `GET PATH HTTP/1.1\rHost: a\r\r`],
  ['an empty line of LF', REFUSED, head('GET PATH', 'X: a\r\n\n')],
  ['an empty line of CR', REFUSED, head('GET PATH', `X: a\r\n\r${SMUGGLED}`)],
  ['an empty line of CR CR LF', REFUSED, head('GET PATH', 'X: a\r\n\r\r\n')],
  ['a field before Host', CARRIED_OUT, `GET PATH HTTP/1.1\r\nX: a\r\n${HOST_LINE}\r\n`],
];

const SOUND: readonly Vector[] = [
  fields('an empty value', 'X:\r\n', CARRIED_OUT),
  fields('white space around a value', 'X: \t a b\t \r\n', CARRIED_OUT),
  fields('a tab in a value', 'X: a\tb\r\n', CARRIED_OUT),
  fields('no space after the colon', 'X:a\r\n', CARRIED_OUT),
  fields('a colon in a value', 'X: a: b:c\r\n', CARRIED_OUT),
  fields('every letter of a token in a name', "!#$%&'*+-.^_`|~09AZaz: a\r\n", CARRIED_OUT),
  fields('names of JavaScript', '__proto__: a\r\nconstructor: b\r\ntoString: c\r\nhasOwnProperty: d\r\n', CARRIED_OUT),
  fields('one name fifty times', 'X: a\r\n'.repeat(50), CARRIED_OUT),
];

/** RFC 9110 §5.5: controls other than HTAB are in no value. DEL is one. */
const CONTROLS = Array.from({ length: 32 }, (_, byte) => byte).concat(0x7f);

const VALUE_BYTES: readonly Vector[] = CONTROLS.filter((byte) => ![0x09, 0x0a, 0x0d].includes(byte)).map((byte) => {
  return fields(`the byte ${shownByte(byte)} in a value`, `X: a${String.fromCharCode(byte)}b\r\n`);
});

/** RFC 9110 §5.1: a name is a token. */
const NAME_BYTES: readonly Vector[] = [...Buffer.from('"(),/;<=>?@[\\]{}\x01\x0b\x7f\x80\xa0\xff', 'latin1')].map(
  (byte) => {
    return fields(`the byte ${shownByte(byte)} in a name`, `X${String.fromCharCode(byte)}Y: a\r\n`);
  },
);

const SIZES: readonly Vector[] = [
  fields('101 fields', 'X: a\r\n'.repeat(100), TOO_LARGE),
  fields('1,000 fields', 'X: a\r\n'.repeat(1_000), TOO_LARGE),
  fields('10,000 fields', 'X: a\r\n'.repeat(10_000), TOO_LARGE),
  fields('10,000 different names', Array.from({ length: 10_000 }, (_, n) => `X${n}: a\r\n`).join(''), TOO_LARGE),
  fields('a name of 20 KB', `${'X'.repeat(20_000)}: a\r\n`, TOO_LARGE),
  fields('a value of 20 KB', `X: ${'a'.repeat(20_000)}\r\n`, TOO_LARGE),
  fields('a value of 1 MB', `X: ${'a'.repeat(1_000_000)}\r\n`, TOO_LARGE),
  fields('a value of 20 KB of white space', `X:${' '.repeat(20_000)}a\r\n`, `${TOO_LARGE} | ${CARRIED_OUT}`),
  fields('a cookie of 20 KB', `Cookie: ${'a=b; '.repeat(4_000)}\r\n`, TOO_LARGE),
  fields('a head just within the limit', `X: ${'a'.repeat(15_000)}\r\n`, CARRIED_OUT),
  ['a line without an end', '400 or 431, closed, nothing forwarded', [head('GET PATH', 'X: '), 'a'.repeat(40_000)]],
  ['empty lines without an end', '400 or 431, closed, nothing forwarded', ['\r\n'.repeat(20_000), ' ']],
];

export const FIELD_LINES: readonly Row[] = [
  ...rowsOf('RFC 9112 §5', SYNTAX),
  ...rowsOf('RFC 9110 §5.5', [...SOUND, ...VALUE_BYTES]),
  ...rowsOf('RFC 9110 §5.1', NAME_BYTES),
  ...rowsOf('RFC 6585 §5', SIZES),
];
