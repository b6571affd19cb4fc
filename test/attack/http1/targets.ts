// Request targets in every form (RFC 9112 §3.2), and the bytes they are made of (RFC 3986).

import type { Row } from '../rows.ts';
import { HOST } from '../world.ts';
import { CARRIED_OUT, HOST_LINE, head, REFUSED, rowsOf, shownByte, type Vector } from './vectors.ts';

function targets(expected: string, texts: readonly string[], method = 'GET'): Vector[] {
  return texts.map((text) => [`${method} ${JSON.stringify(text.slice(0, 60))}`, expected, head(`${method} ${text}`)]);
}

const FORMS: readonly Vector[] = [
  ...targets(CARRIED_OUT, ['PATH?a=b', 'PATH?', `http://${HOST}PATH`, `HTTP://${HOST}PATH`, `http://${HOST}:80PATH`]),
  ...targets(CARRIED_OUT, [`http://${HOST.toUpperCase()}PATH`, `http://${HOST}?PATH`, 'PATH/http://other.example/']),
  ...targets(REFUSED, [
    'http://other.examplePATH',
    `http://${HOST}:8080PATH`,
    `http://u@${HOST}PATH`,
    `http://u:p@${HOST}PATH`,
  ]),
  ...targets(REFUSED, [
    `http://${HOST}@other.examplePATH`,
    `http://${HOST}:80:80PATH`,
    `http://${HOST}:PATH`,
    'http://PATH',
  ]),
  ...targets(REFUSED, [
    'http:PATH',
    'http:/PATH',
    'http:///PATH',
    'http://[::1]PATH',
    'http://[::1PATH',
    `http//${HOST}PATH`,
  ]),
  ...targets(REFUSED, [
    `ftp://${HOST}PATH`,
    `file://${HOST}PATH`,
    'javascript:alert(1)',
    `ws://${HOST}PATH`,
    'urn:a:b',
  ]),
  ...targets('400 or 421, open or closed, nothing forwarded', [`https://${HOST}PATH`]),
  ...targets(REFUSED, [
    `${HOST}:80`,
    HOST,
    'a',
    '?a=b',
    '#a',
    '*',
    '*PATH',
    '',
    '.',
    '..',
    './a',
    '\\a',
    '%2fa',
    '%2Fa',
  ]),
  ...targets(REFUSED, ['*', 'PATH#a', `${HOST}:80`], 'POST'),
  ...targets('200, open, nothing forwarded', ['*', `http://${HOST}`], 'OPTIONS'),
  ['OPTIONS * with a Host of another form', REFUSED, 'OPTIONS * HTTP/1.1\r\nHost: a/b\r\n\r\n'],
  ['absolute-form without Host in HTTP/1.1', REFUSED, `GET http://${HOST}PATH HTTP/1.1\r\n\r\n`],
  ['absolute-form with two Host fields', REFUSED, head(`GET http://${HOST}PATH`, `${HOST_LINE}\r\n`)],
  ['absolute-form in HTTP/1.0', '200, closed, 1 forwarded', `GET http://${HOST}PATH HTTP/1.0\r\n\r\n`],
];

/** Bytes that are in no URI. Some readers end the target at them, cut them off or take them for `/`. */
const FORBIDDEN = [...'\0\x01\x08\t\v\f\x1b\x1f "#<>\\\x7f\x80\xa0\xe9\xff'].map((char) => char.charCodeAt(0));

const BYTES: readonly Vector[] = [
  ...FORBIDDEN.map((byte): Vector => {
    return [`the byte ${shownByte(byte)} in a path`, REFUSED, head(`GET PATH/a${String.fromCharCode(byte)}b`)];
  }),
  ...FORBIDDEN.filter((byte) => byte !== 0x5c).map((byte): Vector => {
    return [`the byte ${shownByte(byte)} in a query`, REFUSED, head(`GET PATH?a${String.fromCharCode(byte)}b`)];
  }),
  ['overlong UTF-8 of a slash', REFUSED, head('GET PATH/\xc0\xaf')],
  ['a target that is UTF-8', REFUSED, head('GET PATH/\xc3\xa9')],
  ['CR LF in the target', '400 or 505, closed, nothing forwarded', head('GET PATH\r\nX: a')],
];

const PATHS: readonly Vector[] = [
  ...targets(REFUSED, [
    'PATH/a%2f..%2fb',
    'PATH/a%2F%2e%2E%2fb',
    'PATH/a%5c..%5cb',
    'PATH/..%2f..%2fb',
    'PATH/%2e%2e%5cb',
  ]),
  ...targets(REFUSED, ['PATH/%00', 'PATH/a%00.css', 'PATH/..;/a', 'PATH/a/..;x=1/b']),
  ...targets(CARRIED_OUT, ['PATH/a%0d%0aX:%20b', 'PATH/%0d%0a%0d%0aGET%20/smuggled', 'PATH/a@b:c;d=e', 'PATH/%C3%A9']),
  ...targets(CARRIED_OUT, ['PATH?a=%00', 'PATH?a=%0d%0aX:%20b', 'PATH?a=http://other.example/', 'PATH?a=../..']),
  ...targets(CARRIED_OUT, ['PATH/a|b^c`d{e}', 'PATH/%', 'PATH/%zz', 'PATH/%c0%af']),
  ['a target at the limit', CARRIED_OUT, head(`GET PATH?${'a'.repeat(8_000)}`)],
  ['a target beyond the limit', '414, closed, nothing forwarded', head(`GET PATH?${'a'.repeat(8_192)}`)],
  ['a target of 100 KB', '414 or 431, closed, nothing forwarded', head(`GET PATH?${'a'.repeat(100_000)}`)],
  ['a target of 1 MB', '414 or 431, closed, nothing forwarded', head(`GET PATH?${'a'.repeat(1_000_000)}`)],
  [
    'a target of 8,000 slashes',
    '200 or 400 or 431, open or closed, 1 forwarded or nothing forwarded',
    head(`GET ${'/'.repeat(8_000)}`),
  ],
  [
    'a target of 2,600 `../`',
    '200 or 400, open or closed, 1 forwarded or nothing forwarded',
    head(`GET PATH${'/..'.repeat(2_600)}`),
  ],
];

export const TARGETS: readonly Row[] = [
  ...rowsOf('RFC 9112 §3.2', FORMS),
  ...rowsOf('RFC 3986 §2', BYTES),
  ...rowsOf('RFC 3986 §6.2.2', PATHS),
];
