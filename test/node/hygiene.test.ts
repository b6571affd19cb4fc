import { describe, expect, test } from 'vitest';
import { refusalAnswer, refused } from '../../src/node/front/refusals.ts';
import { checkHead, parseHost, withoutDefaultPort } from '../../src/node/front/request-heads.ts';
import { LIMITS } from './front-kit.ts';

function check(head: { method?: string; target?: string; httpVersion?: string; fields?: string[] }) {
  const { method = 'GET', target = '/', httpVersion = '1.1', fields = ['Host', 'example.org'] } = head;
  return checkHead({ method, target, httpVersion, rawHeaders: fields }, LIMITS);
}

const HOST = ['Host', 'example.org'];

test.each([
  ['[0:0::1]:8080', '[::1]:8080'],
  ['0x7f.1', '127.0.0.1'],
  ['EXAMPLE.org:80', 'example.org:80'],
  ['a_b.example.', 'a_b.example.'],
])('Host %s is read as %s, as every URL parser does', (given, host) => {
  expect(check({ fields: ['Host', given] })).toMatchObject({ kind: 'ok', host });
});

describe('a request head that is refused', () => {
  const table: [string, Parameters<typeof check>[0], string][] = [
    ['no Host', { fields: [] }, 'host-missing'],
    ['two Host fields', { fields: [...HOST, 'host', 'example.org'] }, 'host-repeated'],
    ['a Host that is no address, though it ends in a number', { fields: ['Host', '1.2.3.4.5'] }, 'host-invalid'],
    ['a Host with an address of IPv6 that is none', { fields: ['Host', '[99999::1]:80'] }, 'host-invalid'],
    ['an empty Host', { fields: ['Host', ''] }, 'host-invalid'],
    ['a comma-joined Host', { fields: ['Host', 'a.example, b.example'] }, 'host-invalid'],
    ['Host with userinfo', { fields: ['Host', 'user@example.org'] }, 'host-invalid'],
    ['Host with a path', { fields: ['Host', 'example.org/x'] }, 'host-invalid'],
    ['Host with a space', { fields: ['Host', 'exam ple.org'] }, 'host-invalid'],
    ['Host with an empty port', { fields: ['Host', 'example.org:'] }, 'host-invalid'],
    ['Host with a port too large', { fields: ['Host', 'example.org:65536'] }, 'host-invalid'],
    ['Host with a port that is not a number', { fields: ['Host', 'example.org:8a'] }, 'host-invalid'],
    ['Host with a percent sign', { fields: ['Host', 'example%2eorg'] }, 'host-invalid'],
    ['Host with a query', { fields: ['Host', 'example.org?x'] }, 'host-invalid'],
    ['an absolute target for another host', { target: 'http://other.example/' }, 'host-mismatch'],
    ['an absolute target with another port', { target: 'http://example.org:81/' }, 'host-mismatch'],
    ['an absolute target with userinfo', { target: 'http://user@example.org/' }, 'target-form'],
    ['an absolute target of another scheme', { target: 'ftp://example.org/' }, 'target-form'],
    ['an absolute target without authority', { target: 'http:///x' }, 'host-invalid'],
    ['a target without a slash', { target: 'x' }, 'target-form'],
    ['an authority as target', { target: 'example.org:80' }, 'target-form'],
    ['an empty target', { target: '' }, 'target-form'],
    ['a fragment', { target: '/a#b' }, 'target-characters'],
    ['a byte beyond ASCII', { target: '/caf\u00e9' }, 'target-characters'],
    ['a control byte', { target: '/a\u0001' }, 'target-characters'],
    ['DEL', { target: '/a\u007f' }, 'target-characters'],
    ['white space', { target: '/a\tb' }, 'target-characters'],
    ['a backslash in the path', { target: '/a\\b' }, 'target-characters'],
    ['angle brackets', { target: '/a?<b>' }, 'target-characters'],
    ['a quote', { target: '/a?"' }, 'target-characters'],
    ['.. before an encoded slash', { target: '/static/..%2faccount' }, 'dot-segment'],
    ['.. after an encoded slash', { target: '/static%2F..' }, 'dot-segment'],
    ['encoded .. and an encoded backslash', { target: '/static/%2e%2E%5caccount?x' }, 'dot-segment'],
    ['an encoded dot segment', { target: '/static/%2e%2e/account' }, 'dot-segment'],
    ['.. with a parameter', { target: '/static/..;/account' }, 'dot-segment'],
    ['%00 in a path', { target: '/account%00.css' }, 'nul'],
    ['* with GET', { target: '*' }, 'asterisk-form'],
    ['CONNECT', { method: 'CONNECT', target: 'example.org:443' }, 'method-connect'],
    ['TRACE', { method: 'TRACE' }, 'method-trace'],
    ['HTTP/0.9', { httpVersion: '0.9' }, 'http-version'],
    ['HTTP/2.0', { httpVersion: '2.0' }, 'http-version'],
    ['a long target', { target: `/${'a'.repeat(1_000)}` }, 'target-too-long'],
    ['many fields', { fields: [...HOST, ...Array.from({ length: 60 }, (_, at) => `x${at}`)] }, 'fields-too-many'],
    ['a large head', { fields: [...HOST, 'x', 'y'.repeat(4_000)] }, 'head-too-large'],
    [
      'Content-Length and Transfer-Encoding',
      { fields: [...HOST, 'Content-Length', '1', 'Transfer-Encoding', 'chunked'] },
      'length-and-coding',
    ],
    [
      'two Content-Length fields',
      { fields: [...HOST, 'Content-Length', '1', 'Content-Length', '1'] },
      'length-repeated',
    ],
    ['a list as Content-Length', { fields: [...HOST, 'Content-Length', '1, 1'] }, 'length-invalid'],
    ['a signed Content-Length', { fields: [...HOST, 'Content-Length', '+1'] }, 'length-invalid'],
    ['a hexadecimal Content-Length', { fields: [...HOST, 'Content-Length', '0x1'] }, 'length-invalid'],
    ['an empty Content-Length', { fields: [...HOST, 'Content-Length', ''] }, 'length-invalid'],
    ['a large Content-Length', { fields: [...HOST, 'Content-Length', '100001'] }, 'content-too-large'],
    ['an unknown transfer coding', { fields: [...HOST, 'Transfer-Encoding', 'xchunked'] }, 'coding-unknown'],
    ['two transfer codings', { fields: [...HOST, 'Transfer-Encoding', 'gzip, chunked'] }, 'coding-unknown'],
    [
      'Transfer-Encoding in HTTP/1.0',
      { httpVersion: '1.0', fields: [...HOST, 'Transfer-Encoding', 'chunked'] },
      'coding-in-http-1.0',
    ],
    ['an unknown expectation', { fields: [...HOST, 'Expect', '200-ok'] }, 'expectation'],
  ];
  test.each(table)('%s', (_what, head, reason) => {
    expect(check(head)).toMatchObject({ kind: 'refused', reason });
  });
});

describe('a request head that passes', () => {
  const targets = [
    '/',
    '/a/../b',
    "/a-._~!$&'()*+,;=:@/%7e%zz%",
    '/a|b^c[d]{e}`f',
    '/a?b=c|d{e}^`[]\\/?:@',
    '//example.com/x',
    '/projects/a%2fb',
    '/a%2f..b?x=..%2f',
  ];
  test.each(targets)('the target %s stays as it is', (target) => {
    expect(check({ target })).toMatchObject({ kind: 'ok', target, host: 'example.org' });
  });

  test.each([
    ['http://example.org', 'GET', '/'],
    ['HTTP://EXAMPLE.org:80/a?b', 'GET', '/a?b'],
    ['http://example.org?b', 'GET', '/?b'],
    ['http://example.org', 'OPTIONS', '*'],
  ])('the absolute target %s becomes %s %s', (target, method, expected) => {
    expect(check({ method, target })).toMatchObject({ kind: 'ok', target: expected, scheme: 'http' });
  });

  test('HTTP/1.0 without Host', () => {
    expect(check({ httpVersion: '1.0', fields: [] })).toMatchObject({ kind: 'ok', host: '' });
  });

  test('an expectation of HTTP/1.0 is ignored', () => {
    const head = { httpVersion: '1.0', fields: [...HOST, 'Expect', '100-continue', 'Content-Length', '3'] };
    expect(check(head)).toMatchObject({ kind: 'ok', expectsContinue: false, contentLength: 3 });
  });

  test('chunked content', () => {
    const head = check({ method: 'POST', fields: [...HOST, 'Transfer-Encoding', 'Chunked'] });
    expect(head).toMatchObject({ kind: 'ok', framing: 'chunked' });
  });
});

test('a host is an address or a name, with a port if need be', () => {
  const valid = [
    'a',
    'EXAMPLE.org',
    'example.org.',
    'my_app.test:8080',
    '127.0.0.1:65535',
    '[::1]',
    '[2001:db8::1]:8080',
  ];
  expect(valid.map(parseHost)).toEqual(valid.map((host) => host.toLowerCase()));
  const invalid = [
    '',
    '.',
    'a..b',
    'a:0',
    'a:080',
    'a:1:2',
    '[::1',
    '::1',
    'a b',
    'ä.example',
    'a;b',
    '[::1]x',
    'a\u0000',
  ];
  expect(invalid.filter((host) => parseHost(host) !== undefined)).toEqual([]);
});

test('the default port of the scheme is left out, no other', () => {
  expect(withoutDefaultPort('a:80', 'http')).toBe('a');
  expect(withoutDefaultPort('a:80', 'https')).toBe('a:80');
  expect(withoutDefaultPort('[::1]:443', 'https')).toBe('[::1]');
  expect(withoutDefaultPort('a:8080', 'http')).toBe('a:8080');
});

test('a refusal says what was expected and what was got, without letting the latter out of its quotes', () => {
  const { status, body, fields } = refusalAnswer(refused('host-invalid', 'a"\r\nb\u00e9\u007f'), 'tidegate', false);
  expect(status).toBe(400);
  expect(body).toBe(
    '400 Bad Request: host-invalid\nexpected: a host, with a port if need be\ngot: "a\\"\\r\\nb\\u00e9\\u007f"\nsee: RFC 9112 section 3.2\n',
  );
  expect(fields[fields.indexOf('content-length') + 1]).toBe(String(Buffer.byteLength(body)));
  expect(fields).toContain('tidegate; detail=refused');
});
