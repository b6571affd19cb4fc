import { describe, expect, test } from 'vitest';
import {
  answerText,
  bodyText,
  eventually,
  exchange,
  FedBody,
  get,
  RawClient,
  startFront,
  statusOf,
  streamedAnswer,
  valuesOf,
} from './front-kit.ts';

const HEAD = 'Host: example.org\r\n';

describe('what an origin cannot do to a client', () => {
  test.each(['chunked', 'with a length'])('a body that breaks off, %s, is seen to be cut', async (kind) => {
    const body = new FedBody().feed('abc');
    const fields = kind === 'chunked' ? [] : ['content-length', '6'];
    const { port, ends } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body, fields)),
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await client.until((text) => text.includes('abc'));
    body.feed('failed');
    expect(await client.untilClosed()).toMatch(kind === 'chunked' ? /\r\n\r\n3\r\nabc\r\n$/ : /\r\n\r\nabc$/);
    expect(ends).toMatchObject([{ status: 200, complete: false, bodyBytes: 3 }]);
  });

  test('a body that breaks off is an error of the connection to HTTP/1.0', async () => {
    const body = new FedBody().feed('abc');
    const { port } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send('GET / HTTP/1.0\r\nHost: a\r\n\r\n');
    await client.until((text) => text.includes('abc'));
    body.feed('failed');
    await client.untilClosed();
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
  });

  test.each([
    ['more', ['abc', 'defg', 'end'], 'abc'],
    ['less', ['abc', 'end'], 'abc'],
  ])('%s content than the length states is cut', async (_what, parts, received) => {
    const body = new FedBody().feed(...parts);
    const { port, ends } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body, ['content-length', '5'])),
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    expect(bodyText(await client.untilClosed())).toBe(received);
    expect(ends).toMatchObject([{ complete: false }]);
  });

  test('a body that breaks off in a pipeline leaves the answer before it whole', async () => {
    let late: (() => void) | undefined;
    const { port } = await startFront({
      handle: ({ target }, responder) => {
        if (target === '/1') late = () => answerText(responder, 'first');
        else responder.respond(streamedAnswer(new FedBody().feed('second', 'failed')));
        return undefined;
      },
    });
    const client = new RawClient(port).send(`GET /1 HTTP/1.1\r\n${HEAD}\r\nGET /2 HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => late !== undefined);
    late!();
    expect(await client.untilClosed()).toMatch(/\r\n\r\nfirst(?:$|HTTP)/);
  });

  const bad: [string, string[]][] = [
    ['CR LF in a value', ['x', 'a\r\nset-cookie: b']],
    ['NUL in a value', ['x', 'a\0']],
    ['a character beyond latin1', ['x', '\u20ac']],
    ['a space in a name', ['x y', 'a']],
    ['CR LF in a name', ['x\r\ny', 'a']],
  ];
  test.each(bad)('%s becomes a 502', async (_what, fields) => {
    const { port, faults } = await startFront({
      handle: ({ target }, responder) => {
        const body = new FedBody().feed('abc', 'end');
        if (target === '/whole') answerText(responder, 'abc', ['content-length', '3', ...fields]);
        else responder.respond(streamedAnswer(body, ['transfer-encoding', 'chunked', ...fields]));
        return undefined;
      },
    });
    for (const path of ['/whole', '/streamed']) {
      const answer = await exchange(port, get(path));
      expect(statusOf(answer)).toBe(502);
      expect(valuesOf(answer, 'x')).toEqual([]);
      expect(bodyText(answer)).toHaveLength(Number(valuesOf(answer, 'content-length')));
    }
    expect(faults).toEqual([]);
  });

  test('a body that throws is cut off and told of', async () => {
    const body = new FedBody().feed('abc');
    const { port, faults } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await client.until((text) => text.includes('abc'));
    body.read = () => {
      throw new Error('defect');
    };
    body.feed('end');
    expect(await client.untilClosed()).toMatch(/abc\r\n$/);
    expect(faults).toHaveLength(1);
    expect(body.cancelled).toBe(true);
  });

  test('a gate that throws is a 500 and is told of', async () => {
    const { port, faults } = await startFront({
      handle: () => {
        throw new Error('defect');
      },
    });
    expect(statusOf(await exchange(port, get('/')))).toBe(500);
    expect(faults).toHaveLength(1);
  });

  test('an interim status as a final answer is a 500', async () => {
    const { port, faults } = await startFront({ handle: (_request, responder) => answerText(responder, '', [], 103) });
    expect(statusOf(await exchange(port, get('/')))).toBe(500);
    expect(faults).toHaveLength(1);
  });
});
