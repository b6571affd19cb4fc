import { createServer, type IncomingMessage } from 'node:http';
import { duplexPair } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPlainHead } from '../../src/node/front/request-heads.ts';

const read = (text: string, start = 0) => readPlainHead(Buffer.from(text, 'latin1'), start, undefined);

describe('a plain head', () => {
  test('is read as it is, with where the next one begins', () => {
    const text = 'GET /a?b HTTP/1.1\r\nHost: example.org\r\nX-Empty:\r\nX-Spaced: \t v w \t\r\n\r\nGET';
    expect(read(text)).toMatchObject({
      method: 'GET',
      target: '/a?b',
      rawHeaders: ['Host', 'example.org', 'X-Empty', '', 'X-Spaced', 'v w'],
      end: text.length - 3,
    });
  });

  test('shares the fields of the head before it when they are the same to the byte', () => {
    const bytes = Buffer.from('GET /a HTTP/1.1\r\nHost: x\r\n\r\nHEAD /b HTTP/1.1\r\nHost: x\r\n\r\n');
    const first = readPlainHead(bytes, 0, undefined);
    const second = readPlainHead(bytes, first?.end ?? 0, first);
    expect(second).toMatchObject({ method: 'HEAD', target: '/b', end: bytes.length });
    expect(second?.rawHeaders).toBe(first?.rawHeaders);
  });

  test.each([
    ['a part of a head', 'GET / HTTP/1.1\r\nHost: x\r\n'],
    ['another method', 'POST / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['HTTP/1.0', 'GET / HTTP/1.0\r\nHost: x\r\n\r\n'],
    ['an absolute target', 'GET http://x/ HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['a line folded', 'GET / HTTP/1.1\r\nHost: x\r\n y\r\n\r\n'],
    ['a space before the colon', 'GET / HTTP/1.1\r\nHost : x\r\n\r\n'],
    ['a bare LF', 'GET / HTTP/1.1\nHost: x\n\r\n\r\n'],
    ['a bare CR in a value', 'GET / HTTP/1.1\r\nHost: x\ry\r\n\r\n'],
    ['a NUL', 'GET / HTTP/1.1\r\nHost: x\0\r\n\r\n'],
    ['bytes above ASCII', 'GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n'],
    ['no field at all', 'GET / HTTP/1.1\r\n\r\n'],
    ['an empty line first', '\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['no colon', 'GET / HTTP/1.1\r\nHost\r\n\r\n'],
  ])('is not %s', (_, text) => {
    expect(read(text)).toBeUndefined();
  });

  test('is what the parser of node:http reads, whenever it is read here', async () => {
    const piece = fc.constantFrom(
      'GET ',
      'HEAD ',
      '/',
      '/a',
      ' ',
      '  ',
      'HTTP/1.1',
      'HTTP/1.0',
      '\r\n',
      '\n',
      '\r',
      '\r\n\r\n',
      'Host: x',
      'Host:x\r\n',
      'A',
      ':',
      ': ',
      'v',
      '\t',
      '\0',
      '\x7f',
      '\xff',
      ',',
      '"',
      '%0d%0a',
      'Content-Length: 0\r\n',
      'Transfer-Encoding: chunked\r\n',
    );
    const begun = fc
      .array(piece, { maxLength: 12 })
      .map((pieces) => `GET /a HTTP/1.1\r\nHost: x\r\n${pieces.join('')}\r\n\r\n`);
    const anything = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
    await fc.assert(
      fc.asyncProperty(fc.oneof(begun, anything), async (text) => {
        const plain = read(text);
        if (plain === undefined) return;
        const message = await parsedByNode(text.slice(0, plain.end));
        expect([message?.method, message?.url, message?.httpVersion]).toEqual([plain.method, plain.target, '1.1']);
        expect(message?.rawHeaders).toEqual(plain.rawHeaders);
      }),
      { numRuns: 2_000 },
    );
  });
});

/** The request as node:http understands the bytes; undefined: it does not. */
function parsedByNode(text: string): Promise<IncomingMessage | undefined> {
  const [client, connection] = duplexPair();
  return new Promise((resolve) => {
    const server = createServer({ requireHostHeader: false }, (message) => resolve(message));
    server.on('clientError', () => resolve(undefined));
    server.emit('connection', connection);
    client.end(text, 'latin1');
  });
}
