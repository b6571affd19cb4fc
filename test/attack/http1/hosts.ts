// The Host field (RFC 9112 §3.2, RFC 9110 §7.2): a gate that reads it otherwise than the origin answers for another site.

import type { Row } from '../rows.ts';
import { HOST } from '../world.ts';
import { CARRIED_OUT, HOST_LINE, REFUSED, rowsOf, type Vector } from './vectors.ts';

function hosts(expected: string, values: readonly string[]): Vector[] {
  return values.map((value) => [
    `Host ${JSON.stringify(value.slice(0, 60))}`,
    expected,
    `GET PATH HTTP/1.1\r\nHost: ${value}\r\n\r\n`,
  ]);
}

function lines(name: string, text: string, expected = REFUSED): Vector {
  return [name, expected, `GET PATH HTTP/1.1\r\n${text}\r\n`];
}

const VALUES: readonly Vector[] = [
  ...hosts(CARRIED_OUT, [
    HOST,
    HOST.toUpperCase(),
    `${HOST}:80`,
    `${HOST}:8080`,
    `  ${HOST}\t `,
    '[::1]',
    '[::1]:8080',
    '127.0.0.1',
  ]),
  ...hosts(REFUSED, [
    '',
    ' ',
    'a, b',
    `${HOST},${HOST}`,
    'u@a',
    'u:p@a',
    `${HOST}@a`,
    'a@',
    '@a',
    'a/b',
    '/a',
    'a?b',
    'a#b',
    'a\\b',
  ]),
  ...hosts(REFUSED, [
    'a b',
    'a\tb',
    'http://a',
    '//a',
    'a:',
    'a:b',
    'a:-1',
    'a:+80',
    'a:0',
    'a:65536',
    'a:99999999999',
    'a:80:80',
  ]),
  ...hosts(REFUSED, [
    'a:8 0',
    'a:80a',
    ':80',
    ':',
    '::1',
    '[::1',
    '::1]',
    '[]',
    '[::1]a',
    '[::1]:',
    '[fe80::1%25eth0]',
    '[v1.a]',
  ]),
  ...hosts(REFUSED, [
    'a%2eb',
    '%61',
    'a%00',
    '.',
    '..',
    '.a',
    'a..b',
    '*',
    '*.a',
    'a;b',
    'a"b',
    "a'b",
    'a<b',
    'a|b',
    'a{b',
    'a=b',
  ]),
  ...hosts(REFUSED, ['a\x80b', 'caf\xe9', '\xc3\xa9', 'a\x01b', 'a\0b', 'a\x7fb', 'a\rb', 'a\nb', 'a\vb', 'a\xa0']),
  ...hosts('400 or 431, closed, nothing forwarded', ['a'.repeat(20_000)]),
];

const LINES: readonly Vector[] = [
  lines('no Host', 'X: a\r\n'),
  lines('no field at all', ''),
  lines('two equal Host fields', HOST_LINE + HOST_LINE),
  lines('two Host fields', `${HOST_LINE}Host: other.example\r\n`),
  lines('Host and host', `${HOST_LINE}host: other.example\r\n`),
  lines('an empty Host and a sound one', `Host:\r\n${HOST_LINE}`),
  lines('a sound Host and an empty one', `${HOST_LINE}Host:\r\n`),
  lines('Host with a space before the colon', `Host : ${HOST}\r\n`),
  lines('a second Host with a space before the colon', `${HOST_LINE}Host : other.example\r\n`),
  lines('a second Host that is indented', `${HOST_LINE} Host: other.example\r\n`),
  lines('a first Host that is indented', ` Host: other.example\r\n${HOST_LINE}`),
  lines('a folded Host', `Host:\r\n ${HOST}\r\n`),
  lines('a Host with a fold behind it', `${HOST_LINE} other.example\r\n`),
  lines('a second Host behind a bare LF', `X: a\nHost: other.example\r\n${HOST_LINE}`),
  lines('a second Host behind a bare CR', `X: a\rHost: other.example\r\n${HOST_LINE}`),
  lines('a second Host behind NUL', `X: a\0Host: other.example\r\n${HOST_LINE}`),
  lines('three Host fields', HOST_LINE.repeat(3)),
  lines('a hundred Host fields', HOST_LINE.repeat(100), '400 or 431, closed, nothing forwarded'),
  ['two Host fields in HTTP/1.0', REFUSED, `GET PATH HTTP/1.0\r\n${HOST_LINE}Host: other.example\r\n\r\n`],
  [
    'an empty Host in HTTP/1.0',
    '200 or 400, closed, 1 forwarded or nothing forwarded',
    'GET PATH HTTP/1.0\r\nHost:\r\n\r\n',
  ],
  ['a Host that Connection names', CARRIED_OUT, `GET PATH HTTP/1.1\r\n${HOST_LINE}Connection: host\r\n\r\n`],
];

export const HOSTS: readonly Row[] = [...rowsOf('RFC 9110 §7.2', VALUES), ...rowsOf('RFC 9112 §3.2', LINES)];
