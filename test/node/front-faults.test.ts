import { connect, Server } from 'node:net';
import { describe, expect, test, vi } from 'vitest';
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
} from './front-kit.ts';

const HEAD = 'Host: example.org\r\n';

test('a connection that cannot be accepted is a fault, and others are served', async () => {
  const listen = vi.spyOn(Server.prototype, 'listen');
  const { port, faults } = await startFront();
  const server = listen.mock.contexts[0] as Server;
  listen.mockRestore();
  const error = new Error('accept EMFILE');
  server.emit('error', error);
  expect(faults).toEqual([error]);
  expect(bodyText(await exchange(port, get('/')))).toBe('ok');
});

describe('what a client cannot do to others or to itself', () => {
  test('an upload that its client ends is told as cut short, not as malformed', async () => {
    const { port, refusals } = await startFront({
      handle: ({ body }) => {
        void body![Symbol.asyncIterator]().next();
        return undefined;
      },
    });
    const client = new RawClient(port).send(`POST / HTTP/1.1\r\n${HEAD}Content-Length: 9\r\n\r\nabc`);
    client.socket.end();
    await client.untilClosed();
    expect(refusals.map(({ reason }) => reason)).toEqual(['incomplete']);
  });

  test('an error after requests that are still being answered waits for them', async () => {
    const late: (() => void)[] = [];
    const { port } = await startFront({
      handle: ({ target }, responder) => {
        late.push(() => answerText(responder, target));
        return undefined;
      },
    });
    const client = new RawClient(port).send(
      `POST /1 HTTP/1.1\r\n${HEAD}Content-Length: 1\r\n\r\nxGET /2 HTTP/1.1\r\n${HEAD}\r\nrubbish\r\n\r\n`,
    );
    await eventually(() => late.length === 1);
    late[0]!();
    await eventually(() => late.length === 2);
    late[1]!();
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
      limits: { minAnswerRateWindowMs: 50 },
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

  test('connections beyond the limit are told so and closed', async () => {
    const { port, front } = await startFront({ limits: { maxConnections: 1 } });
    const first = new RawClient(port);
    await eventually(() => front.connections() === 1);
    expect(statusOf(await new RawClient(port).untilClosed())).toBe(429);
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
