// TLS to clients: HTTP/1.1 on it, what the two ends agree on, limits, and the end of it all.

import { request as httpsRequest } from 'node:https';
import { connect as netConnect } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import type { LostArrival } from '../../src/node/front/connection/arrival.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import type { Responder } from '../../src/ports.ts';
import { answerText, bodyText, eventually, FedBody, get, statusOf, storedAnswer, streamedAnswer } from './front-kit.ts';
import { ask, h2Client, startTlsFront, type TlsFront } from './h2-kit.ts';

describe('HTTP/1.1 over TLS', () => {
  test('hits are answered in their order on one connection, and the URI says https', async () => {
    const uris: string[] = [];
    const front = await startTlsFront({
      atOnce: ({ uri }) => {
        uris.push(uri);
        return storedAnswer(`<${uri.slice(-2)}>`, []) as never;
      },
    });
    const socket = tlsTo(front);
    socket.write('GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\nGET /2 HTTP/1.1\r\nHost: localhost:443\r\n\r\n');
    let received = '';
    socket.on('data', (text: string) => {
      received += text;
    });
    await eventually(() => received.includes('</2>'));
    expect(received.indexOf('</1>')).toBeLessThan(received.indexOf('</2>'));
    expect(uris).toEqual(['https://localhost/1', 'https://localhost/2']);
    expect(front.requests).toEqual([]);
    expect(front.ends).toMatchObject([{ peer: '127.0.0.1' }, { peer: '127.0.0.1' }]);
  });

  test('a miss, then a hit, then a request with content: what is lent is TLS all along', async () => {
    let stored = false;
    const front = await startTlsFront({
      atOnce: () => (stored ? (storedAnswer('<kept>', []) as never) : undefined),
      handle(request, responder) {
        stored = true;
        if (request.body === undefined) return answerText(responder, '<made>');
        void (async () => {
          let text = '';
          for await (const chunk of request.body!) text += Buffer.from(chunk).toString();
          answerText(responder, `<took ${text}>`);
        })();
        return undefined;
      },
    });
    const socket = tlsTo(front);
    const one = 'GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n';
    socket.write(
      `${one}${one}POST /1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntide`,
    );
    const received = await readAll(socket);
    expect(received.match(/<[^>]+>/g)).toEqual(['<made>', '<kept>', '<took tide>']);
    const proto = ({ fields }: { readonly fields: readonly string[] }) =>
      fields[fields.indexOf('x-forwarded-proto') + 1];
    expect(front.requests.map(proto)).toEqual(['https', 'https']);
  });

  test('a large body goes no faster than its client reads', async () => {
    const body = new FedBody().feed(...Array.from({ length: 100 }, () => Buffer.alloc(100_000)), 'end');
    const front = await startTlsFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const socket = tlsTo(front);
    socket.pause();
    socket.write(get('/'));
    await eventually(() => body.reads > 3);
    for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(body.reads).toBeLessThan(90);
    expect((await readAll(socket)).length).toBeGreaterThan(10_000_000);
  });

  test('a body that breaks off is visibly cut', async () => {
    const body = new FedBody().feed('part', 'failed');
    const front = await startTlsFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(body)),
    });
    const received = await readAll(tlsTo(front, get('/')));
    expect(received).toContain('part');
    expect(received.endsWith('0\r\n\r\n')).toBe(false);
  });

  test('a body that breaks off is a reset to HTTP/1.0, which knows no end but that of the connection', async () => {
    const front = await startTlsFront({
      handle: (_request, responder) => void responder.respond(streamedAnswer(new FedBody().feed('part', 'failed'))),
    });
    const cut = tlsTo(front, 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n');
    let failure: unknown;
    let ended = false;
    cut.on('error', (error) => {
      failure = error;
    });
    cut.on('end', () => {
      ended = true;
    });
    await readAll(cut);
    expect({ failure, ended }).toMatchObject({ failure: { code: 'ECONNRESET' }, ended: false });
    expect(front.faults).toEqual([]);
    expect(statusOf(await readAll(tlsTo(front, get('/'))))).toBe(200);
  });

  test.each([true, false])('a client that offers HTTP/1.0 alone is answered, with HTTP/2 %s', async (http2) => {
    const front = await startTlsFront({ http2 });
    const socket = tlsTo(front, 'GET / HTTP/1.0\r\nHost: localhost\r\n\r\n', { ALPNProtocols: ['http/1.0'] });
    expect(statusOf(await readAll(socket))).toBe(200);
  });

  test.each([
    ['http:', 421],
    ['https:', 200],
  ])('an absolute target with %s is a %i', async (scheme, status) => {
    const front = await startTlsFront();
    const text = `GET ${scheme}//localhost/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    expect(statusOf(await readAll(tlsTo(front, text)))).toBe(status);
  });

  test('node:https', async () => {
    const front = await startTlsFront({ handle: (_request, responder) => answerText(responder, 'hi') });
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { port: front.port, host: 'localhost', ca: front.ca, agent: false };
      const asked = httpsRequest(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      });
      asked.on('error', reject).end();
    });
    expect(answer).toBe('hi');
  });
});

describe('what the two ends agree on', () => {
  test.each([
    [undefined, true, false],
    [['http/1.1'], true, 'http/1.1'],
    [['h2', 'http/1.1'], true, 'h2'],
    [['http/1.1', 'h2'], true, 'h2'],
    [['h2', 'http/1.1'], false, 'http/1.1'],
  ])('offered %j, HTTP/2 %s: %s', async (ALPNProtocols, http2, agreed) => {
    const front = await startTlsFront({ http2 });
    const socket = tlsTo(front, '', { ...(ALPNProtocols && { ALPNProtocols: [...ALPNProtocols] }) });
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    expect(socket.alpnProtocol).toBe(agreed);
  });

  test('nothing in common, an old TLS, and no TLS at all: no connection, and it is told of', async () => {
    const lost: LostArrival[] = [];
    const front = await startTlsFront({ lost: (report) => lost.push(report) });
    for (const options of [{ ALPNProtocols: ['h3'] }, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } as const]) {
      const socket = tlsTo(front, '', options);
      await new Promise((resolve) => socket.once('close', resolve));
    }
    const plain = netConnect(front.port, '127.0.0.1');
    plain.on('error', () => plain.destroy());
    plain.write(get('/'));
    await new Promise((resolve) => plain.once('close', resolve));
    await eventually(() => lost.length === 3 && front.front.connections() === 0);
    expect(lost).toMatchObject([
      { reason: 'tls', peer: '127.0.0.1', got: expect.stringContaining('no application protocol') },
      { reason: 'tls', peer: '127.0.0.1', got: expect.stringContaining('SSL routines') },
      { reason: 'tls', peer: '127.0.0.1', got: expect.stringContaining('http request') },
    ]);
    expect((await ask(await h2Client(front), { ':path': '/' })).status).toBe(200);
  });

  test('a client that never finishes its handshake is dropped after the time for a head', async () => {
    const front = await startTlsFront({ limits: { headTimeoutMs: 50 } });
    const plain = netConnect(front.port, '127.0.0.1');
    plain.on('error', () => plain.destroy());
    plain.write(Buffer.of(0x16, 3, 1));
    await new Promise((resolve) => plain.once('close', resolve));
    await eventually(() => front.front.connections() === 0);
  });

  test('connections beyond the limit are closed, whatever is spoken on them', async () => {
    const front = await startTlsFront({ limits: { maxConnections: 1 } });
    const session = await h2Client(front);
    const further = tlsTo(front);
    await new Promise((resolve) => further.once('close', resolve));
    expect(front.refusals).toMatchObject([{ reason: 'connections' }]);
    expect((await ask(session, { ':path': '/' })).status).toBe(200);
    session.destroy();
    await eventually(() => front.front.connections() === 0);
    expect(bodyText(await readAll(tlsTo(front, get('/'))))).toBe('ok');
  });
});

describe('closing', () => {
  test('lets what is under way finish, on HTTP/1.1 and HTTP/2, and ends what is idle', async () => {
    const waiting: Responder[] = [];
    const front = await startTlsFront({ handle: (_request, responder) => void waiting.push(responder) });
    const session = await h2Client(front);
    const idle = await h2Client(front);
    const handshaking = netConnect(front.port, '127.0.0.1');
    handshaking.on('error', () => handshaking.destroy());
    const two = ask(session, { ':path': '/2' });
    const one = readAll(tlsTo(front, 'GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n'));
    await eventually(() => waiting.length === 2 && front.front.connections() === 4);
    const goneAway = new Promise((resolve) => session.once('goaway', resolve));
    let closed = false;
    const closing = front.front.close({ graceMs: 5_000 }).then(() => {
      closed = true;
    });
    await goneAway;
    await eventually(() => idle.destroyed);
    expect(closed).toBe(false);
    for (const responder of waiting) answerText(responder, 'last');
    expect([(await two).body.toString(), bodyText(await one)]).toEqual(['last', 'last']);
    await closing;
  });

  test('cuts off what is left after its time', async () => {
    const front = await startTlsFront({ handle: () => undefined });
    const session = await h2Client(front);
    const answer = ask(session, { ':path': '/' });
    await eventually(() => front.requests.length === 1);
    await front.front.close({ graceMs: 50 });
    expect((await answer).status).toBe(0);
    await eventually(() => front.ends.length === 1);
    expect(front.ends).toMatchObject([{ complete: false }]);
  });
});

test('one gate before another, in HTTP/2', async () => {
  const front = await startTlsFront({ handle: (_request, responder) => answerText(responder, 'inner') });
  const origin = new NodeOrigin(
    {
      name: 'inner',
      url: `https://localhost:${front.port}`,
      connections: 1,
      perClient: 0.5,
      queue: { max: 1_000, timeoutMs: 5_000 },
      connectTimeoutMs: 5_000,
      headTimeoutMs: 5_000,
      bodyTimeoutMs: 5_000,
      retries: 0,
      breaker: { failures: 5, openMs: 1_000 },
      ca: front.ca,
    },
    { clock: platformClock, tasks: platformTasks },
  );
  onTestFinished(() => origin.destroy());
  const request = { method: 'GET', target: '/', fields: ['host', 'localhost'], body: undefined, retryable: true };
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    origin.forward(request, {
      interim() {},
      head() {},
      data: (chunk) => {
        received += Buffer.from(chunk).toString();
      },
      end: () => resolve(received),
      failed: reject,
    });
  });
  expect(text).toBe('inner');
  expect(front.requests[0]?.fields).toContain('2 tidegate');
});

function tlsTo(front: TlsFront, text = '', options: object = {}): TLSSocket {
  const socket = connect({ port: front.port, host: '127.0.0.1', servername: 'localhost', ca: front.ca, ...options });
  socket.setEncoding('latin1');
  socket.on('error', () => socket.destroy());
  onTestFinished(() => void socket.destroy());
  if (text !== '') socket.write(text, 'latin1');
  return socket;
}

function readAll(socket: TLSSocket): Promise<string> {
  let received = '';
  socket.on('data', (text: string) => {
    received += text;
  });
  socket.resume();
  return new Promise((resolve) => socket.once('close', () => resolve(received)));
}
