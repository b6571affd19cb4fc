// Connections before and after their time: TLS on several at once, and what a client leaves behind.

import { connect, createServer, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { Arrivals } from '../../src/node/front/connection/arrival.ts';
import { Certificates } from '../../src/node/front/connection/certificates.ts';
import { ClientConnection } from '../../src/node/front/connection/connections.ts';
import { LINGER_MS } from '../../src/node/front/http1/upload.ts';
import { answerRoom } from '../../src/node/front/min-rate.ts';
import { certificateFiles } from '../kit/certificates.ts';
import { eventually, FedBody, LIMITS, RawClient, startFront, storedAnswer, streamedAnswer } from './front-kit.ts';
import { DATA, FrameClient, GOAWAY, HEADERS, SETTINGS, startTlsFront } from './h2-kit.ts';

/** SETTINGS_INITIAL_WINDOW_SIZE: no bytes. */
const NO_WINDOW = Buffer.of(0, 4, 0, 0, 0, 0);

describe('a client of HTTP/2 that ends its half of the connection', () => {
  test.each(['stored', 'streamed'])('while a %s body is held by flow control: the connection is over', async (kind) => {
    const body = new FedBody().feed('x'.repeat(1_000), 'end');
    const front = await startTlsFront({
      handle: (_request, responder) =>
        void responder.respond(kind === 'stored' ? storedAnswer('held', []) : streamedAnswer(body)),
    });
    const client = new FrameClient(front);
    client.send(SETTINGS, 0, [0, NO_WINDOW]).get(1);
    await client.frame(({ type }) => type === HEADERS);
    expect(client.frames.some(({ type, payload }) => type === DATA && payload.length > 0)).toBe(false);
    client.socket.end();
    await eventually(() => front.front.connections() === 0);
  });
});

test('a client of HTTP/2 that keeps its half open after the GOAWAY of an idle connection loses it', async () => {
  const front = await startTlsFront({ limits: { headTimeoutMs: 2_000, keepAliveMs: 200 } });
  const client = new FrameClient(front, { allowHalfOpen: true });
  await new Promise((resolve) => client.socket.once('end', resolve));
  expect(client.frames.map(({ type }) => type)).toContain(GOAWAY);
  expect(front.front.connections()).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, LINGER_MS));
  await eventually(() => front.front.connections() === 0);
});

test('one client address and port, connected to two of ours, are two connections', async () => {
  const { pem, ...files } = await certificateFiles();
  const certificates = new Certificates({
    files: [files],
    minVersion: 'TLSv1.2',
    renewed() {},
    failed(error) {
      throw error;
    },
  });
  onTestFinished(() => certificates.close());
  const secured: (readonly [number | undefined, number | undefined])[] = [];
  const note = ({ socket, connection }: ClientConnection) =>
    void secured.push([socket.localPort, connection.localPort]);
  const tls = { certificates, http2: true, minVersion: 'TLSv1.2' } as const;
  const listener = new Arrivals({ proxyProtocol: false, tls }, 5_000, { http1: note, http2: note, lost() {} });
  let accepted = 0;
  const listen = async () => {
    const server = createServer((connection) => {
      accepted++;
      onTestFinished(() => void connection.destroy());
      listener.accept(new ClientConnection(connection, { answers: answerRoom(LIMITS) } as never));
    });
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as { port: number }).port;
  };
  const ports = [await listen(), await listen()] as const;
  const first = await connectedTo(ports[0]);
  const second = await connectedTo(ports[1], first.localPort);
  await eventually(() => accepted === 2);
  for (const socket of [first, second]) {
    tlsConnect({ socket, ca: pem.cert, servername: 'localhost' }).on('error', () => socket.destroy());
  }
  await eventually(() => secured.length === 2);
  expect(secured.toSorted()).toEqual(ports.map((port) => [port, port]).toSorted());
});

describe('connections beyond the limit', () => {
  test.each([
    ['where TLS is spoken', false, true],
    ['where a PROXY header comes first', true, false],
    ['where both are', true, true],
  ])('%s: closed without a byte, and told of', async (_name, proxyProtocol, tls) => {
    const limits = { maxConnections: 1 };
    const arrival = { proxyProtocol, tls: undefined };
    const front = tls ? await startTlsFront({ limits, proxyProtocol }) : await startFront({ limits, arrival });
    await connectedTo(front.port);
    await eventually(() => front.front.connections() === 1);
    expect(await new RawClient(front.port).untilClosed()).toBe('');
    expect(front.refusals).toMatchObject([{ reason: 'connections', peer: '127.0.0.1' }]);
    expect(front.front.connections()).toBe(1);
  });
});

async function connectedTo(port: number, localPort?: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.1', ...(localPort && { localPort }) });
  onTestFinished(() => void socket.destroy());
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => socket.destroy());
  return socket;
}
