// Origins that speak HTTP/2: what is told of their answers, and how they break them.

import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createTlsServer } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { fetchAll, start, textOf, until } from '../contract/origin-kit.ts';
import { DATA, END_HEADERS, END_STREAM, fieldBlock, frameBytes, GOAWAY, HEADERS, RST_STREAM } from './h2-kit.ts';
import { frameServer, h2Server, listening, OK, originAt, pem } from './origin-h2-kit.ts';

describe('an origin that speaks HTTP/2', () => {
  test('gets the request and gives the answer as over HTTP/1.1, its end told by a frame', async () => {
    let asked: Readonly<Record<string, unknown>> = {};
    const { url } = await h2Server((stream, headers) => {
      asked = headers;
      stream.additionalHeaders({ ':status': 103, link: '</a>' });
      const fields = { 'set-cookie': ['a=1', 'b=2'], 'x-latin': 'caf\u00e9', 'cache-control': 'max-age=1' };
      stream.respond({ ':status': 203, ...fields }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
      stream.end('tides');
    });
    const fields = ['host', 'shop.example', 'accept', 'a/b', 'x-two', '1', 'x-two', '2', 'cookie', 'c=1'];
    const answer = await fetchAll(originAt(url), { target: '/a?b', fields });
    expect(asked).toMatchObject({ ':path': '/a?b', ':authority': 'shop.example', ':scheme': 'https', 'x-two': '1, 2' });
    expect(asked).toMatchObject({ accept: 'a/b', cookie: 'c=1' });
    expect(answer.events).toEqual(['interim 103', 'head 203', 'data', 'end']);
    expect([answer.delimited, textOf(answer), answer.trailers]).toEqual([true, 'tides', ['x-sum', '7']]);
    const { date: _, ...got } = Object.groupBy(pairs(answer.head!.fields), ([name]) => name);
    expect(got).toEqual({
      'set-cookie': [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2'],
      ],
      'x-latin': [['x-latin', 'caf\u00e9']],
      'cache-control': [['cache-control', 'max-age=1']],
    });
  });

  test('takes content, and many requests at a time on one connection', async () => {
    const waiting: ServerHttp2Stream[] = [];
    const h2 = await h2Server((stream, headers) => {
      if (headers[':method'] !== 'POST') waiting.push(stream);
      else stream.pipe(stream);
    });
    const origin = originAt(h2.url);
    async function* content() {
      yield Buffer.from('high ');
      yield Buffer.from('tide');
    }
    const echoed = await fetchAll(origin, { method: 'POST', body: content(), retryable: false });
    expect(textOf(echoed)).toBe('high tide');
    const gets = Array.from({ length: 32 }, (_, at) => fetchAll(origin, { target: `/${at}` }));
    await until(() => waiting.length === 32);
    for (const stream of waiting.reverse()) {
      stream.respond();
      stream.end('x');
    }
    for (const answer of await Promise.all(gets)) expect(answer.events).toEqual(['head 200', 'data', 'end']);
    expect(h2.connections()).toBe(1);
  });

  test('is not asked for more than is read', async () => {
    let written = 0;
    const { url } = await h2Server((stream) => {
      stream.respond();
      const more = () => {
        while (written < 400 && stream.write(Buffer.alloc(50_000))) written++;
        if (written >= 400) stream.end();
      };
      stream.on('drain', more);
      more();
    });
    const paused = start(originAt(url), {}, { head: () => paused.forward.pause() });
    await until(() => written > 0);
    for (let turn = 0; turn < 300; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(written).toBeLessThan(100);
    paused.forward.resume();
    await paused.transcript.over;
    expect(paused.transcript.events.at(-1)).toBe('end');
  });

  test('is told when the answer is not wanted any more; others go on', async () => {
    let resets = 0;
    const { url, connections } = await h2Server((stream, headers) => {
      stream.respond();
      if (headers[':path'] === '/whole') stream.end('whole');
      else stream.write('part');
      stream.on('close', () => resets++);
    });
    const origin = originAt(url);
    await new Promise<void>((resolve) => {
      const running = start(origin, {}, { data: () => resolve(running.forward.abort()) });
    });
    await until(() => resets === 1);
    expect(textOf(await fetchAll(origin, { target: '/whole' }))).toBe('whole');
    expect(connections()).toBe(1);
  });
});

const code = (number: number) => Buffer.of(0, 0, 0, number);

describe('an answer that breaks off is told of as such', () => {
  test.each([
    ['reset with NO_ERROR', (stream: number) => frameBytes(RST_STREAM, 0, [stream, code(0)])],
    ['reset with CANCEL', (stream: number) => frameBytes(RST_STREAM, 0, [stream, code(8)])],
    ['reset with INTERNAL_ERROR', (stream: number) => frameBytes(RST_STREAM, 0, [stream, code(2)])],
    ['GOAWAY before it', () => frameBytes(GOAWAY, 0, [0, Buffer.alloc(8)])],
    ['the end of the connection', () => undefined],
  ])('%s', async (_how, last) => {
    const url = await frameServer((socket, stream) => {
      socket.write(frameBytes(HEADERS, END_HEADERS, [stream, OK]));
      socket.write(frameBytes(DATA, 0, [stream, Buffer.from('abc')]), () => {
        setTimeout(() => {
          const bytes = last(stream);
          if (bytes === undefined) socket.end();
          else socket.write(bytes);
        }, 20);
      });
    });
    const answer = await fetchAll(originAt(url));
    expect(answer.events).toEqual(['head 200', 'data', 'failed E_ORIGIN_RESET']);
    expect(answer.error?.message).toMatch(/^origin shop: expected the rest of the response, got /);
  });

  test('shorter than its Content-Length', async () => {
    const url = await frameServer((socket, stream) => {
      const head = fieldBlock([':status', '200'], ['content-length', '5']);
      socket.write(frameBytes(HEADERS, END_HEADERS, [stream, head]));
      socket.write(frameBytes(DATA, END_STREAM, [stream, Buffer.from('abc')]));
    });
    expect((await fetchAll(originAt(url))).events.at(-1)).toBe('failed E_ORIGIN_RESET');
  });

  test('before its head: E_ORIGIN_RESET, or another try over HTTP/1.1 where that is allowed', async () => {
    const server = createSecureServer({ ...pem, allowHTTP1: true }, (request, response) => {
      if (request.httpVersion === '2.0') request.stream.close(2);
      else response.end(`over HTTP/${request.httpVersion}`);
    });
    const url = await listening(server);
    expect((await fetchAll(originAt(url))).events).toEqual(['failed E_ORIGIN_RESET']);
    const again = await fetchAll(originAt(url, { retries: 1 }));
    expect([again.events.at(-1), textOf(again)]).toEqual(['end', 'over HTTP/1.1']);
    const write = await fetchAll(originAt(url, { retries: 1 }), { method: 'POST', retryable: false });
    expect(write.events).toEqual(['failed E_ORIGIN_RESET']);
  });

  test('over TLS that speaks HTTP/1.1 alone, an unasked 100 is skipped', async () => {
    const server = createTlsServer({ ...pem, ALPNProtocols: ['http/1.1'] }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.on('data', () =>
        socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc'),
      );
    });
    const answer = await fetchAll(originAt(await listening(server)), { method: 'POST', retryable: false });
    expect(answer.events).toEqual(['head 200', 'data', 'end']);
    expect(textOf(answer)).toBe('abc');
  });

  test('frames that are none: E_ORIGIN_PROTOCOL', async () => {
    const url = await frameServer((socket, stream) =>
      socket.write(frameBytes(DATA, 0, [stream, Buffer.from('early')])),
    );
    expect((await fetchAll(originAt(url))).events).toEqual([
      expect.stringMatching(/^failed E_ORIGIN_(PROTOCOL|RESET)$/),
    ]);
  });

  test('a reset after the end is none', async () => {
    const url = await frameServer((socket, stream) => {
      const end = frameBytes(DATA, END_STREAM, [stream, Buffer.from('abc')]);
      const reset = frameBytes(RST_STREAM, 0, [stream, code(0)]);
      socket.write(Buffer.concat([frameBytes(HEADERS, END_HEADERS, [stream, OK]), end, reset]));
    });
    expect((await fetchAll(originAt(url))).events).toEqual(['head 200', 'data', 'end']);
  });
});

function pairs(fields: readonly string[]): [string, string][] {
  return fields.flatMap((name, at) => (at % 2 === 0 ? [[name, fields[at + 1] as string] as [string, string]] : []));
}
