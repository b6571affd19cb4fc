// Time limits, retries, the circuit breaker and closing, on injected time: nothing here waits for a clock.

import { afterEach, describe, expect, test } from 'vitest';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import type { OriginOptions } from '../../src/node/origin/origin-wire.ts';
import {
  fetchAll,
  quiet,
  type RawExchange,
  type RawServer,
  rawServer,
  start,
  textOf,
  until,
} from '../contract/origin-kit.ts';
import { type ManualTime, manualTime } from './manual-time.ts';

const OK = 'HTTP/1.1 200 OK\r\n';
const WHOLE = `${OK}Content-Length: 2\r\n\r\nok`;

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

interface Bench {
  readonly origin: NodeOrigin;
  readonly server: RawServer;
  readonly time: ManualTime;
}

async function bench(answer: (exchange: RawExchange) => void, changes: Partial<OriginOptions> = {}): Promise<Bench> {
  const server = await rawServer(answer);
  const time = manualTime();
  const origin = new NodeOrigin(
    {
      name: 'shop',
      url: server.url,
      connections: 4,
      perClient: 0.5,
      queue: { max: 1_000, timeoutMs: 5_000 },
      connectTimeoutMs: 5000,
      headTimeoutMs: 100,
      bodyTimeoutMs: 50,
      retries: 1,
      breaker: { failures: 2, openMs: 1000 },
      ...changes,
    },
    time,
  );
  undo.push(
    () => server.close(),
    () => origin.destroy(),
  );
  return { origin, server, time };
}

describe('time limits', () => {
  test.each([
    ['no byte of a head', ''],
    ['half a head', `${OK}X-A: b`],
  ])('%s in time', async (_what, bytes) => {
    const { origin, server, time } = await bench(({ socket }) => socket.write(bytes));
    const { transcript } = start(origin, {});
    await until(() => server.heads.length === 1);
    await quiet();
    time.advance(99);
    expect(transcript.events).toEqual([]);
    time.advance(1);
    expect(transcript.events).toEqual(['failed E_ORIGIN_TIMEOUT']);
    expect(transcript.error?.message).toBe('origin shop: expected a response head within 100 ms, got none');
    await until(() => server.sockets[0]?.closed === true);
    expect(time.pending()).toBe(0);
    expect(server.heads.length).toBe(1);
  });

  test('an interim response is progress', async () => {
    const { origin, server, time } = await bench(() => {});
    const { transcript } = start(origin, {});
    await until(() => server.heads.length === 1);
    time.advance(90);
    server.sockets[0]?.write('HTTP/1.1 102 Processing\r\n\r\n');
    await until(() => transcript.events.length === 1);
    time.advance(90);
    expect(transcript.events).toEqual(['interim 102']);
    time.advance(10);
    expect(transcript.events).toEqual(['interim 102', 'failed E_ORIGIN_TIMEOUT']);
  });

  test('content that stops; each piece is progress', async () => {
    const { origin, server, time } = await bench(({ socket }) => socket.write(`${OK}Content-Length: 9\r\n\r\nabc`));
    const { transcript } = start(origin, {});
    await until(() => transcript.chunks.length === 1);
    time.advance(40);
    server.sockets[0]?.write('def');
    await until(() => transcript.chunks.length === 2);
    time.advance(49);
    expect(transcript.events).toEqual(['head 200', 'data']);
    time.advance(1);
    expect(transcript.events).toEqual(['head 200', 'data', 'failed E_ORIGIN_TIMEOUT']);
    expect(transcript.error?.message).toBe('origin shop: expected more of the response within 50 ms, got none');
  });

  test('time in which we do not read does not count', async () => {
    const { origin, time } = await bench(({ socket }) => socket.write(`${OK}Content-Length: 9\r\n\r\nabc`));
    const { forward, transcript } = start(origin, {}, { head: () => forward.pause() });
    await until(() => transcript.head !== undefined);
    time.advance(1000);
    forward.resume();
    await until(() => transcript.chunks.length === 1);
    time.advance(49);
    expect(transcript.error).toBeUndefined();
    time.advance(1);
    expect(transcript.error?.code).toBe('E_ORIGIN_TIMEOUT');
  });

  test('time in which the client does not send its content does not count', async () => {
    const { origin, server, time } = await bench(() => {});
    const { promise, resolve } = Promise.withResolvers<void>();
    async function* slow() {
      yield Buffer.from('abc');
      await promise;
    }
    const { transcript } = start(origin, { method: 'PUT', body: slow(), retryable: false });
    await until(() => server.received[0]?.includes('abc') === true);
    time.advance(1000);
    expect(transcript.events).toEqual([]);
    resolve();
    await until(() => server.received[0]?.endsWith('0\r\n\r\n') === true);
    time.advance(100);
    expect(transcript.events).toEqual(['failed E_ORIGIN_TIMEOUT']);
  });

  test('a queued request gives up without harm to the connection, and without blame to the origin', async () => {
    const queue = { max: 10, timeoutMs: 100 };
    const changes = { connections: 1, bodyTimeoutMs: 500, breaker: { failures: 1, openMs: 1000 }, queue };
    const { origin, server, time } = await bench(({ socket, request }) => {
      socket.write(request === 0 ? `${OK}Content-Length: 2\r\n\r\n` : WHOLE);
    }, changes);
    const first = start(origin, {}).transcript;
    await until(() => first.head !== undefined);
    const queued = start(origin, {}).transcript;
    const leaving = start(origin, {});
    leaving.forward.abort();
    time.advance(100);
    await quiet();
    expect(queued.error?.code).toBe('E_ORIGIN_BUSY');
    expect(queued.error?.message).toBe('origin shop: expected a free connection, got none within 100 ms');
    server.sockets[0]?.write('ok');
    await first.over;
    expect(textOf(await fetchAll(origin))).toBe('ok');
    expect(leaving.transcript.events).toEqual([]);
    expect(server.sockets.length).toBe(1);
    expect(server.heads.length).toBe(2);
    expect(server.sockets[0]?.closed).toBe(false);
    // None of the three is counted any more.
    await origin.close();
  });

  test('a connection that is not ready in time', async () => {
    const silent = await rawServer(() => {});
    undo.push(() => silent.close());
    const url = `https://127.0.0.1:${silent.port}`;
    const { origin, time } = await bench(() => {}, { url, connectTimeoutMs: 20 });
    const { transcript } = start(origin, {});
    await until(() => silent.sockets.length === 1);
    time.advance(20);
    await transcript.over;
    expect(transcript.events).toEqual(['failed E_ORIGIN_CONNECT']);
    expect(transcript.error?.message).toContain(`a connection to 127.0.0.1:${silent.port}, got none within 20 ms`);
    await until(() => silent.sockets[0]?.closed === true);
    expect(time.pending()).toBe(0);
  });
});

describe('retries', () => {
  /** Answers the first request of each kept connection, and drops the connection at the next. */
  function dropsReused(): (exchange: RawExchange) => void {
    const used = new Set<number>();
    return ({ socket, connection }) => {
      if (used.has(connection)) socket.destroy();
      else socket.write(WHOLE);
      used.add(connection);
    };
  }

  test('a safe request goes to a fresh connection, past other dead ones', async () => {
    const { origin, server } = await bench(dropsReused());
    await Promise.all([fetchAll(origin), fetchAll(origin), fetchAll(origin)]);
    await quiet();
    expect(server.sockets.length).toBe(3);
    const answer = await fetchAll(origin, { target: '/again' });
    expect(answer.events).toEqual(['head 200', 'data', 'end']);
    expect(server.heads.slice(3).map((head) => head.split(' ')[1])).toEqual(['/again', '/again']);
    expect(server.sockets.length).toBe(4);
    expect(server.heads[4]).toContain('connection: close\r\n');
  });

  test.each([0, 1, 2])('%i retries are that many more sendings', async (retries) => {
    const { origin, server } = await bench(({ socket }) => socket.destroy(), { retries });
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_RESET']);
    await quiet();
    expect(server.heads.length).toBe(1 + retries);
    expect(server.sockets.length).toBe(1 + retries);
  });

  test.each([
    ['is not retryable', { method: 'DELETE', retryable: false }],
    ['has content, whatever it says', { method: 'GET', retryable: true, body: (async function* () {})() }],
  ])('a request that %s is sent once', async (_what, request) => {
    const { origin, server } = await bench(({ socket }) => socket.destroy());
    expect((await fetchAll(origin, request)).events).toEqual(['failed E_ORIGIN_RESET']);
    await quiet();
    expect(server.heads.length).toBe(1);
  });

  test('nothing is sent again once a byte of an answer has come', async () => {
    const { origin, server } = await bench(({ socket }) => socket.end('HTTP/1.1 2'));
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_RESET']);
    await quiet();
    expect(server.heads.length).toBe(1);
  });
});

describe('the circuit breaker', () => {
  test('opens when the origin cannot be reached, lets one probe through, closes when that is answered', async () => {
    let silent = true;
    const { origin, server, time } = await bench(({ socket }) => {
      if (!silent) socket.write(WHOLE);
    });
    for (const sent of [1, 2]) {
      const { transcript } = start(origin, {});
      await until(() => server.heads.length === sent);
      time.advance(100);
      expect(transcript.error?.code).toBe('E_ORIGIN_TIMEOUT');
    }
    const refused = await fetchAll(origin);
    expect(refused.events).toEqual(['failed E_ORIGIN_OPEN']);
    expect(refused.error?.retryAfterMs).toBe(1000);
    silent = false;
    time.advance(1000);
    const probe = start(origin, {}).transcript;
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_OPEN']);
    await probe.over;
    expect(probe.events).toEqual(['head 200', 'data', 'end']);
    expect((await fetchAll(origin)).events).toEqual(['head 200', 'data', 'end']);
    expect(server.heads.length).toBe(4);
  });

  test('an abandoned probe leaves room for the next', async () => {
    const { origin, server, time } = await bench(({ socket }) => socket.write(WHOLE));
    const address = server.url;
    await server.close();
    undo.shift();
    await fetchAll(origin);
    await fetchAll(origin);
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_OPEN']);
    time.advance(1000);
    start(origin, {}).forward.abort();
    const answer = await fetchAll(origin);
    expect(answer.events).toEqual(['failed E_ORIGIN_CONNECT']);
    expect(answer.error?.message).toContain(`expected a connection to ${address.slice('http://'.length)}, got `);
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_OPEN']);
  });

  test('an error status is an answer', async () => {
    const { origin } = await bench(({ socket }) => socket.write('HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n'));
    for (let n = 0; n < 5; n++) expect((await fetchAll(origin)).events).toEqual(['head 503', 'end']);
  });
});

describe('the end', () => {
  test('close finishes what runs, takes nothing new, and leaves no connection', async () => {
    const { origin, server } = await bench(({ socket }) => socket.write(`${OK}Content-Length: 2\r\n\r\n`));
    const { transcript } = start(origin, {});
    await until(() => transcript.head !== undefined);
    expect(server.sockets.length).toBe(1);
    const closed = origin.close();
    expect((await fetchAll(origin)).events).toEqual(['failed E_ORIGIN_CONNECT']);
    server.sockets[0]?.write('ok');
    await closed;
    await until(() => server.sockets.every(({ closed }) => closed));
    expect(transcript.events).toEqual(['head 200', 'data', 'end']);
  });

  test('destroy ends what runs', async () => {
    const { origin, server } = await bench(({ socket }) => socket.write(`${OK}Content-Length: 2\r\n\r\n`), {
      connections: 1,
    });
    const running = start(origin, {}).transcript;
    const queued = start(origin, {}).transcript;
    await until(() => running.head !== undefined);
    await origin.destroy();
    expect(running.events).toEqual(['head 200', 'failed E_ORIGIN_RESET']);
    expect(queued.events).toEqual(['failed E_ORIGIN_RESET']);
    await until(() => server.sockets.every(({ closed }) => closed));
    expect(server.heads.length).toBe(1);
  });
});
