// Answers whose content two readers would end at different places (RFC 9112 §6 and §7).

import { type Broken, CHUNKED, CUT, EVIL, FRESH, OK, PASSED, REFUSED, SOUND, STORED } from './broken.ts';

const HEAD = `${OK}${FRESH}`;
const ABC = '3\r\nabc\r\n0\r\n\r\n';
const BEGUN = `${HEAD}${CHUNKED}\r\n3\r\nabc\r\n`;
const NOT_MODIFIED = `HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: ${EVIL.length}\r\n\r\n`;
/** Refused at the head, or in the content once the client has the head. */
const BROKEN = `${REFUSED} | ${CUT}`;

const CODINGS = [
  'gzip, chunked',
  'chunked, gzip',
  'gzip',
  'identity',
  'chunked, chunked',
  'xchunked',
  '',
  '"chunked"',
  'chunked;q=1',
];
const LENGTHS = ['-3', '+3', '3, 4', '0x3', '3 3', '3a', '3.0', '99999999999999999999', '', '"3"', '\x0b3'];

export const FRAMINGS: readonly Broken[] = [
  ...CODINGS.map((coding) => ({
    name: `Transfer-Encoding: ${coding}`,
    raw: `${HEAD}Transfer-Encoding: ${coding}\r\n\r\n${ABC}`,
    ending: 'close',
    expected: REFUSED,
  })),
  { name: 'Transfer-Encoding in two lines', raw: `${HEAD}${CHUNKED}${CHUNKED}\r\n${ABC}`, expected: REFUSED },
  {
    name: 'chunked, then gzip in two lines',
    raw: `${HEAD}${CHUNKED}Transfer-Encoding: gzip\r\n\r\n${ABC}`,
    expected: REFUSED,
  },
  {
    name: 'Transfer-Encoding with a space before the colon',
    raw: `${HEAD}Transfer-Encoding : chunked\r\n\r\n${ABC}`,
    expected: REFUSED,
  },
  { name: 'Transfer-Encoding in HTTP/1.0', raw: `HTTP/1.0 200 OK\r\n${FRESH}${CHUNKED}\r\n${ABC}`, expected: REFUSED },
  {
    name: 'Transfer-Encoding, then Content-Length',
    raw: `${HEAD}${CHUNKED}Content-Length: 3\r\n\r\n${ABC}`,
    expected: REFUSED,
  },
  {
    name: 'Content-Length, then Transfer-Encoding',
    raw: `${HEAD}Content-Length: 3\r\n${CHUNKED}\r\n${ABC}`,
    expected: REFUSED,
  },
  {
    name: 'Content-Length and Transfer-Encoding: identity',
    raw: `${HEAD}Content-Length: 3\r\nTransfer-Encoding: identity\r\n\r\nabc`,
    expected: REFUSED,
  },
  { name: 'CHUNKED in capitals', raw: `${HEAD}TRANSFER-ENCODING: CHUNKED\r\n\r\n${ABC}`, expected: STORED },
  ...LENGTHS.map((length) => ({
    name: `Content-Length: ${JSON.stringify(length)}`,
    raw: `${HEAD}Content-Length: ${length}\r\n\r\nabc`,
    expected: REFUSED,
  })),
  {
    name: 'two lengths that differ',
    raw: `${HEAD}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    expected: REFUSED,
  },
  {
    name: 'two lengths that are equal',
    raw: `${HEAD}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    expected: `${REFUSED} | ${STORED}`,
  },
  { name: 'chunk size zz', raw: `${BEGUN}zz\r\n`, expected: BROKEN },
  { name: 'chunk size -1', raw: `${BEGUN}-1\r\n`, expected: BROKEN },
  { name: 'chunk size 0x3', raw: `${BEGUN}0x3\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'an empty chunk size', raw: `${BEGUN}\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'a chunk size of 17 digits', raw: `${BEGUN}10000000000000003\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'a chunk longer than its size', raw: `${HEAD}${CHUNKED}\r\n2\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'a chunk without its CRLF', raw: `${HEAD}${CHUNKED}\r\n3\r\nabc0\r\n\r\n`, expected: BROKEN },
  { name: 'chunks with LF alone', raw: `${HEAD}${CHUNKED}\r\n3\nabc\n0\n\n`, expected: BROKEN },
  { name: 'a space before a chunk size', raw: `${BEGUN} 3\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'a chunk extension with CR alone', raw: `${BEGUN}3;a\rb\r\nabc\r\n0\r\n\r\n`, expected: BROKEN },
  { name: 'a sound chunk extension', raw: `${HEAD}${CHUNKED}\r\n3;a="b"\r\nabc\r\n0\r\n\r\n`, expected: STORED },
  { name: 'a chunk extension of 1 MB', raw: `${BEGUN}3;${'a'.repeat(1_000_000)}`, expected: BROKEN },
  { name: 'a trailer without a colon', raw: `${BEGUN}0\r\nBad trailer\r\n\r\n`, expected: BROKEN },
  {
    name: 'trailers of 10 MB',
    raw: [`${BEGUN}0\r\n`, ...Array<string>(100).fill(`X-A: ${'a'.repeat(100_000)}\r\n`)],
    expected: BROKEN,
  },
  {
    name: 'trailers that frame',
    raw: `${BEGUN}0\r\nContent-Length: 9\r\nTransfer-Encoding: gzip\r\n\r\n`,
    expected: `${STORED} | ${BROKEN}`,
  },
  // Bytes after an answer on a kept connection are no answer to the next request.
  { name: 'bytes after the length', raw: `${SOUND}defgh`, expected: STORED },
  { name: 'another answer after the length', raw: `${SOUND}${EVIL}`, expected: STORED },
  { name: 'a hundred answers after the length', raw: `${SOUND}${EVIL.repeat(100)}`, expected: STORED },
  { name: 'another answer after the last chunk', raw: `${HEAD}${CHUNKED}\r\n${ABC}${EVIL}`, expected: STORED },
  { name: 'half an answer after the length', raw: `${SOUND}${EVIL.slice(0, 20)}`, expected: STORED },
  { name: '100 after the length', raw: `${SOUND}HTTP/1.1 100 Continue\r\n\r\n`, expected: STORED },
  { name: 'CRLF after the length', raw: `${SOUND}\r\n\r\n`, expected: STORED },
  { name: 'content after HEAD', method: 'HEAD', raw: SOUND, expected: PASSED },
  { name: 'an answer after HEAD', method: 'HEAD', raw: `${HEAD}Content-Length: 3\r\n\r\n${EVIL}`, expected: PASSED },
  { name: 'chunks after HEAD', method: 'HEAD', raw: `${HEAD}${CHUNKED}\r\n${ABC}`, expected: PASSED },
  {
    name: 'an answer after 204',
    raw: `HTTP/1.1 204 No Content\r\n\r\n${EVIL}`,
    content: '',
    expected: '204 whole, not stored, next right',
  },
  {
    name: 'content of a length after 204',
    raw: 'HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc',
    content: '',
    expected: '204 whole, not stored, next right',
  },
  {
    name: 'content after 304',
    method: 'POST',
    fields: ['If-None-Match: "a"'],
    raw: `${NOT_MODIFIED}${EVIL}`,
    content: '',
    expected: '304 whole, not stored, next right',
  },
  // What is to be stored is asked for without the client's condition.
  {
    name: 'content after an unasked 304',
    fields: ['If-None-Match: "a"'],
    raw: `${NOT_MODIFIED}${EVIL}`,
    expected: REFUSED,
  },
].map((row) => ({ rule: 'RFC 9112 §6, §7', ...row }) as Broken);
