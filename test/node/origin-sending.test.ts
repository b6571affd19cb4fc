// When an origin calls `beforeSending`, over real sockets: nothing of a write goes out before it is over.

import { afterEach, expect, test } from 'vitest';
import { TidegateError } from '../../src/errors.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import type { RequestBody } from '../../src/ports.ts';
import { quiet, type RawExchange, rawServer, start, until } from '../contract/origin-kit.ts';
import { manualTime } from './manual-time.ts';

const WHOLE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

const undo: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function bench(answer: (exchange: RawExchange) => void = ({ socket }) => socket.write(WHOLE), scheme = 'http') {
  const server = await rawServer(answer);
  const limits = { connectTimeoutMs: 50_000, headTimeoutMs: 10_000, bodyTimeoutMs: 10_000 };
  const queue = { max: 10, timeoutMs: 5_000 };
  const breaker = { failures: 0, openMs: 1_000 };
  const options = {
    name: 'shop',
    url: `${scheme}://127.0.0.1:${server.port}`,
    connections: 1,
    perClient: 1,
    queue,
    retries: 0,
    breaker,
    ...limits,
  };
  const time = manualTime();
  const origin = new NodeOrigin(options, time);
  undo.push(
    () => server.close(),
    () => origin.destroy(),
  );
  let told = 0;
  const unsent: unknown[] = [];
  const write = (body?: RequestBody, sending?: Promise<unknown>) => {
    const beforeSending = () => {
      told++;
      return sending;
    };
    return start(
      origin,
      { method: 'POST', retryable: false, body, beforeSending },
      { failed: (_, isUnsent) => unsent.push(isUnsent) },
    );
  };
  return { server, write, time, unsent, told: () => told };
}

/** Content that the test gives piece by piece. */
function content() {
  const given: PromiseWithResolvers<string | undefined>[] = [Promise.withResolvers()];
  async function* body() {
    for (let at = 0; ; at++) {
      const text = await (given[at] as PromiseWithResolvers<string | undefined>).promise;
      if (text === undefined) return;
      yield Buffer.from(text);
    }
  }
  const give = (text: string | undefined) => {
    const last = given.at(-1) as PromiseWithResolvers<string | undefined>;
    given.push(Promise.withResolvers());
    last.resolve(text);
  };
  return { body: body(), give, cut: (error: Error) => given.at(-1)?.reject(error) };
}

test('a write without content is told of once, before its head goes out', async () => {
  const { server, write, told } = await bench();
  const sending = Promise.withResolvers<void>();
  const { transcript } = write(undefined, sending.promise);
  expect(told()).toBe(1);
  await quiet();
  expect(server.received).toEqual([]);
  sending.resolve();
  await transcript.over;
  expect(transcript.events).toEqual(['head 200', 'data', 'end']);
  expect(told()).toBe(1);
});

test('while its content has not begun it is not told of, and nothing goes out', async () => {
  const { server, write, told } = await bench();
  const upload = content();
  const { transcript } = write(upload.body);
  await quiet();
  expect({ told: told(), received: server.received }).toEqual({ told: 0, received: [] });
  upload.give('ab');
  await until(() => server.received[0]?.includes('ab') === true);
  expect(told()).toBe(1);
  upload.give('cd');
  upload.give(undefined);
  await until(() => server.received[0]?.endsWith('0\r\n\r\n') === true);
  expect(server.received[0]?.split('\r\n\r\n').slice(1).join()).toBe('2\r\nab\r\n2\r\ncd\r\n0,');
  await transcript.over;
});

test('content that is empty goes out as such', async () => {
  const { write, told } = await bench();
  const upload = content();
  const { transcript } = write(upload.body);
  upload.give(undefined);
  await transcript.over;
  expect({ told: told(), events: transcript.events }).toEqual({ told: 1, events: ['head 200', 'data', 'end'] });
});

test('content that breaks off before it began: not told of, not sent', async () => {
  const { server, write, told } = await bench();
  const upload = content();
  const { transcript } = write(upload.body);
  upload.cut(new TidegateError('E_ABANDONED', 'the client left'));
  await transcript.over;
  expect({ told: told(), received: server.received }).toEqual({ told: 0, received: [] });
  expect(transcript.events).toEqual(['failed E_ABANDONED']);
});

test('an error of beforeSending is that of the write, which is not sent', async () => {
  const { server, write } = await bench();
  const { transcript } = write(undefined, Promise.reject(new TidegateError('E_LOG', 'no log')));
  await transcript.over;
  await quiet();
  expect({ events: transcript.events, received: server.received }).toEqual({ events: ['failed E_LOG'], received: [] });
});

test('content that has begun is let go of when the write is not sent', async () => {
  const { write } = await bench();
  let left = false;
  async function* body() {
    try {
      yield Buffer.from('ab');
    } finally {
      left = true;
    }
  }
  const { transcript } = write(body(), Promise.reject(new TidegateError('E_OVERLOAD', 'no room')));
  await transcript.over;
  await until(() => left);
});

test('a write is not told of while it waits for a connection', async () => {
  const held: RawExchange[] = [];
  const { write, told } = await bench((exchange) => held.push(exchange));
  write();
  await until(() => held.length === 1);
  const { transcript } = write();
  await quiet();
  expect(told()).toBe(1);
  held[0]?.socket.write(WHOLE);
  await until(() => held.length === 2);
  expect(told()).toBe(2);
  held[1]?.socket.write(WHOLE);
  await transcript.over;
});

test.each([
  ['before the connection is there', true, 'https'],
  ['after its head went out', false, 'http'],
])('a time limit that ends %s tells so', async (_, isUnsent, scheme) => {
  const { server, write, time, unsent } = await bench(() => {}, scheme);
  const { transcript } = write();
  await until(() => (isUnsent ? server.sockets.length > 0 : server.heads.length > 0));
  await quiet();
  time.advance(10_001);
  await transcript.over;
  expect({ events: transcript.events, unsent }).toEqual({ events: ['failed E_ORIGIN_TIMEOUT'], unsent: [isUnsent] });
});

test('one that is given up before it was sent stays so', async () => {
  const { server, write } = await bench();
  const sending = Promise.withResolvers<void>();
  const { forward } = write(undefined, sending.promise);
  forward.abort();
  sending.resolve();
  await quiet();
  expect(server.received).toEqual([]);
});
