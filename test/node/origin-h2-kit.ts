// Origins that speak HTTP/2: one of node:http2, and one of bare frames.

import { createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo, Server } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { onTestFinished } from 'vitest';
import { platformClock, platformTasks } from '../../src/cache/platform.ts';
import { NodeOrigin } from '../../src/node/origin/origin.ts';
import type { OriginOptions } from '../../src/node/origin/origin-wire.ts';
import { makeCertificate } from '../kit/make-certificate.ts';
import { fieldBlock, frameBytes, HEADERS, readFrames, SETTINGS } from './h2-kit.ts';

/** The certificate of all of them, for localhost. */
export const pem = await makeCertificate('localhost');

/** The URL of a server that listens until the test ends. */
export async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

/** An origin that trusts the certificate. */
export function originAt(url: string, options: Partial<OriginOptions> = {}): NodeOrigin {
  const origin = new NodeOrigin(
    {
      name: 'shop',
      url,
      connections: 4,
      perClient: 0.5,
      queue: { max: 1_000, timeoutMs: 5_000 },
      connectTimeoutMs: 5_000,
      headTimeoutMs: 5_000,
      bodyTimeoutMs: 5_000,
      retries: 0,
      breaker: { failures: 0, openMs: 1_000 },
      ca: pem.cert,
      ...options,
    },
    { clock: platformClock, tasks: platformTasks },
  );
  onTestFinished(() => origin.destroy());
  return origin;
}

type Answerer = (stream: ServerHttp2Stream, headers: Readonly<Record<string, unknown>>) => void;

export interface H2Server {
  readonly url: string;
  readonly server: Http2SecureServer;
  readonly connections: () => number;
}

/** An origin of node:http2 that also speaks HTTP/1.1. */
export async function h2Server(answer: Answerer): Promise<H2Server> {
  const server = createSecureServer({ ...pem, allowHTTP1: true, maxSessionMemory: 1_000 });
  let connections = 0;
  server.on('secureConnection', () => connections++);
  server.on('stream', (stream, headers) => {
    stream.on('error', () => stream.destroy());
    answer(stream as ServerHttp2Stream, headers);
  });
  return { url: await listening(server), server, connections: () => connections };
}

/** An origin of frames; `answer` is called for each HEADERS. */
export async function frameServer(answer: (socket: TLSSocket, stream: number) => void): Promise<string> {
  const server = createTlsServer({ ...pem, ALPNProtocols: ['h2'] }, (socket) => {
    let rest = Buffer.alloc(0);
    let greeted = false;
    socket.on('error', () => socket.destroy());
    socket.write(frameBytes(SETTINGS, 0, [0]));
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      if (!greeted) {
        if (rest.length < PREFACE_BYTES) return;
        rest = rest.subarray(PREFACE_BYTES);
        greeted = true;
      }
      rest = Buffer.from(
        readFrames(rest, ({ type, flags, stream }) => {
          if (type === SETTINGS && flags === 0) socket.write(frameBytes(SETTINGS, 1, [0]));
          if (type === HEADERS) answer(socket, stream);
        }),
      );
    });
    onTestFinished(() => void socket.destroy());
  });
  return listening(server);
}

const PREFACE_BYTES = 24;
export const OK = fieldBlock([':status', '200']);
