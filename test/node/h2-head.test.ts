// The head of an HTTP/2 request, read and checked: what node:http2 lets through, and what it would refuse before us.

import { describe, expect, test } from 'vitest';
import { admit } from '../../src/node/front/admission.ts';
import { readH2Head } from '../../src/node/front/h2/h2-head.ts';
import { UNSTATED } from '../../src/node/front/trusted-proxies.ts';
import { LIMITS, routerTo, siteRoute } from './front-kit.ts';

const PSEUDO = [':method', 'GET', ':scheme', 'https', ':authority', 'a.example', ':path', '/x?y'];
const deps = {
  site: () => ({ router: routerTo(siteRoute()) }),
  limits: LIMITS,
  trust: () => UNSTATED,
  cacheName: 'tidegate',
};
const peer = { address: '10.0.0.1', scheme: 'https', localAuthority: () => 'local' } as const;

/** What the checks of the front say to it. */
function admission(rawHeaders: readonly string[], endsHere = true) {
  const head = readH2Head(rawHeaders, endsHere);
  return 'kind' in head ? head : admit(head, peer, deps);
}

describe('a head', () => {
  test('in the form of HTTP/1.1', () => {
    expect(readH2Head([...PSEUDO, 'accept', '*/*', 'te', 'Trailers'], true)).toEqual({
      method: 'GET',
      target: '/x?y',
      httpVersion: '2',
      rawHeaders: ['host', 'a.example', 'accept', '*/*', 'te', 'Trailers'],
      scheme: 'https',
      contentFollows: false,
    });
  });

  test('makes the key and the forwarded request that HTTP/1.1 makes, but for Via', () => {
    const fields = ['Accept', 'text/html', 'Cookie', 'a=1; b=2', 'X-Other', 'z'];
    const line = { method: 'GET', target: '/x?y', httpVersion: '1.1' };
    const one = admit({ ...line, rawHeaders: ['Host', 'a.example', ...fields] }, peer, deps);
    const crumbs = ['accept', 'text/html', 'cookie', 'a=1', 'x-other', 'z', 'cookie', 'b=2'];
    const two = admission([...PSEUDO, ...crumbs]);
    if (one.kind !== 'admitted' || two.kind !== 'admitted') throw new Error('expected both to be admitted');
    const fieldsOf = (all: readonly string[]) => all.map((text) => text.replace(/^[12](?:\.1)? tidegate$/, 'via'));
    expect({ ...two.request, fields: fieldsOf(two.request.fields) }).toEqual({
      ...one.request,
      fields: fieldsOf(one.request.fields),
    });
  });

  test('without :authority takes Host, and one that says the same twice is as good as one', () => {
    const without = PSEUDO.filter((_, at) => at !== 4 && at !== 5);
    expect(readH2Head([...without, 'host', 'b.example'], true)).toMatchObject({ rawHeaders: ['host', 'b.example'] });
    expect(readH2Head([...PSEUDO, 'host', 'A.example'], true)).toMatchObject({ rawHeaders: ['host', 'a.example'] });
  });

  test.each([
    ['fields of a connection', [...PSEUDO, 'connection', 'close'], 'connection-field'],
    ['Keep-Alive', [...PSEUDO, 'keep-alive', '5'], 'connection-field'],
    ['Proxy-Connection', [...PSEUDO, 'proxy-connection', 'close'], 'connection-field'],
    ['Transfer-Encoding', [...PSEUDO, 'transfer-encoding', 'chunked'], 'connection-field'],
    ['Upgrade', [...PSEUDO, 'upgrade', 'websocket'], 'connection-field'],
    ['TE other than trailers', [...PSEUDO, 'te', 'gzip'], 'connection-field'],
    ['a Host that says otherwise', [...PSEUDO, 'host', 'b.example'], 'host-mismatch'],
    ['a second Host', [...PSEUDO, 'host', 'a.example', 'host', 'a.example'], 'host-repeated'],
    ['no host', PSEUDO.filter((_, at) => at !== 4 && at !== 5), 'host-missing'],
    ['an empty :authority', [...PSEUDO.slice(0, 4), ':authority', '', ':path', '/'], 'host-invalid'],
    ['userinfo', [...PSEUDO.slice(0, 4), ':authority', 'u@a.example', ':path', '/'], 'host-invalid'],
    ['CONNECT', [':method', 'CONNECT', ':authority', 'a.example:443'], 'method-connect'],
    ['TRACE', [':method', 'TRACE', ...PSEUDO.slice(2)], 'method-trace'],
    ['an absolute :path', [...PSEUDO.slice(0, 6), ':path', 'https://a.example/'], 'target-form'],
    ['an empty :path', [...PSEUDO.slice(0, 6), ':path', ''], 'target-form'],
    ['`*` to GET', [...PSEUDO.slice(0, 6), ':path', '*'], 'asterisk-form'],
    ['another scheme', [':method', 'GET', ':scheme', 'ftp', ...PSEUDO.slice(4)], 'target-scheme'],
    ['http within TLS', [':method', 'GET', ':scheme', 'http', ...PSEUDO.slice(4)], 'target-scheme'],
    ['a pseudo-field of a response', [...PSEUDO, ':status', '200'], 'pseudo-field'],
    ['extended CONNECT', [...PSEUDO, ':protocol', 'websocket'], 'pseudo-field'],
    ['white space before a value', [...PSEUDO, 'x', ' y'], 'field-whitespace'],
    ['white space after a value', [...PSEUDO, 'x', 'y\t'], 'field-whitespace'],
    ['a length that is none', [...PSEUDO, 'content-length', '+1'], 'length-invalid'],
    ['two lengths', [...PSEUDO, 'content-length', '1', 'content-length', '1'], 'length-repeated'],
    ['an unknown expectation', [...PSEUDO, 'expect', 'tea'], 'expectation'],
    ['a target that is too long', [...PSEUDO.slice(0, 6), ':path', `/${'x'.repeat(1_000)}`], 'target-too-long'],
    ['a fragment', [...PSEUDO.slice(0, 6), ':path', '/x#y'], 'target-characters'],
    ['too many fields', [...PSEUDO, ...Array.from({ length: 62 }, () => 'x')], 'fields-too-many'],
    ['a head that is too large', [...PSEUDO, 'x', 'y'.repeat(4_000)], 'head-too-large'],
    ['itself in Via', [...PSEUDO, 'via', '2 tidegate'], 'loop'],
  ])('with %s is refused', (_name, rawHeaders, reason) => {
    expect(admission(rawHeaders)).toMatchObject({ kind: 'refused', reason });
  });

  test('content without a stated length is refused to GET, and known to POST', () => {
    expect(admission(PSEUDO, false)).toMatchObject({ kind: 'refused', reason: 'content-on-get' });
    const post = [':method', 'POST', ...PSEUDO.slice(2)];
    expect(admission(post, false)).toMatchObject({ head: { framing: 'chunked' } });
    expect(admission([...post, 'content-length', '5'], false)).toMatchObject({
      head: { framing: 'length', contentLength: 5 },
    });
    expect(admission(post)).toMatchObject({ head: { framing: 'none' } });
  });

  test('many crumbs are one field', () => {
    const crumbs = Array.from({ length: 40 }, (_, at) => ['cookie', `c${at}=1`]).flat();
    expect(admission([...PSEUDO, ...crumbs])).toMatchObject({ kind: 'admitted' });
  });
});
