import { describe, expect, test } from 'vitest';
import { bodyText, exchange, get, RawClient, startFront, statusOf, valuesOf } from './front-kit.ts';

const HEAD = 'Host: example.org\r\n';

describe('a malformed or forbidden request gets its answer and the connection ends', () => {
  const table: [string, string, number][] = [
    ['no Host', 'GET / HTTP/1.1\r\n\r\n', 400],
    ['two Host fields', `GET / HTTP/1.1\r\n${HEAD}Host: example.org\r\n\r\n`, 400],
    ['two Host fields that differ', `GET / HTTP/1.1\r\n${HEAD}Host: b\r\n\r\n`, 400],
    ['an empty Host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 400],
    ['a comma-joined Host', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 400],
    ['Host with userinfo', 'GET / HTTP/1.1\r\nHost: u@a\r\n\r\n', 400],
    ['Host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
    ['Host that is not the target', `GET http://other/ HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['a byte beyond ASCII in the target', `GET /\xe9 HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['overlong UTF-8 in the target', `GET /\xc0\xaf HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['a control byte in the target', `GET /\x01 HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['NUL in the target', `GET /\x00 HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['a space in the target', `GET /a b HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['a fragment', `GET /a#b HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['* with GET', `GET * HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['an unknown method', `FROB / HTTP/1.1\r\n${HEAD}\r\n`, 400],
    ['no version', `GET /\r\n${HEAD}\r\n`, 505],
    ['the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505],
    ['HTTP/1.10', `GET / HTTP/1.10\r\n${HEAD}\r\n`, 400],
    ['HTTP/0.9 with a version', `GET / HTTP/0.9\r\n${HEAD}\r\n`, 505],
    ['HTTP/3.0', `GET / HTTP/3.0\r\n${HEAD}\r\n`, 505],
    ['HTTP/2.0', `GET / HTTP/2.0\r\n${HEAD}\r\n`, 505],
    ['CONNECT', 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n', 501],
    ['a space before the colon', `GET / HTTP/1.1\r\nHost : a\r\n\r\n`, 400],
    ['a folded line', `GET / HTTP/1.1\r\n${HEAD}X: a\r\n b\r\n\r\n`, 400],
    ['a bare LF', 'GET / HTTP/1.1\nHost: a\n\n', 400],
    ['NUL in a field', `GET / HTTP/1.1\r\n${HEAD}X: a\0b\r\n\r\n`, 400],
    ['an empty field name', `GET / HTTP/1.1\r\n${HEAD}: x\r\n\r\n`, 400],
    [
      'Content-Length and chunked',
      `POST / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
      400,
    ],
    [
      'chunked and Content-Length',
      `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
      400,
    ],
    ['Content-Length twice', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`, 400],
    ['a Content-Length that is no number', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 1x\r\n\r\na`, 400],
    ['a negative Content-Length', `POST / HTTP/1.1\r\n${HEAD}Content-Length: -1\r\n\r\na`, 400],
    ['an unknown transfer coding', `GET / HTTP/1.1\r\n${HEAD}Transfer-Encoding: xchunked\r\n\r\n`, 501],
    ['two transfer codings', `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`, 501],
    ['chunked in HTTP/1.0', `POST / HTTP/1.0\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a body on GET', `GET / HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nabc`, 400],
    ['a chunked body on HEAD', `HEAD / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a long target', `GET /${'a'.repeat(1_500)} HTTP/1.1\r\n${HEAD}\r\n`, 414],
    ['a target longer than the parser takes', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\n${HEAD}\r\n`, 414],
    ['a large field', `GET / HTTP/1.1\r\n${HEAD}X: ${'a'.repeat(4_000)}\r\n\r\n`, 431],
    ['a field larger than the parser takes', `GET / HTTP/1.1\r\n${HEAD}X: ${'a'.repeat(60_000)}\r\n\r\n`, 431],
    ['many fields', `GET / HTTP/1.1\r\n${HEAD}${'X: a\r\n'.repeat(40)}\r\n`, 431],
    ['a large Content-Length', `POST / HTTP/1.1\r\n${HEAD}Content-Length: 100001\r\n\r\n`, 413],
    ['TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
  ];
  test.each(table)('%s', async (_what, text, status) => {
    const { port, requests, refusals } = await startFront();
    const answer = await exchange(port, text);
    expect(statusOf(answer)).toBe(status);
    expect(answer.match(/HTTP\/1\.1 \d{3} /g)).toHaveLength(1);
    expect(valuesOf(answer, 'connection')).toEqual(['close']);
    expect(valuesOf(answer, 'cache-status')).toEqual(['tidegate; detail=refused']);
    if (!text.startsWith('HEAD')) expect(bodyText(answer)).toMatch(/^\d{3} [\s\S]+\nexpected: .+\ngot: .*\nsee: RFC/);
    expect(requests).toEqual([]);
    expect(refusals).toHaveLength(1);
    expect(statusOf(await exchange(port, get('/')))).toBe(200);
  });

  test('a method that its route does not take is answered with those that it takes; the connection goes on', async () => {
    const { port, requests } = await startFront({ rules: { methods: new Set(['GET', 'DELETE']) } });
    const client = new RawClient(port).send(`PURGE / HTTP/1.1\r\n${HEAD}\r\n`);
    await client.until((text) => text.includes('got: "PURGE"'));
    expect(client.received).toMatch(/^HTTP\/1\.1 405 [\s\S]*\r\nallow: GET, DELETE\r\n/i);
    client.send(`DELETE / HTTP/1.1\r\n${HEAD}Connection: close\r\n\r\n`);
    await client.untilClosed();
    expect(requests.map(({ method }) => method)).toEqual(['DELETE']);
  });

  test('TRACE is not allowed, an unknown expectation fails; the connection goes on', async () => {
    const { port } = await startFront();
    const client = new RawClient(port).send(`TRACE / HTTP/1.1\r\n${HEAD}\r\n`);
    await client.until((text) => text.includes('see: '));
    expect(statusOf(client.received)).toBe(405);
    expect(valuesOf(client.received, 'allow')).toHaveLength(1);
    client.send(`GET / HTTP/1.1\r\n${HEAD}Expect: 200-maybe\r\nConnection: close\r\n\r\n`);
    expect(await client.untilClosed()).toMatch(/HTTP\/1\.1 417 /);
  });
});
