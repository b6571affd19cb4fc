// Fields by which a client claims another target, client or origin, and fields that Connection names. Whatever the origin makes
// of them, who comes after gets its own answer.

import type { Row } from '../rows.ts';
import { poisonRow } from './mirror.ts';

const NAMES =
  `X-Forwarded-Host X-Forwarded-Server X-Forwarded-Port X-Forwarded-Proto X-Forwarded-Scheme X-Forwarded-Protocol
  X-Forwarded-Ssl X-Forwarded-Prefix X-Forwarded-Path X-Forwarded-Uri X-Forwarded-By X-Forwarded-For-Original X-Forwarded X-Forwarded-Method
  X-Forwarded-Request-Uri X-Forward-Proto X-Forward-Host X-Original-URL X-Original-URI X-Original-Host X-Original-Path X-Original-Method
  X-Rewrite-URL X-Rewrite-URI X-Rewrite-Path X-Override-URL X-Host X-Hostname X-Real-Host X-Backend-Host X-Proxy-Host X-Proxy-URL
  X-Host-Override X-HTTP-Host-Override X-HTTP-Method X-HTTP-Method-Override X-Method-Override X-HTTP-Path-Override
  X-HTTP-DestinationURL X-Request-URI X-Request-Path X-Request-Method X-Scheme X-URL-Scheme X-Server-Port X-Server-Name X-Base-URL X-URL
  X-Path X-Port X-Method X-Raw-URL X-HTTPS X-SSL Forwarded Front-End-Https Proxy Proxy-Host Base-URL Request-URI Original-URL
  X-MS-Original-URL X-WAWS-Unencoded-URL X-Envoy-Original-Path CloudFront-Forwarded-Proto X-Arr-Ssl
  X-Middleware-Subrequest X-Middleware-Prefetch X-Now-Route-Matches X-Matched-Path X-Invoke-Path X-Invoke-Query X-Invoke-Status
  X-React-Router-Spa-Mode X-React-Router-Prerender-Data X-Sendfile-Type X-Accel-Mapping
  X-Real-IP X-Client-IP Client-IP True-Client-IP X-Cluster-Client-IP
  X_Forwarded_Host X_Original_URL X_HTTP_Method_Override X_Forwarded_Proto X-Forwarded_Host X_Rewrite_URL X_Host X_Real_IP`.split(
    /\s+/,
  );

const CLAIMS: readonly Row[] = NAMES.flatMap((name) => [
  poisonRow({ name: `${name} to GET`, rule: 'unkeyed claim', fields: [`${name}: /evil.example`] }),
]);

const TWICE: readonly Row[] =
  'X-Forwarded-Host X-Forwarded-Proto X-Original-URL X-HTTP-Method-Override Forwarded X-Host'
    .split(' ')
    .flatMap((name) => [
      poisonRow({
        name: `${name} to HEAD`,
        rule: 'unkeyed claim',
        line: (path) => `HEAD ${path} HTTP/1.1`,
        fields: [`${name}: x`],
      }),
      poisonRow({ name: `${name} in two lines`, rule: 'unkeyed claim', fields: [`${name}: a`, `${name}: b`] }),
      poisonRow({
        name: `${name} in lower case, a space behind it`,
        rule: 'unkeyed claim',
        fields: [`${name.toLowerCase()}:evil `],
      }),
      poisonRow({
        name: `${name} that Connection names`,
        rule: 'unkeyed claim',
        fields: [`Connection: close, ${name}`, `${name}: evil`],
      }),
    ]);

/** What Connection may not take away, and what it may: who asks with the field and without Connection gets the answer to it. */
const NAMED =
  `Accept Accept-Encoding Accept-Language Authorization Cookie Host Origin Range Referer User-Agent If-None-Match
  Cache-Control Content-Type X-Own X-Requested-With X-CSRF-Token Sec-Fetch-Mode DNT Save-Data X-Forwarded-For`.split(
    /\s+/,
  );

function named(name: string): Row[] {
  const value = name === 'Host' ? 'attack.example' : name === 'Range' ? 'bytes=0-' : 'mine';
  const honest = name === 'Host' || name === 'Range' ? {} : { honest: { fields: [`${name}: ${value}`] } };
  const both = [`Connection: close, ${name}`, `${name}: ${value}`];
  const vary = { vary: name };
  return [
    poisonRow({
      name: `Connection: ${name}, to one who sends it`,
      rule: 'RFC 9110 §7.6.1',
      fields: both,
      answer: vary,
      ...honest,
    }),
    poisonRow({
      name: `Connection: ${name}, to one who does not`,
      rule: 'RFC 9110 §7.6.1',
      fields: both,
      answer: vary,
    }),
  ];
}

const HOP: readonly Row[] = [
  'TE: trailers',
  'TE: gzip',
  'Keep-Alive: x',
  'Proxy-Connection: evil',
  'Trailer: X-Own',
  'Proxy-Authorization: Basic ZXZpbA==',
  'Proxy-Authenticate: x',
  'HTTP2-Settings: AAMAAABk',
  'Upgrade: evil',
  'Max-Forwards: 0',
  'Via: 1.1 evil',
].map((field) => poisonRow({ name: field, rule: 'RFC 9110 §7.6.1', fields: [field] }));

export const CLAIM_ROWS: readonly Row[] = [CLAIMS, TWICE, NAMED.flatMap(named), HOP].flat();
