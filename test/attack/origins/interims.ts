// Interim answers that nobody asked for (RFC 9110 §15.2), and statuses that fit no request.

import { type Broken, FRESH, LATE, OK, PASSED, REFUSED, RESET, SOUND, STORED } from './broken.ts';

const CONTINUE = 'HTTP/1.1 100 Continue\r\n\r\n';
const EARLY = 'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n';
const PART = `HTTP/1.1 206 Partial Content\r\n${FRESH}Content-Range: bytes 0-2/9\r\nContent-Length: 3\r\n\r\nabc`;
const NOT_MODIFIED = `HTTP/1.1 304 Not Modified\r\n${FRESH}ETag: "a"\r\n\r\n`;
const NEVER = 'not stored, next right';

export const INTERIMS: readonly Broken[] = [
  { name: 'an unasked 100', raw: `${CONTINUE}${SOUND}`, expected: STORED },
  { name: 'an unasked 100 to a POST', raw: `${CONTINUE}${SOUND}`, method: 'POST', expected: PASSED },
  { name: 'an unasked 100 to HEAD', raw: `${CONTINUE}${OK}${FRESH}\r\n`, method: 'HEAD', expected: PASSED },
  { name: '100 with fields', raw: `HTTP/1.1 100 Go\r\nX-A: b\r\n\r\n${SOUND}`, expected: STORED },
  { name: '100 in parts', raw: ['HTTP/1.1 1', 20, '00 Continue\r', 20, '\n\r\n', 20, SOUND], expected: STORED },
  { name: '100 of HTTP/1.0', raw: `HTTP/1.0 100 Go\r\n\r\n${SOUND}`, expected: STORED },
  { name: '32 times 100', raw: `${CONTINUE.repeat(32)}${SOUND}`, expected: STORED },
  { name: '33 times 100', raw: `${CONTINUE.repeat(33)}${SOUND}`, expected: REFUSED },
  { name: 'a million times 100', raw: Array(20).fill(CONTINUE.repeat(50_000)), expected: REFUSED },
  { name: '100, 103, 100', raw: `${CONTINUE}${EARLY}${CONTINUE}${SOUND}`, expected: `103 ${STORED}` },
  { name: '102', raw: `HTTP/1.1 102 Processing\r\n\r\n${SOUND}`, expected: `102 ${STORED}` },
  { name: '103 in parts', raw: [EARLY.slice(0, 30), 20, EARLY.slice(30), 20, SOUND], expected: `103 ${STORED}` },
  { name: '103 without end', raw: Array(30).fill(EARLY.repeat(50)), expected: `${'103 '.repeat(32)}${REFUSED}` },
  { name: '100 alone', raw: CONTINUE, expected: LATE },
  { name: '100 alone, then the end', raw: CONTINUE, ending: 'close', expected: RESET },
  { name: 'half of 100, then the end', raw: 'HTTP/1.1 100 Cont', ending: 'close', expected: RESET },
  { name: '100 of 1 MB', raw: `HTTP/1.1 100 Go\r\nX-A: ${'a'.repeat(1_000_000)}`, expected: REFUSED },
  { name: '100, then HTTP/2.0', raw: `${CONTINUE}${SOUND.replace('HTTP/1.1', 'HTTP/2.0')}`, expected: REFUSED },
  {
    name: '101 that nobody asked for',
    raw: 'HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n',
    expected: REFUSED,
  },
  { name: '101 without Upgrade', raw: `HTTP/1.1 101 Go\r\n\r\n${SOUND}`, expected: REFUSED },
  { name: '206 that nobody asked for', raw: PART, expected: REFUSED },
  { name: '206 that nobody asked for, to a POST', method: 'POST', raw: PART, expected: REFUSED },
  { name: '304 that nobody asked for', raw: NOT_MODIFIED, expected: REFUSED },
  { name: '304 that nobody asked for, to a POST', method: 'POST', raw: NOT_MODIFIED, expected: REFUSED },
  { name: '304 to Range alone', fields: ['Range: bytes=0-2'], raw: NOT_MODIFIED, expected: REFUSED },
  { name: 'status 99', raw: SOUND.replace('200', '99'), expected: REFUSED },
  { name: 'status 099', raw: SOUND.replace('200', '099'), expected: REFUSED },
  { name: 'status 000', raw: SOUND.replace('200', '000'), expected: REFUSED },
  { name: 'status 1000', raw: SOUND.replace('200', '1000'), expected: REFUSED },
  { name: 'status 1000 before an answer', raw: `HTTP/1.1 1000 Go\r\n\r\n${SOUND}`, expected: REFUSED },
  { name: 'status 2OO', raw: SOUND.replace('200', '2OO'), expected: REFUSED },
  { name: 'status -20', raw: SOUND.replace('200', '-20'), expected: REFUSED },
  { name: 'no status', raw: SOUND.replace(' 200 OK', ''), expected: REFUSED },
  {
    name: 'status 999',
    raw: SOUND.replace('200', '999'),
    expected: `999 whole, ${NEVER} | 502 E_ORIGIN_PROTOCOL, ${NEVER}`,
  },
].map((row) => ({ rule: 'RFC 9110 §15', ...row }) as Broken);
