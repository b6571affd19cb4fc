// Where secrets are put: places of requests, of an origin's answers and of calls of the admin API. What may be shown stands in
// docs/security.md, under "What may be shown".

import { randomUUID } from 'node:crypto';
import fc from 'fast-check';

/** Where a secret must not come out. `list`: what `list` and `explain` say, which name URLs, tags and other selecting fields. */
type Hidden = 'everywhere' | 'but-list';

export interface Place {
  readonly name: string;
  readonly hidden: Hidden;
  /** Bytes of a client's request, for HTTP/2 its fields as JSON, or a call of the admin API. `id`: unique, of a path. */
  readonly sent: (secret: string, id: string) => string;
  readonly to: 'gate' | 'proxied' | 'admin' | 'h2';
  /** What the origin answers to it, in bytes. */
  readonly answered?: (secret: string) => string;
}

const HOST = 'secrets.example';
const CLOSED = 'Connection: close';

function get(target: string, ...lines: string[]): string {
  return `${[`GET ${target} HTTP/1.1`, `Host: ${HOST}`, CLOSED, ...lines].join('\r\n')}\r\n\r\n`;
}

function gate(name: string, hidden: Hidden, sent: Place['sent']): Place {
  return { name, hidden, sent, to: 'gate' };
}

const TARGETS: readonly Place[] = [
  gate('segment', 'but-list', (secret, id) => get(`/a/${id}/${encodeURIComponent(secret)}/x`)),
  gate('value', 'but-list', (secret, id) => get(`/a/${id}?token=${encodeURIComponent(secret)}`)),
  gate('parameter without =', 'but-list', (secret, id) => get(`/a/${id}?${encodeURIComponent(secret)}&b=1`)),
  gate('name of a parameter', 'but-list', (secret, id) => get(`/a/${id}?${encodeURIComponent(secret)}=1`)),
  gate('path parameter', 'but-list', (secret, id) => get(`/a/${id};${encodeURIComponent(secret)};v=1/b`)),
  gate('userinfo', 'everywhere', (secret, id) => get(`http://u:${encodeURIComponent(secret)}@${HOST}/a/${id}`)),
  gate('authority', 'everywhere', (secret, id) => get(`http://${secret}/x/a/${id}`)),
  gate('scheme', 'everywhere', (secret, id) => get(`ftp://${secret}@x/a/${id}`)),
  gate('fragment', 'everywhere', (secret, id) => get(`/a/${id}#${secret}`)),
  gate('no form', 'everywhere', (secret) => get(secret)),
  gate('encoded dots', 'everywhere', (secret, id) => get(`/a/${id}/..%2f?${secret}`)),
  gate('null', 'everywhere', (secret, id) => get(`/a/${id}/%00/${secret}`)),
  gate('too long', 'everywhere', (secret, id) => get(`/a/${id}?${`${secret}&`.repeat(300)}`)),
];

const FIELD_NAMES = [
  ...['Authorization', 'Proxy-Authorization', 'Cookie', 'X-Api-Key', 'Referer', 'User-Agent', 'Via', 'Forwarded'],
  ...[
    'Cache-Control',
    'Pragma',
    'If-None-Match',
    'If-Range',
    'Range',
    'Expect',
    'TE',
    'Trailer',
    'Max-Forwards',
    'Date',
  ],
  ...['X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'Content-Length', 'Transfer-Encoding', 'Upgrade'],
  ...['Accept', 'Accept-Encoding', 'Content-Type', 'Tidegate-Position', 'Surrogate-Key', 'X-Unknown', 'Connection'],
];

const FIELDS: readonly Place[] = [
  ...FIELD_NAMES.map((name) =>
    gate(`field ${name}`, 'everywhere', (secret, id) => get(`/a/${id}`, `${name}: ${secret}`)),
  ),
  gate('extension of Cache-Control', 'everywhere', (secret, id) => get(`/a/${id}`, `Cache-Control: x="${secret}"`)),
  gate('name of a field', 'everywhere', (secret, id) => get(`/a/${id}`, `${secret.replace(/[^\w-]/g, '')}: 1`)),
  gate('no field', 'everywhere', (secret, id) => get(`/a/${id}`, secret)),
  gate('folded', 'everywhere', (secret, id) => get(`/a/${id}`, `X-A: 1\r\n ${secret}`)),
  gate('NUL', 'everywhere', (secret, id) => get(`/a/${id}`, `X-A: \0${secret}`)),
  gate('method', 'everywhere', (secret, id) => `${secret} /a/${id} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`),
  gate('version', 'everywhere', (secret, id) => `GET /a/${id} HTTP/${secret}\r\nHost: ${HOST}\r\n\r\n`),
  gate('Host', 'everywhere', (secret, id) => `GET /a/${id} HTTP/1.1\r\nHost: ${secret}/x\r\n\r\n`),
  gate('userinfo of Host', 'everywhere', (secret, id) => `GET /a/${id} HTTP/1.1\r\nHost: u:${secret}@x\r\n\r\n`),
  gate('two Hosts', 'everywhere', (secret, id) => get(`/a/${id}`, `Host: ${secret}`)),
  gate('CONNECT', 'everywhere', (secret) => `CONNECT ${secret}:443 HTTP/1.1\r\nHost: ${secret}\r\n\r\n`),
  gate('TRACE', 'everywhere', (secret, id) => `TRACE /a/${id}?${secret} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`),
  gate('TLS to plain', 'everywhere', (secret) => `\x16\x03\x01${secret}`),
  gate(
    'WebSocket',
    'everywhere',
    (secret, id) =>
      `GET /a/${id}?${secret} HTTP/1.1\r\nHost: ${HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${secret}\r\nSec-WebSocket-Protocol: ${secret}\r\n\r\n`,
  ),
];

const post = (id: string, framing: string, rest: string) =>
  `POST /a/${id} HTTP/1.1\r\nHost: ${HOST}\r\n${CLOSED}\r\n${framing}\r\n\r\n${rest}`;

const CONTENTS: readonly Place[] = [
  gate('content', 'everywhere', (secret, id) =>
    post(id, `Content-Length: ${Buffer.byteLength(secret, 'latin1')}`, secret),
  ),
  gate('cut content', 'everywhere', (secret, id) => post(id, 'Content-Length: 9999', secret)),
  gate('size of a chunk', 'everywhere', (secret, id) => post(id, 'Transfer-Encoding: chunked', `${secret}\r\n`)),
  gate('extension of a chunk', 'everywhere', (secret, id) =>
    post(id, 'Transfer-Encoding: chunked', `1;${secret}\r\na\r\n0\r\n\r\n`),
  ),
  gate('trailer', 'everywhere', (secret, id) =>
    post(id, 'Transfer-Encoding: chunked', `0\r\nX-Secret: ${secret}\r\n\r\n`),
  ),
  gate('after a refusal', 'everywhere', (secret, id) => `BAD\r\n\r\n${get(`/a/${id}`, `Cookie: ${secret}`)}`),
];

function answer(name: string, answered: NonNullable<Place['answered']>, hidden: Hidden = 'everywhere'): Place {
  const sent: Place['sent'] = (_, id) => get(`/a/${id}`);
  return { name: `answer: ${name}`, hidden, sent, to: 'gate', answered };
}

const ok = (...lines: string[]) => `${['HTTP/1.1 200 OK', ...lines].join('\r\n')}\r\n`;
const BODY = 'Content-Length: 1\r\n\r\nx';

const ANSWERS: readonly Place[] = [
  answer('Set-Cookie', (secret) => ok(`Set-Cookie: sid=${secret}`, 'Cache-Control: max-age=60') + BODY),
  answer(
    'Location',
    (secret) => `HTTP/1.1 302 Found\r\nLocation: /x?token=${secret}\r\nCache-Control: max-age=9\r\n${BODY}`,
  ),
  answer(
    'error',
    (secret) => `HTTP/1.1 500 Oops\r\nContent-Length: ${Buffer.byteLength(secret, 'latin1')}\r\n\r\n${secret}`,
  ),
  answer('reason', (secret) => `HTTP/1.1 200 ${secret}\r\n${BODY}`),
  answer('no status', (secret) => `HTTP/1.1 2x0 ${secret}\r\n${BODY}`),
  answer('no HTTP', (secret) => `${secret}\r\n\r\n`),
  answer('no field', (secret) => ok(secret) + BODY),
  answer('field with a space', (secret) => ok(`X ${secret}: 1`) + BODY),
  answer('length', (secret) => ok(`Content-Length: ${secret}`, '')),
  answer('coding', (secret) => ok(`Transfer-Encoding: ${secret}`, '')),
  answer('cut', (secret) => ok('Content-Length: 9999', '') + secret),
  answer('chunk', (secret) => ok('Transfer-Encoding: chunked', '') + secret),
  answer('interim', (secret) => `HTTP/1.1 103 Early\r\nLink: <${secret}>\r\n\r\n${ok()}${BODY}`),
  answer('ETag', (secret) => ok(`ETag: "${secret}"`, 'Cache-Control: max-age=60') + BODY),
  answer('freshness', (secret) => ok(`Cache-Control: max-age="${secret}"`, `Expires: ${secret}`) + BODY),
  answer(
    'Vary',
    (secret) => ok(`Vary: ${secret.replace(/[^\w-]/g, '')}`, 'Cache-Control: max-age=60') + BODY,
    'but-list',
  ),
  answer('tag', (secret) => ok(`Cache-Tag: ${secret}`, 'Cache-Control: max-age=60') + BODY, 'but-list'),
  answer('unasked 101', (secret) => `HTTP/1.1 101 Switching\r\nUpgrade: ${secret}\r\n\r\n`),
  ...['Authorization', 'Cookie', 'X-Session-Token', 'X-Api-Key', 'X-Secret'].map(
    (name): Place => ({
      ...answer(`selected by ${name}`, () => ok(`Vary: ${name}`, 'Cache-Control: public, max-age=60') + BODY),
      sent: (secret, id) => get(`/a/${id}`, `${name}: ${secret}`),
    }),
  ),
];

const admin = (name: string, sent: Place['sent']): Place => ({
  name: `admin: ${name}`,
  hidden: 'everywhere',
  sent,
  to: 'admin',
});

function call(path: string, body: string, ...lines: string[]): string {
  const length = Buffer.byteLength(body, 'latin1');
  return `${[`POST ${path} HTTP/1.1`, 'Host: localhost', CLOSED, `Content-Length: ${length}`, ...lines].join('\r\n')}\r\n\r\n${body}`;
}

/** With a right token where `TOKEN` stands. */
const CALLS: readonly Place[] = [
  admin('wrong token', (secret) => call('/purge', '{}', `Authorization: Bearer ${secret}`)),
  ...['tag', 'url', 'prefix', 'pattern', 'origin'].map((member) =>
    admin(member, (secret) => call('/purge', JSON.stringify({ [member]: secret }), 'Authorization: Bearer TOKEN')),
  ),
  admin('no JSON', (secret) => call('/invalidate', secret, 'Authorization: Bearer TOKEN')),
  admin('fields of a job', (secret, id) =>
    call(
      '/populate',
      JSON.stringify({ urls: [{ url: `http://${HOST}/a/${id}`, fields: { authorization: secret } }] }),
      'Authorization: Bearer TOKEN',
    ),
  ),
  admin('report', (secret) => call('/sources', JSON.stringify({ source: secret }), 'Authorization: Bearer TOKEN')),
  admin('path', (secret) => call(`/${encodeURIComponent(secret)}`, '', 'Authorization: Bearer TOKEN')),
];

const PROXIED: readonly Place[] = [
  'PROXY TCP4 SECRET 127.0.0.1 1 2\r\n',
  'PROXY SECRET\r\n',
  'SECRET\r\n',
  'PROXY UNKNOWN SECRET\r\n',
].map((line) => ({
  name: `PROXY header ${line.trim()}`,
  hidden: 'everywhere',
  to: 'proxied',
  sent: (secret, id) => line.replace('SECRET', secret) + get(`/a/${id}`),
}));

const h2 = (name: string, hidden: Hidden, fields: (secret: string, id: string) => object): Place => ({
  name: `HTTP/2: ${name}`,
  hidden,
  to: 'h2',
  sent: (secret, id) => JSON.stringify({ ':path': `/a/${id}`, ...fields(secret, id) }),
});

/** The client of node:http2 sends no malformed ones; test/attack/h2 does. */
const H2: readonly Place[] = [
  h2('query', 'but-list', (secret, id) => ({ ':path': `/a/${id}?${encodeURIComponent(secret)}` })),
  h2('segment', 'but-list', (secret, id) => ({ ':path': `/a/${id}/${encodeURIComponent(secret)}` })),
  h2('path of no form', 'everywhere', (secret) => ({ ':path': secret })),
  h2('authority', 'everywhere', (secret) => ({ ':authority': `u:${secret}@x` })),
  h2('method', 'everywhere', (secret) => ({ ':method': secret.replace(/[^\w-]/g, '') })),
  h2('host', 'everywhere', (secret) => ({ host: secret })),
  ...['authorization', 'cookie', 'x-unknown', 'expect', 'range', 'x-forwarded-host'].map((name) =>
    h2(name, 'everywhere', (secret) => ({ [name]: secret })),
  ),
];

const PLACES: readonly Place[] = [...H2, ...TARGETS, ...FIELDS, ...CONTENTS, ...ANSWERS, ...CALLS, ...PROXIED];

const chars = (alphabet: string, length: number) =>
  fc.array(fc.constantFrom(...alphabet), { minLength: length, maxLength: length }).map((all) => all.join(''));
const ALL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** Each holds letters in both cases and a digit, as a random one of its length does. */
const tokens = {
  alphanumeric: chars(ALL, 26).map((text) => `a7Q${text}`),
  jwt: fc.tuple(chars(ALL, 20), chars(ALL, 30), chars(ALL, 24)).map((parts) => `ey${parts.join('.')}`),
  hex: chars('0123456789abcdef', 30).map((text) => `a7${text}`),
  base64: chars(ALL, 28).map((text) => `a7Q+${text}/${text.slice(0, 6)}==`),
  stripe: chars(ALL, 24).map((text) => `sk_live_4e${text}`),
  encoded: chars(ALL, 24).map((text) => `a7Q%2F${text}%C3%BC`),
  umlauts: chars(ALL, 24).map((text) => `a7Q${text}\xfc\xe4`),
  uuid: chars('0123456789abcdef', 31).map((text) =>
    `a${text}`.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  ),
};

export interface Item {
  readonly place: Place;
  readonly secret: string;
  readonly id: string;
}

/** A UUID in a path is the name of a record: docs/security.md. */
const isName = (place: Place, shape: string) =>
  shape === 'uuid' && (place.name.endsWith('segment') || place.name === 'path parameter');

export function items(): fc.Arbitrary<readonly Item[]> {
  const each = PLACES.flatMap((place) =>
    Object.entries(tokens)
      .filter(([shape]) => !isName(place, shape))
      .map(([, token]) => token.map((secret) => ({ place, secret }))),
  );
  return fc
    .array(fc.oneof(...each), { minLength: 1, maxLength: 150, size: 'max' })
    .map((all) => all.map((one) => ({ ...one, id: randomUUID() })));
}

/** The forms under which a secret would still be known; compared without regard to case. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret, 'latin1');
  const utf8 = Buffer.from(secret);
  return [
    ...new Set(
      [
        ...[secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)],
        ...[bytes, utf8].flatMap((one) => [one.toString('base64url'), one.toString('hex'), one.toString('latin1')]),
        bytes.toString('base64').replace(/=+$/, ''),
        // Most of one is as good as all of it.
        secret.slice(0, 16),
        secret.slice(-16),
      ].map((form) => form.toLowerCase()),
    ),
  ];
}
