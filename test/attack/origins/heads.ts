// Heads that are none (RFC 9112 §2 to §5), or too much.

import { type Broken, CONTENT, FRESH, OK, REFUSED, RESET, SOUND, STORED } from './broken.ts';

const HEAD = `${OK}${FRESH}`;
const END = `Content-Length: 3\r\n\r\n${CONTENT}`;

function field(name: string, line: string, expected = REFUSED) {
  return { name, raw: `${HEAD}${line}\r\n${END}`, expected };
}

export const HEADS: readonly Broken[] = [
  ...[
    'HTTP/2.0',
    'HTTP/2',
    'HTTP/0.9',
    'HTTP/3.0',
    'HTTP/11',
    'HTTP/1',
    'http/1.1',
    'HTTPS/1.1',
    'ICY',
    'HTTP /1.1',
    ' HTTP/1.1',
  ].map((version) => ({
    name: `status line of ${version}`,
    raw: SOUND.replace('HTTP/1.1', version),
    expected: REFUSED,
  })),
  { name: 'status line of HTTP/1.2', raw: SOUND.replace('1.1', '1.2'), expected: STORED },
  { name: 'a reason with NUL', raw: SOUND.replace('OK', 'O\0K'), expected: `${REFUSED} | ${STORED}` },
  { name: 'a reason with CR', raw: SOUND.replace('OK', 'O\rK'), expected: REFUSED },
  { name: 'a reason that is a field', raw: SOUND.replace('OK', '<script>: x'), expected: STORED },
  { name: 'a reason of 1 MB', raw: SOUND.replace('OK', 'a'.repeat(1_000_000)), expected: `${REFUSED} | ${STORED}` },
  { name: 'no reason', raw: SOUND.replace(' OK', ''), expected: STORED },
  { name: 'two spaces before the status', raw: SOUND.replace(' 200', '  200'), expected: REFUSED },
  { name: 'a tab before the status', raw: SOUND.replace(' 200', '\t200'), expected: REFUSED },
  { name: 'an empty line before the status line', raw: `\r\n${SOUND}`, expected: `${REFUSED} | ${STORED}` },
  { name: 'lines with LF alone', raw: SOUND.replaceAll('\r\n', '\n'), expected: REFUSED },
  { name: 'lines with CR alone', raw: SOUND.replaceAll('\r\n', '\r'), expected: REFUSED },
  { name: 'one line with LF alone', raw: `${OK}${FRESH.replace('\r', '')}${END}`, expected: REFUSED },
  { name: 'the end of the head with LF alone', raw: SOUND.replace('\r\n\r\n', '\r\n\n'), expected: REFUSED },
  field('a folded value', 'X-A: a\r\n b'),
  field('a folded Content-Type', 'Content-Type: text/plain\r\n\t; charset=x'),
  { name: 'a first line that is folded', raw: `${OK} X-A: b\r\n${END}`, expected: REFUSED },
  field('a value with NUL', 'X-A: a\0b'),
  field('a value with CR', 'X-A: a\rb'),
  field('a value with LF', 'X-A: a\nb: c'),
  field('a value with DEL', 'X-A: a\x7fb'),
  field('a value with a control byte', 'X-A: a\x01b'),
  field('a name with a space', 'X A: b'),
  field('a name with a space at its end', 'X-A : b'),
  field('a name with NUL', 'X\0A: b'),
  field('a name with bytes above 127', 'X\xe4: b'),
  field('an empty name', ': b'),
  field('a field without a colon', 'Bad'),
  field('a value of bytes above 127', 'X-A: \xe4\xff', STORED),
  field('a value of 60 KB', `X-A: ${'a'.repeat(60_000)}`, STORED),
  field('a value of 70 KB', `X-A: ${'a'.repeat(70_000)}`),
  field('70 KB in many fields', `X-A: ${'a'.repeat(100)}\r\n`.repeat(700).slice(0, -2)),
  field('3,000 short fields', 'a:\r\n'.repeat(3_000).slice(0, -2)),
  field('64 KB in names', `${'a'.repeat(66_000)}: b`),
  {
    name: 'a head that never ends',
    raw: [HEAD, ...Array.from({ length: 200 }, () => [`X-A: ${'a'.repeat(1_000)}\r\n`, 5]).flat()],
    expected: REFUSED,
  },
  {
    name: 'a head of 100 MB',
    raw: [HEAD, ...Array<string>(1_000).fill(`X-A: ${'a'.repeat(100_000)}\r\n`)],
    expected: REFUSED,
  },
  { name: 'another protocol', raw: 'SSH-2.0-OpenSSH_9.2\r\n', expected: REFUSED },
  { name: 'a TLS alert', raw: '\x15\x03\x01\x00\x02\x02\x46', expected: REFUSED },
  {
    name: 'frames of HTTP/2',
    raw: '\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\0\x04\0\x01\0\0\0\x05\0\xff\xff\xff',
    expected: REFUSED,
  },
  { name: 'a request', raw: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', expected: REFUSED },
  { name: 'content alone', raw: '<html>hello</html>', ending: 'close', expected: REFUSED },
  { name: 'NUL alone', raw: '\0'.repeat(1_000), expected: REFUSED },
  { name: 'half a status line', raw: 'HTTP/1.1 2', ending: 'close', expected: RESET },
  { name: 'H, then the end', raw: 'H', ending: 'close', expected: RESET },
].map((row) => ({ rule: 'RFC 9112 §2 to §5', ...row }) as Broken);
