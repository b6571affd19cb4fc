// What passes a gate besides requests and whole answers: WebSocket, interim responses, trailers, other gates.

import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { createRequire } from 'node:module';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { gateBefore, httpOrigin } from './fault-kit.ts';
import { freePort, installServers, portOf, serversFile, until } from './kit.ts';

interface WebSocketOrigin {
  readonly clients: Set<unknown>;
  on(event: 'connection', listener: (socket: EchoedSocket, request: IncomingMessage) => void): void;
  on(event: 'listening', listener: () => void): void;
  address(): unknown;
  close(): void;
}
interface EchoedSocket {
  on(event: 'message', listener: (data: Buffer, isBinary: boolean) => void): void;
  send(data: Buffer, options: { readonly binary: boolean }): void;
  close(code: number, reason: string): void;
  terminate(): void;
}
type WebSocketModule = { WebSocketServer: new (options: object) => WebSocketOrigin };

describe('WebSocket', { timeout: 30_000 }, () => {
  let unavailable: string | undefined;

  beforeAll(async () => {
    unavailable = await installServers();
  }, 150_000);

  test('messages pass both ways, and either side closes', async (context) => {
    context.skip(unavailable !== undefined, unavailable);
    const { url, sockets } = await echoOrigin();
    const gate = await gateBefore(url, { routes: [{ upgrade: true }] });
    const client = new WebSocket(`ws://127.0.0.1:${gate.port}/chat?room=1`, 'tide');
    client.binaryType = 'arraybuffer';
    const messages: unknown[] = [];
    let closed: CloseEvent | undefined;
    client.addEventListener('message', ({ data }) => messages.push(data));
    client.addEventListener('close', (event) => {
      closed = event;
    });
    await until('an open WebSocket', () => client.readyState === WebSocket.OPEN);
    expect(client.protocol).toBe('tide');
    client.send('high water');
    const large = Buffer.alloc(2_000_000, 7);
    client.send(large);
    await until('both messages back', () => messages.length === 2);
    expect(messages[0]).toBe('high water');
    expect(Buffer.from(messages[1] as ArrayBuffer).equals(large)).toBe(true);
    client.send('bye');
    await until('the origin to close', () => closed !== undefined);
    expect([closed?.code, closed?.reason]).toEqual([4_000, 'low water']);
    await until('no connection left at the origin', () => sockets().size === 0);
  });

  test('a route without upgrade answers 501', async () => {
    const { url } = await httpOrigin((_request, response) => response.end());
    const gate = await gateBefore(url);
    const asked = request(gate.url, { headers: { connection: 'Upgrade', upgrade: 'websocket' } });
    expect((await answerTo(asked)).status).toBe(501);
  });
});

async function echoOrigin(): Promise<{ url: string; sockets: () => Set<unknown> }> {
  const { WebSocketServer } = createRequire(serversFile('package.json'))('ws') as WebSocketModule;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, maxPayload: 10_000_000 });
  const open = new Set<EchoedSocket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.on('message', (data, isBinary) => {
      if (!isBinary && data.toString() === 'bye') socket.close(4_000, 'low water');
      else socket.send(data, { binary: isBinary });
    });
  });
  await new Promise<void>((resolve) => server.on('listening', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.terminate();
    server.close();
  });
  return { url: `http://127.0.0.1:${portOf(server)}`, sockets: () => server.clients };
}

interface Answered {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
  readonly trailers: IncomingMessage['trailers'];
  /** Status and Link of each interim response. */
  readonly interims: readonly unknown[];
}

function answerTo(asked: ClientRequest): Promise<Answered> {
  const interims: unknown[] = [];
  return new Promise((resolve, reject) => {
    asked.on('error', reject);
    asked.on('information', ({ statusCode, headers }) => interims.push([statusCode, headers.link]));
    asked.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const { statusCode: status, headers, trailers } = response;
        resolve({ status, headers, text, trailers, interims });
      });
    });
    asked.end();
  });
}

describe('around an answer', { timeout: 30_000 }, () => {
  test('103 (Early Hints) and trailers pass', async () => {
    const { url } = await httpOrigin((_request, response) => {
      response.writeEarlyHints({ link: '</style.css>; rel=preload' }, () => {
        response.writeHead(200, { 'cache-control': 'no-store', trailer: 'x-checksum' });
        response.write('body');
        response.addTrailers({ 'x-checksum': 'abc' });
        response.end();
      });
    });
    const gate = await gateBefore(url);
    const answer = await answerTo(request(gate.url, { headers: { te: 'trailers' } }));
    expect(answer).toMatchObject({
      status: 200,
      text: 'body',
      interims: [[103, '</style.css>; rel=preload']],
      trailers: { 'x-checksum': 'abc' },
    });
  });

  test('100 (Continue) comes when the content is wanted', async () => {
    const { url } = await httpOrigin((message, response) => message.pipe(response));
    const gate = await gateBefore(url);
    const asked = request(gate.url, { method: 'POST', headers: { expect: '100-continue' } });
    let continued = false;
    asked.on('continue', () => {
      continued = true;
      asked.write('content');
      asked.end();
    });
    const answer = new Promise<IncomingMessage>((resolve) => asked.on('response', resolve));
    asked.flushHeaders();
    const response = await answer;
    const chunks = await response.toArray();
    expect([continued, response.statusCode, chunks.join('')]).toEqual([true, 200, 'content']);
  });
});

describe('gates in a row', { timeout: 30_000 }, () => {
  test('two with names of their own: each says what it did', async () => {
    const { url } = await httpOrigin((_request, response) => {
      response.setHeader('cache-control', 'max-age=3600').end('ok');
    });
    const inner = await gateBefore(url, { cacheName: 'inner' });
    const outer = await gateBefore(inner.url, { cacheName: 'outer' });
    const first = await fetch(outer.url);
    expect(await first.text()).toBe('ok');
    expect(first.headers.get('cache-status')).toMatch(/^inner; fwd=uri-miss.*, outer; fwd=uri-miss/);
    const second = await fetch(outer.url);
    expect(second.headers.get('cache-status')).toMatch(/outer; hit/);
  });

  test('a gate that is its own origin answers 508, once round', async () => {
    const port = await freePort();
    const gate = await gateBefore(`http://127.0.0.1:${port}`, { listen: { port } });
    const answer = await fetch(gate.url);
    expect(answer.status).toBe(508);
    expect(await answer.text()).toContain('a request that has not passed this gate before');
    expect(gate.gate.stats().fillsInFlight).toBe(0);
  });

  test('a circle of two gates ends as well', async () => {
    const port = await freePort();
    const one = await gateBefore(`http://127.0.0.1:${port}`, { cacheName: 'one' });
    await gateBefore(one.url, { cacheName: 'two', listen: { port } });
    expect((await fetch(one.url)).status).toBe(508);
  });
});
