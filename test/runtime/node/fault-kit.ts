// A gate in this process between a client and an origin that are both free to misbehave.

import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { EntrySummary } from '../../../src/engine/contract.ts';
import { resolveConfig } from '../../../src/node/config/config.ts';
import type { TidegateConfig } from '../../../src/node/config/config-types.ts';
import type { RunningGate } from '../../../src/node/running-gate.ts';
import { startGate } from '../../../src/node/serve.ts';
import { portOf } from './kit.ts';

export interface RawOrigin {
  readonly url: string;
  readonly port: number;
  /** Request heads so far, over all connections. */
  readonly requests: string[];
  readonly sockets: Set<Socket>;
}

type Answer = (socket: Socket, request: string) => void;

/** An origin of bytes: `answer` is called for each request head. */
export async function rawOrigin(answer: Answer, port = 0): Promise<RawOrigin> {
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    let received = '';
    socket.setEncoding('latin1');
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (text: string) => {
      received += text;
      for (let end = received.indexOf('\r\n\r\n'); end >= 0; end = received.indexOf('\r\n\r\n')) {
        const request = received.slice(0, end);
        received = received.slice(end + 4);
        requests.push(request);
        answer(socket, request);
      }
    });
  });
  await listening(server, port);
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, port: portOf(server), requests, sockets };
}

/** An origin that keeps to HTTP. */
export async function httpOrigin(listener: RequestListener, port = 0): Promise<{ url: string; server: HttpServer }> {
  const server = createHttpServer(listener);
  await listening(server, port);
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, server };
}

function listening(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
}

export interface GateInFront extends RunningGate {
  readonly port: number;
  entries(): Promise<readonly EntrySummary[]>;
}

/** A gate in front of the origin; closed when the test ends. */
export async function gateBefore(originUrl: string, more: Partial<TidegateConfig> = {}): Promise<GateInFront> {
  const config = resolveConfig({
    listen: { port: 0 },
    admin: { port: 0 },
    log: { level: 'silent' },
    origins: { origin: { url: originUrl } },
    ...more,
  });
  const running = await startGate(config);
  onTestFinished(() => running.close({ grace: 0 }));
  const entries = async () => (await running.gate.list({})).entries;
  return Object.assign(running, { port: Number(new URL(running.url).port), entries });
}
