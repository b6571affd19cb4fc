// Heads of requests, over HTTP/1.1 and HTTP/2: what is admitted has one meaning, and what is forwarded is well-formed.

import type { GateRequest } from '../../../src/engine/contract.ts';
import { resolveConfig } from '../../../src/node/config/config.ts';
import { type Admission, admit } from '../../../src/node/front/admission.ts';
import { readH2Head } from '../../../src/node/front/h2/h2-head.ts';
import { isSendable } from '../../../src/node/front/http1/answer-bytes.ts';
import { type RawHead, readPlainHead } from '../../../src/node/front/request-heads.ts';
import { trustOf } from '../../../src/node/front/trusted-proxies.ts';
import { claimOf, fieldLines, trimOws } from '../../../src/semantics/fields.ts';
import { compileSite } from '../../../src/site/compile-site.ts';
import { bytesTarget, holds, jsonTarget } from '../target.ts';

const config = resolveConfig({
  origins: { app: { url: 'http://127.0.0.1:9' } },
  trustedProxies: ['10.0.0.0/8'],
  routes: [
    { name: 'account', match: { path: '/account/*' }, bypass: [{}] },
    { name: 'host', match: { host: ['*.example.org', 'a.test:8080'] }, query: { keep: ['q'] }, sortQuery: true },
    {
      name: 'rest',
      ttl: '1m',
      query: { drop: ['utm'] },
      cookies: { key: ['theme'], drop: ['track-*'] },
      bodyOnGet: true,
    },
  ],
});
const origin = { forward: () => ({ abort() {}, pause() {}, resume() {} }) };
const router = compileSite(config, new Map([['app', origin]]));
const trust = trustOf(config.trustedProxies);

function admitted(raw: RawHead, address: string): Admission {
  const peer = { address, scheme: raw.scheme ?? 'http', localAuthority: () => 'local.test' } as const;
  const { limits, cacheName } = config;
  return admit(raw, peer, { site: () => ({ router }), limits, trust: () => trust, cacheName });
}

const ONE_CONNECTION = [
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'trailer',
];

function judge(admission: Admission): string {
  if (admission.kind === 'refused') return `refused ${admission.reason}`;
  if (admission.kind === 'options') return 'options';
  const { request, site } = admission;
  const { method, target, fields, uri } = request;
  holds('the forwarded target is a path of visible ASCII', /^\/[!-~]*$/.test(target) && !target.includes('#'));
  holds('the URI in the key ends with the forwarded target', uri.endsWith(target));
  holds('the method is a token', /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(method));
  holds('one Host is forwarded', fieldLines(fields, 'host').length === 1);
  holds('one Content-Length at most is forwarded', fieldLines(fields, 'content-length').length <= 1);
  for (let at = 0; at < fields.length; at += 2) {
    const [name = '', value = ''] = [fields[at], fields[at + 1]];
    holds(`the name ${name} is in lower case`, name === name.toLowerCase());
    holds(`${name} can be sent`, isSendable(name, value));
    holds(`${name} is no field of one connection`, !ONE_CONNECTION.includes(name));
    holds(`${name} claims no other path`, claimOf(name) !== 'override' || request.bypass === true);
  }
  keepsItsKey(request);
  const known = ['GET', 'HEAD', 'OPTIONS', 'POST'].includes(method) ? method : 'other';
  return `${site.name} ${known} ${admission.head.framing} ${String(request.bypass)}`;
}

/** What was forwarded is one meaning of the request: read again, it has the same key. */
function keepsItsKey({ method, target, uri, fields }: GateRequest): void {
  const { host, protocol } = new URL(uri);
  const own = fields.filter((_, at) => at % 2 === 1 || !fields[at]?.startsWith('x-forwarded'));
  const rawHeaders = ['host', host, ...onlyPairs(fields)];
  holds('fields come in pairs', own.length <= fields.length && fields.length % 2 === 0);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const again = admitted({ method, target, httpVersion: '1.1', rawHeaders, scheme }, '192.0.2.7');
  if (again.kind !== 'admitted')
    holds('what was admitted is admitted again', again.kind === 'refused' && again.reason === 'max-forwards');
  else holds('what was admitted keeps its key', again.request.target === target);
}

const NOT_AGAIN = new Set(['host', 'via', 'content-length', 'max-forwards', 'expect']);

function onlyPairs(fields: readonly string[]): string[] {
  const kept: string[] = [];
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at] as string;
    if (!NOT_AGAIN.has(name) && !name.startsWith('x-forwarded')) kept.push(name, fields[at + 1] as string);
  }
  return kept;
}

/** As lenient as a parser may be: nothing that it lets through may break the rules. */
function rawHead(bytes: Buffer): RawHead {
  const end = bytes.indexOf('\r\n\r\n', 0, 'latin1');
  const [line = '', ...lines] = bytes.toString('latin1', 0, end < 0 ? undefined : end).split('\r\n');
  const [method = '', target = '', version = ''] = line.split(' ');
  const rawHeaders = lines.flatMap((text) => {
    const colon = text.indexOf(':');
    return colon < 0 ? [] : [text.slice(0, colon), trimOws(text.slice(colon + 1))];
  });
  return { method, target, httpVersion: version.replace('HTTP/', ''), rawHeaders };
}

const isClean = (raw: RawHead) =>
  /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(raw.method) &&
  raw.rawHeaders.every((text, at) => (at % 2 === 0 ? isSendable(text.toLowerCase(), '') : isSendable('x', text)));

const HEADS = [
  'GET /a/b?q=1&utm=2 HTTP/1.1\r\nHost: example.org\r\nAccept: */*\r\nCookie: theme=dark; id=7\r\n\r\n',
  'POST /%61/../c;x=1 HTTP/1.1\r\nHost: www.example.org:80\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc',
  'OPTIONS * HTTP/1.1\r\nHost: a.test:8080\r\nMax-Forwards: 1\r\n\r\n',
  'GET http://[::1]:8080/x HTTP/1.1\r\nHost: [::1]:8080\r\nX-Forwarded-For: 10.0.0.2\r\nX-Forwarded-Proto: https\r\nConnection: close, x-secret\r\n\r\n',
  'PUT /account%2Fme HTTP/1.1\r\nHost: example.org\r\nTransfer-Encoding: chunked\r\nX-HTTP-Method-Override: DELETE\r\n\r\n0\r\n\r\n',
  'GET / HTTP/1.0\r\nVia: 1.1 tidegate\r\nForwarded: for=192.0.2.1;host=b.test\r\n\r\n',
];
const WORDS = [
  ...[
    'GET ',
    'HEAD ',
    'POST ',
    'OPTIONS ',
    ' HTTP/1.1',
    ' HTTP/1.0',
    '\r\n',
    '\r\n\r\n',
    'Host: ',
    'Host: example.org\r\n',
  ],
  ...[
    'Content-Length: 1\r\n',
    'Transfer-Encoding: chunked\r\n',
    'Connection: host, cookie\r\n',
    'X-Forwarded-Host: evil.test\r\n',
  ],
  ...[
    'X_Forwarded_Host: evil.test\r\n',
    'Forwarded: for="[::1]:80"\r\n',
    'Expect: 100-continue\r\n',
    'Authorization: Basic YQ==\r\n',
  ],
  ...[
    '/account/x',
    '//account/x',
    '/account%2fx',
    '/x/..;/account',
    '/%2e%2e/',
    '%00',
    '?utm=1',
    '&q=%31',
    ';a=1',
    'http://a@b/',
  ],
  ...[
    'Max-Forwards: 0\r\n',
    'Via: 1.1 tidegate\r\n',
    'Cache-Control: no-store\r\n',
    'X-Original-URL: /admin\r\n',
    'Range: bytes=0-1\r\n',
  ],
];

const http1 = bytesTarget({
  name: 'request-heads',
  seeds: HEADS,
  words: WORDS,
  run(bytes) {
    const plain = readPlainHead(bytes, 0, undefined);
    const raw = rawHead(bytes);
    if (plain !== undefined) {
      const same =
        plain.method === raw.method &&
        plain.target === raw.target &&
        plain.rawHeaders.join('\n') === raw.rawHeaders.join('\n');
      holds('the plain reader agrees with a lenient one', same);
    }
    if (!isClean(raw)) return 'unclean';
    const address = raw.rawHeaders.length % 4 === 0 ? '10.0.0.1' : '192.0.2.1';
    return `${plain === undefined ? '' : 'plain '}${judge(admitted(raw, address))}`;
  },
});

const http2 = jsonTarget({
  name: 'h2-heads',
  seeds: [
    [
      ':method',
      'GET',
      ':scheme',
      'https',
      ':path',
      '/a?utm=1',
      ':authority',
      'example.org',
      'cookie',
      'a=1',
      'cookie',
      'b=2',
    ],
    [
      ':method',
      'POST',
      ':scheme',
      'https',
      ':path',
      '/b',
      'host',
      'example.org',
      'content-length',
      '3',
      'te',
      'trailers',
    ],
    [':method', 'OPTIONS', ':scheme', 'https', ':path', '*', ':authority', 'example.org'],
  ].map((fields) => JSON.stringify(fields)),
  words: [
    ':method',
    ':path',
    ':scheme',
    ':authority',
    ':status',
    'host',
    'te',
    'connection',
    'upgrade',
    'cookie',
    'https',
    'GET',
    '/account//x',
    'example.org:443',
    'x-forwarded-for',
  ],
  run(input) {
    const texts = Array.isArray(input) ? input.filter((text) => typeof text === 'string') : [];
    // As node:http2 gives them: pairs, names in lower case and well-formed.
    const pairs = texts.length % 2 === 0 ? texts : texts.slice(1);
    const isFit = pairs.every((text, at) => at % 2 === 1 || /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(text));
    if (!isFit || !pairs.every((text) => /^[\t -~\x80-\xff]*$/.test(text))) return 'unfit';
    const head = readH2Head(pairs, pairs.length % 4 === 0);
    if ('kind' in head) return `refused ${head.reason}`;
    return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(head.method) ? judge(admitted(head, '192.0.2.1')) : 'unfit';
  },
});

export const REQUEST_TARGETS = [http1, http2];
