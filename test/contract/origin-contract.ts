// The contract of the Origin port, against a real server on this machine. Every implementation passes it.

import { afterEach, describe, expect, test } from 'vitest';
import type { Origin, RequestBody } from '../../src/ports.ts';
import { fetchAll, quiet, type RawExchange, type RawServer, rawServer, start, textOf, until } from './origin-kit.ts';

export interface OriginUnderTest {
  readonly origin: Origin;
  close(): Promise<void>;
}

export interface OriginContract {
  /** An origin at `url`, with time limits of some seconds at least and one retry. */
  makeOrigin(url: string): OriginUnderTest;
}

const OK = 'HTTP/1.1 200 OK\r\n';

export function testOriginContract(name: string, { makeOrigin }: OriginContract): void {
  const undo: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step();
  });

  async function serve(answer: string | ((exchange: RawExchange) => void)): Promise<[Origin, RawServer]> {
    const server = await rawServer(
      typeof answer === 'string' ? ({ socket }) => socket.write(answer, 'latin1') : answer,
    );
    const { origin, close } = makeOrigin(server.url);
    undo.push(() => server.close(), close);
    return [origin, server];
  }

  describe(`${name}: what the listener hears`, () => {
    test('head once, data in order, one end with the trailers', async () => {
      const [origin] = await serve(
        `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nX-Sum: 6\r\n\r\n`,
      );
      const answer = await fetchAll(origin);
      expect(answer.events).toEqual(['head 200', 'data', 'end']);
      expect(textOf(answer)).toBe('abcdef');
      expect(answer.trailers).toEqual(['x-sum', '6']);
    });

    test('fields keep order, duplicates and bytes; names come in lower case', async () => {
      const [origin] = await serve(`${OK}X-B: 1\r\nX-A:\t two \r\nx-b: \xe9\r\nEmpty:\r\nContent-Length: 0\r\n\r\n`);
      const { head } = await fetchAll(origin);
      expect(head?.fields).toEqual(['x-b', '1', 'x-a', 'two', 'x-b', '\xe9', 'empty', '', 'content-length', '0']);
    });

    test('interim responses come before the head, in order', async () => {
      const early = 'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n';
      const [origin] = await serve(`${early}${OK}Content-Length: 2\r\n\r\nok`);
      const answer = await fetchAll(origin);
      expect(answer.events).toEqual(['interim 103', 'interim 102', 'head 200', 'data', 'end']);
      expect(answer.interims[0]).toEqual({ status: 103, fields: ['link', '</a>'] });
    });

    test('nothing before forward has returned, not even a failure', async () => {
      const [origin, server] = await serve(`${OK}Content-Length: 0\r\n\r\n`);
      const first = start(origin, {});
      expect(first.transcript.events).toEqual([]);
      await first.transcript.over;
      const unsendable = start(origin, { fields: ['host', 'a', 'host', 'b'] });
      expect(unsendable.transcript.events).toEqual([]);
      await unsendable.transcript.over;
      expect(unsendable.transcript.events).toEqual(['failed E_ORIGIN_PROTOCOL']);
      expect(server.heads.length).toBe(1);
    });

    test('a connection that cannot be made is one failure', async () => {
      const [, server] = await serve('');
      await server.close();
      undo.shift();
      const { origin, close } = makeOrigin(server.url);
      undo.push(close);
      const answer = await fetchAll(origin);
      await quiet();
      expect(answer.events).toEqual(['failed E_ORIGIN_CONNECT']);
    });

    test('a cut answer is one failure after what came', async () => {
      const [origin] = await serve(({ socket }) => socket.end(`${OK}Content-Length: 9\r\n\r\nabc`));
      const answer = await fetchAll(origin);
      await quiet();
      expect(answer.events).toEqual(['head 200', 'data', 'failed E_ORIGIN_RESET']);
      expect(textOf(answer)).toBe('abc');
    });
  });

  describe(`${name}: whether the content is delimited`, () => {
    test.each([
      ['Content-Length', 'GET', '200 OK', 'Content-Length: 2\r\n\r\nok', true],
      ['chunked', 'GET', '200 OK', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n', true],
      ["the connection's end", 'GET', '200 OK', 'Connection: close\r\n\r\nok', false],
      ['HEAD', 'HEAD', '200 OK', 'Connection: close\r\n\r\n', true],
      ['204', 'GET', '204 No Content', 'Connection: close\r\n\r\n', true],
      ['304', 'GET', '304 Not Modified', 'Connection: close\r\n\r\n', true],
    ])('%s', async (_by, method, status, rest, delimited) => {
      const [origin] = await serve(({ socket }) => {
        socket.write(`HTTP/1.1 ${status}\r\n${rest}`);
        if (!delimited) socket.end();
      });
      const fields = ['host', 'example.org', 'if-none-match', '"a"'];
      const answer = await fetchAll(origin, { method, fields });
      expect(answer.events.at(-1)).toBe('end');
      expect(answer.delimited).toBe(delimited);
    });
  });

  describe(`${name}: what the origin hears`, () => {
    test('method, target and fields as given, host among them', async () => {
      const [origin, server] = await serve(`${OK}Content-Length: 0\r\n\r\n`);
      await fetchAll(origin, {
        method: 'M-SEARCH',
        target: '/a%2fb?c=d&c',
        fields: ['x-b', '1', 'host', 'shop.example', 'x-a', '\xe9', 'x-b', '2', 'expect', '100-continue'],
      });
      const lines = server.heads[0]?.split('\r\n') ?? [];
      expect(lines[0]).toBe('M-SEARCH /a%2fb?c=d&c HTTP/1.1');
      expect(lines.filter((line) => /^host/i.test(line))).toEqual(['host: shop.example']);
      expect(lines.filter((line) => line.startsWith('x-'))).toEqual(['x-b: 1', 'x-a: \xe9', 'x-b: 2']);
      expect(lines.some((line) => /^expect/i.test(line))).toBe(false);
    });

    test.each([
      ['of known length', ['content-length', '6'], 'content-length: 6', 'abcdef'],
      ['of unknown length', [], 'transfer-encoding: chunked', '3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n'],
    ])('content %s', async (_of, framing, line, sent) => {
      const [origin, server] = await serve(() => {});
      const fields = ['host', 'example.org', ...framing];
      const request = { method: 'PUT', fields, body: content('abc', 'def'), retryable: false };
      const { transcript } = start(origin, request);
      await until(() => server.received[0]?.endsWith(sent) === true);
      server.sockets[0]?.write(`${OK}Content-Length: 0\r\n\r\n`);
      await transcript.over;
      expect(transcript.events).toEqual(['head 200', 'end']);
      expect(server.heads[0]).toContain(`\r\n${line}\r\n`);
      expect(server.received[0]).toBe(`${server.heads[0]}${sent}`);
    });

    test('an unsafe request whose connection is lost is sent once', async () => {
      const [origin, server] = await serve(({ socket }) => socket.destroy());
      const answer = await fetchAll(origin, { method: 'POST', body: content('a'), retryable: false });
      await quiet();
      expect(answer.events).toEqual(['failed E_ORIGIN_RESET']);
      expect(server.heads.length).toBe(1);
    });
  });

  describe(`${name}: the forward in hand`, () => {
    test('abort before the head silences the listener and frees the connection', async () => {
      const [origin, server] = await serve(() => {});
      const { forward, transcript } = start(origin, {});
      await until(() => server.heads.length === 1);
      forward.abort();
      forward.abort();
      await until(() => server.sockets[0]?.destroyed === true || server.sockets[0]?.readableEnded === true);
      await quiet();
      expect(transcript.events).toEqual([]);
    });

    test('abort at once silences the listener', async () => {
      const [origin] = await serve(`${OK}Content-Length: 2\r\n\r\nok`);
      const { forward, transcript } = start(origin, {});
      forward.abort();
      await fetchAll(origin);
      expect(transcript.events).toEqual([]);
    });

    test('abort inside head or data is the last thing the listener hears', async () => {
      const [origin] = await serve(`${OK}Content-Length: 2\r\n\r\nok`);
      const atHead = start(origin, {}, { head: () => atHead.forward.abort() });
      const atData = start(origin, {}, { data: () => atData.forward.abort() });
      await until(() => atHead.transcript.events.length === 1 && atData.transcript.events.length === 2);
      await quiet();
      expect(atHead.transcript.events).toEqual(['head 200']);
      expect(atData.transcript.events).toEqual(['head 200', 'data']);
    });

    test('abort after the end changes nothing', async () => {
      const [origin, server] = await serve(`${OK}Content-Length: 2\r\n\r\nok`);
      const { forward, transcript } = start(origin, {});
      await transcript.over;
      forward.abort();
      await quiet();
      expect((await fetchAll(origin)).events.at(-1)).toBe('end');
      expect(transcript.events).toEqual(['head 200', 'data', 'end']);
      expect(server.sockets.length).toBe(1);
    });

    test('pause holds the origin back; resume brings every byte', async () => {
      const size = 32 * 1024 * 1024;
      const [origin, server] = await serve(({ socket }) => {
        socket.write(`${OK}Content-Length: ${size}\r\n\r\n`);
        socket.write(Buffer.alloc(size, 'x'));
      });
      let received = 0;
      const { forward, transcript } = start(
        origin,
        {},
        {
          head: () => forward.pause(),
          data: (chunk) => {
            received += chunk.length;
          },
        },
      );
      await until(() => transcript.head !== undefined);
      const held = await settled(() => server.sockets[0]?.writableLength ?? 0);
      expect(received).toBeLessThan(512 * 1024);
      expect(held).toBeGreaterThan(0);
      forward.resume();
      await transcript.over;
      expect(received).toBe(size);
      expect(transcript.events).toEqual(['head 200', 'data', 'end']);
    });

    test('pause and resume in one breath, inside data, lose nothing', async () => {
      const [origin] = await serve(({ socket }) => {
        socket.write(`${OK}Content-Length: 200000\r\n\r\n`);
        socket.write(Buffer.alloc(200_000, 'y'));
      });
      const { forward, transcript } = start(
        origin,
        {},
        {
          data: () => {
            forward.pause();
            forward.resume();
          },
        },
      );
      await transcript.over;
      expect(textOf(transcript).length).toBe(200_000);
    });

    test('a pause at every tenth chunk, while more comes, loses nothing', async () => {
      const size = 8 * 1024 * 1024;
      const sent = Buffer.from(Uint32Array.from({ length: size / 4 }, (_, at) => at).buffer);
      const [origin] = await serve(({ socket }) => {
        socket.write(`${OK}Content-Length: ${size}\r\n\r\n`);
        socket.write(sent);
      });
      let chunks = 0;
      const data = () => {
        if (++chunks % 10 > 0) return;
        forward.pause();
        void quiet().then(() => forward.resume());
      };
      const { forward, transcript } = start(origin, {}, { data });
      await transcript.over;
      expect(transcript.events).toEqual(['head 200', 'data', 'end']);
      expect(Buffer.concat(transcript.chunks).equals(sent)).toBe(true);
    });
  });
}

async function* content(...chunks: string[]): RequestBody {
  for (const chunk of chunks) yield Buffer.from(chunk);
}

/** The value once it has stayed the same for many turns of the event loop. */
async function settled(read: () => number): Promise<number> {
  let last = -1;
  while (last !== read()) {
    last = read();
    await quiet();
  }
  return last;
}
