// What the key has of a request: host, query, the fields that Vary names, and credentials.

import type { Row } from '../rows.ts';
import { poisonRow } from './mirror.ts';
import { DAY } from './requests.ts';

const HOSTS: readonly Row[] = [
  ...[
    'evil.example',
    'attack.example:81',
    'attack.example.evil.example',
    'attack.example.',
    'localhost',
    '[::1]',
    '127.0.0.1:1',
  ].map((host) => poisonRow({ name: `Host: ${host}`, rule: 'RFC 9110 §7.2', fields: [`Host: ${host}`] })),
  ...['attack.example:80', 'ATTACK.example', 'attack.example:'].map((host) =>
    poisonRow({
      name: `Host: ${host}, the same`,
      rule: 'RFC 9110 §4.2.3',
      fields: [`Host: ${host}`],
      status: '200 or 400',
    }),
  ),
  ...[
    'a@attack.example',
    'attack.example/x',
    'attack.example, evil.example',
    'attack.example evil',
    '',
    'attack.example:99999',
    'a%00b',
  ].map((host) =>
    poisonRow({
      name: `Host: ${host || 'empty'}, no host`,
      rule: 'RFC 9112 §3.2',
      fields: [`Host: ${host}`],
      status: '400',
    }),
  ),
  poisonRow({
    name: 'two Host, the good one first',
    rule: 'RFC 9112 §3.2',
    fields: ['Host: attack.example', 'Host: evil.example'],
    status: '400',
  }),
  poisonRow({
    name: 'two Host, the good one last',
    rule: 'RFC 9112 §3.2',
    fields: ['Host: evil.example', 'Host: attack.example'],
    status: '400',
  }),
  poisonRow({
    name: 'absolute-form and another Host',
    rule: 'RFC 9112 §3.2.2',
    status: '200 or 400',
    line: (path) => `GET http://attack.example${path} HTTP/1.1`,
    fields: ['Host: evil.example'],
  }),
  poisonRow({
    name: 'absolute-form of another host',
    rule: 'RFC 9112 §3.2.2',
    status: '200 or 400',
    line: (path) => `GET http://evil.example${path} HTTP/1.1`,
  }),
  poisonRow({
    name: 'absolute-form of another scheme',
    rule: 'RFC 9112 §3.2.2',
    line: (path) => `GET https://attack.example${path} HTTP/1.1`,
    status: '200 or 400 or 421',
  }),
  poisonRow({
    name: 'absolute-form with a user',
    rule: 'RFC 9110 §4.2.4',
    line: (path) => `GET http://a@attack.example${path} HTTP/1.1`,
    status: '200 or 400',
  }),
];

/** `PATH` stands for the path. */
const QUERIES: readonly Row[] = [
  'utm_source=evil',
  'a=1;b=evil',
  'a=1&a=evil',
  'a%3D1',
  '_method=DELETE',
  'callback=evil',
  '%61=evil',
  'a=%31',
  'A=1',
  'a=1&',
  '&a=1',
  'a=1%26b=evil',
  'a=1%23',
  'a=1%00',
  '?a=1',
  'a=1+',
  'a[]=1',
  '',
].flatMap((query) => [
  poisonRow({
    name: `?${query} before ?a=1`,
    rule: 'unkeyed query',
    line: (path) => `GET ${path}?${query} HTTP/1.1`,
    honest: { query: '?a=1' },
    status: '200 or 400',
  }),
  poisonRow({
    name: `?${query} before no query`,
    rule: 'unkeyed query',
    line: (path) => `GET ${path}?${query} HTTP/1.1`,
    status: '200 or 400',
  }),
]);

const VARY: readonly Row[] =
  `Accept Accept-Language Accept-Charset User-Agent Origin Referer Cookie Save-Data X-Requested-With HX-Request RSC
  Sec-Fetch-Dest DPR X-Own`
    .split(/\s+/)
    .flatMap((name) => [
      poisonRow({
        name: `${name}, of which Vary tells`,
        rule: 'RFC 9111 §4.1',
        fields: [`${name}: evil`],
        answer: { vary: name },
      }),
      poisonRow({
        name: `${name} with Vary: *`,
        rule: 'RFC 9111 §4.1',
        fields: [`${name}: evil`],
        answer: { vary: '*' },
      }),
    ]);

const CREDENTIALS: readonly Row[] = [
  poisonRow({
    name: 'Authorization, and an answer that says max-age',
    rule: 'RFC 9111 §3.5',
    fields: ['Authorization: Basic ZXZpbA=='],
  }),
  poisonRow({
    name: 'Cookie, and an answer without freshness',
    rule: 'RFC 9111 §7.3',
    fields: ['Cookie: a=evil'],
    answer: { 'cache-control': 'x', 'last-modified': DAY },
  }),
  poisonRow({
    name: 'Cookie, and an answer that sets one',
    rule: 'RFC 9111 §7.3',
    fields: ['Cookie: a=evil'],
    answer: { 'set-cookie': 'a=evil' },
  }),
  poisonRow({
    name: 'Cookie, and a private answer',
    rule: 'RFC 9111 §5.2.2.7',
    fields: ['Cookie: a=evil'],
    answer: { 'cache-control': 'private, max-age=60' },
  }),
];

export const KEY_ROWS: readonly Row[] = [HOSTS, QUERIES, VARY, CREDENTIALS].flat();
