import { connect } from 'node:net';
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
  storedAnswer,
  streamedAnswer,
  valuesOf,
} from './front-kit.ts';

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
    ['HTTP/1.2', `GET / HTTP/1.2\r\n${HEAD}\r\n`, 505],
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

describe('what a client cannot do to others or to itself', () => {
  test('an error after requests that are still being answered waits for them', async () => {
    const late: (() => void)[] = [];
    const { port } = await startFront({
      handle: ({ target }, responder) => {
        late.push(() => answerText(responder, target));
        return undefined;
      },
    });
    const client = new RawClient(port).send(
      `GET /1 HTTP/1.1\r\n${HEAD}\r\nGET /2 HTTP/1.1\r\n${HEAD}\r\nrubbish\r\n\r\n`,
    );
    await eventually(() => late.length === 2);
    late[1]!();
    late[0]!();
    const answers = await client.untilClosed();
    expect(answers.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 200', 'HTTP/1.1 400']);
    expect(answers.indexOf('/1')).toBeLessThan(answers.indexOf('/2'));
  });

  test('what comes after Connection: close is not looked at', async () => {
    const late: (() => void)[] = [];
    const { port, refusals } = await startFront({
      handle: (_request, responder) => {
        late.push(() => answerText(responder, 'ok'));
        return undefined;
      },
    });
    const client = new RawClient(port).send(`${get('/')}rubbish\r\n\r\n`);
    await eventually(() => late.length === 1);
    late[0]!();
    expect(bodyText(await client.untilClosed())).toBe('ok');
    expect(refusals).toEqual([]);
  });

  test('malformed chunks are a 400 of that very request, whose forward is stopped', async () => {
    let failed: unknown;
    let cancelled = false;
    const { port } = await startFront({
      handle: ({ body }) => {
        (async () => {
          for await (const chunk of body!) void chunk;
        })().catch((error) => {
          failed = error;
        });
        return () => {
          cancelled = true;
        };
      },
    });
    const answer = await exchange(
      port,
      `POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n`,
    );
    expect(statusOf(answer)).toBe(400);
    expect(failed).toMatchObject({ code: 'E_ABANDONED' });
    expect(cancelled).toBe(true);
  });

  test('chunked content beyond the limit is a 413, which the client gets though it goes on sending', async () => {
    let failed: unknown;
    const { port } = await startFront({
      handle: ({ body }) => {
        (async () => {
          for await (const chunk of body!) void chunk;
        })().catch((error) => {
          failed = error;
        });
        return undefined;
      },
    });
    const chunk = `1000\r\n${'a'.repeat(4096)}\r\n`;
    const client = new RawClient(port).send(`POST / HTTP/1.1\r\n${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
    client.send(chunk.repeat(100)).send('0\r\n\r\n');
    expect(statusOf(await client.untilClosed())).toBe(413);
    expect(client.error).toBeUndefined();
    expect(failed).toMatchObject({ code: 'E_ABANDONED' });
  });

  test('content that nobody reads does not become the next request', async () => {
    const { port, requests } = await startFront();
    const smuggled = get('/smuggled');
    const client = new RawClient(port).send(
      `POST / HTTP/1.1\r\n${HEAD}Content-Length: ${smuggled.length}\r\n\r\n${smuggled}`,
    );
    expect((await client.untilClosed()).match(/HTTP\/1\.1 /g)).toHaveLength(1);
    expect(requests.map(({ target }) => target)).toEqual(['/']);
  });

  test('a client that leaves cancels its exchange', async () => {
    let cancelled = 0;
    const { port, requests, ends } = await startFront({
      handle: () => () => {
        cancelled++;
      },
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => requests.length === 1);
    client.socket.destroy();
    await eventually(() => ends.length === 1);
    expect(cancelled).toBe(1);
    expect(ends).toMatchObject([{ status: undefined, complete: false }]);
  });

  test('a client that leaves in the middle of a body cancels the body', async () => {
    const body = new FedBody().feed('abc');
    const { port, ends } = await startFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await client.until((text) => text.includes('abc'));
    client.socket.destroy();
    await eventually(() => body.cancelled);
    expect(ends).toMatchObject([{ status: 200, complete: false, bodyBytes: 3 }]);
  });

  test('a client that leaves while it sends fails the reader of its content', async () => {
    let failed: unknown;
    const { port, requests } = await startFront({
      handle: ({ body }) => {
        (async () => {
          for await (const chunk of body!) void chunk;
        })().catch((error) => {
          failed = error;
        });
        return undefined;
      },
    });
    const client = new RawClient(port).send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nabc`);
    await eventually(() => requests.length === 1);
    client.socket.destroy();
    await eventually(() => failed !== undefined);
    expect(failed).toMatchObject({ code: 'E_ABANDONED' });
  });

  test('an answer to a client that has left is dropped', async () => {
    const late: (() => void)[] = [];
    const body = new FedBody().feed('abc');
    const { port, ends, faults } = await startFront({
      handle: (_request, responder) => {
        late.push(() => responder.respond(streamedAnswer(body)));
        return undefined;
      },
    });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => late.length === 1);
    client.socket.destroy();
    await eventually(() => ends.length === 1);
    late[0]!();
    expect(body.cancelled).toBe(true);
    expect(faults).toEqual([]);
  });

  test('a slow head is a 408', async () => {
    const { port } = await startFront({ limits: { headTimeoutMs: 50 } });
    expect(statusOf(await exchange(port, 'GET / HTTP/1.1\r\nHost: '))).toBe(408);
  });

  test('content that stalls is a 408', async () => {
    const { port } = await startFront({
      stallMs: 50,
      handle: ({ body }) => {
        (async () => {
          for await (const chunk of body!) void chunk;
        })().catch(() => {});
        return undefined;
      },
    });
    expect(statusOf(await exchange(port, `POST / HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\nabc`))).toBe(408);
  });

  test.each(['whole', 'streamed'])('a client that does not read a %s answer loses its connection', async (kind) => {
    const bytes = Buffer.alloc(20_000_000);
    const { port, front, requests } = await startFront({
      stallMs: 50,
      handle: (_request, responder) => {
        const body = new FedBody().feed(bytes, 'end');
        if (kind === 'streamed') responder.respond(streamedAnswer(body));
        else responder.respond(storedAnswer(bytes.toString('latin1'), []));
        return undefined;
      },
    });
    const client = new RawClient(port);
    client.socket.pause();
    client.send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    await eventually(() => requests.length === 1);
    await new Promise<void>((resolve) => {
      const look = () => (front.connections() === 0 ? resolve() : setTimeout(look, 5));
      look();
    });
  });

  test('connections beyond the limit are closed at once', async () => {
    const { port, front } = await startFront({ limits: { maxConnections: 1 } });
    const first = new RawClient(port);
    await eventually(() => front.connections() === 1);
    expect(await new RawClient(port).untilClosed()).toBe('');
    expect(first.closed).toBe(false);
  });

  test('an idle connection is closed after its time', async () => {
    const { port } = await startFront({ limits: { keepAliveMs: 1 } });
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}\r\n`);
    expect(statusOf(await client.untilClosed())).toBe(200);
  });

  test('10 MB of head are refused without being kept', async () => {
    const { port } = await startFront();
    const client = new RawClient(port).send(`GET / HTTP/1.1\r\n${HEAD}`);
    client.send(`X: ${'a'.repeat(10_000_000)}`);
    await client.until((text) => text.includes('see: '));
    expect(statusOf(client.received)).toBe(431);
  });

  test('random bytes never stop the server', async () => {
    const { port } = await startFront();
    let seed = 1;
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed;
    };
    const valid = `POST /a HTTP/1.1\r\n${HEAD}Content-Length: 3\r\n\r\nabc${get('/b')}`;
    for (let round = 0; round < 100; round++) {
      const bytes = [...valid];
      for (let change = 0; change < 3; change++) bytes[random() % bytes.length] = String.fromCharCode(random() % 256);
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      socket.end(bytes.join(''), 'latin1');
      socket.resume();
      await new Promise((resolve) => socket.on('close', resolve));
    }
    expect(statusOf(await exchange(port, get('/')))).toBe(200);
  });
});

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
