import { createServer, type IncomingMessage } from 'node:http';
import { type AddressInfo, createServer as createNetServer, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bodyText, eventually, exchange, get, RawClient, startFront, statusOf, valuesOf } from './front-kit.ts';

const UPGRADE = 'GET /chat?a=1 HTTP/1.1\r\nHost: Example.org\r\nConnection: Upgrade, x-hop\r\nUpgrade: websocket\r\n';
const WEBSOCKET = `${UPGRADE}X-Hop: 1\r\nX-Original-URL: /evil\r\nSec-WebSocket-Key: abc\r\n\r\n`;

interface Echo {
  readonly url: string;
  readonly asked: IncomingMessage[];
  readonly sockets: Socket[];
}

/** An origin that says 101 and sends back what it gets; what came with the request too. */
async function startEcho(): Promise<Echo> {
  const asked: IncomingMessage[] = [];
  const sockets: Socket[] = [];
  const server = createServer((message, response) => {
    asked.push(message);
    response.writeHead(403, ['content-length', '3', 'x-why', 'no']);
    response.end('no!');
  });
  server.on('upgrade', (message, duplex, head) => {
    const socket = duplex as Socket;
    asked.push(message);
    sockets.push(socket);
    if (message.url === '/refused') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\nX-Why: no\r\n\r\nno!');
      return;
    }
    socket.on('error', () => {});
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Accept: yes\r\n\r\nwelcome ',
    );
    socket.write(head);
    socket.pipe(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked, sockets };
}

async function startTunnelFront(url: string, setup: Parameters<typeof startFront>[0] = {}) {
  return startFront({ originOf: (name) => ({ url: name === 'app' ? url : 'http://127.0.0.1:1' }), ...setup });
}

describe('an upgrade', () => {
  test('is joined to the origin, both ways, with what was sent before and after the 101', async () => {
    const echo = await startEcho();
    const { port, requests } = await startTunnelFront(echo.url);
    const client = new RawClient(port).send(`${WEBSOCKET}early `);
    await client.until((text) => text.endsWith('welcome early '));
    expect(statusOf(client.received)).toBe(101);
    expect(valuesOf(client.received, 'upgrade')).toEqual(['websocket']);
    expect(valuesOf(client.received, 'x-accept')).toEqual(['yes']);
    const large = 'x'.repeat(300_000);
    client.send(large);
    await client.until((text) => text.endsWith(large));
    client.socket.end();
    await client.untilClosed();
    expect(requests).toEqual([]);
  });

  test('reaches the origin with the fields of any forwarded request', async () => {
    const echo = await startEcho();
    const { port } = await startTunnelFront(echo.url, {
      rules: { fields: { remove: new Set(['x-set']), set: ['x-set', 'route'] } },
    });
    await new RawClient(port).send(WEBSOCKET).until((text) => text.endsWith('welcome '));
    const { url, headers } = echo.asked[0]!;
    expect(url).toBe('/chat?a=1');
    expect(headers).toEqual({
      host: 'example.org',
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-key': 'abc',
      via: '1.1 tidegate',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'example.org',
      'x-forwarded-proto': 'http',
      'x-set': 'route',
    });
  });

  test('that the origin refuses is answered with its answer', async () => {
    const echo = await startEcho();
    const { port, front } = await startTunnelFront(echo.url);
    const answer = await exchange(port, `${WEBSOCKET.replace('/chat?a=1', '/refused')}early`);
    await eventually(() => front.connections() === 0);
    expect(statusOf(answer)).toBe(403);
    expect(valuesOf(answer, 'x-why')).toEqual(['no']);
    expect(valuesOf(answer, 'connection')).toEqual(['close']);
    expect(bodyText(answer)).toBe('no!');
  });

  test('that the origin refuses with an answer that breaks off ends in a reset', async () => {
    const origin = createServer();
    origin.on('upgrade', (_message, socket) => {
      socket.on('error', () => {});
      socket.write('HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n');
      setImmediate(() => socket.destroy());
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void origin.close());
    const { port } = await startTunnelFront(`http://127.0.0.1:${(origin.address() as AddressInfo).port}`);
    const client = new RawClient(port).send(WEBSOCKET);
    await client.untilClosed();
    expect(client.error).toMatchObject({ code: 'ECONNRESET' });
  });

  test('does not let the client send the origin requests before it has agreed', async () => {
    let received = '';
    const origin = createNetServer((socket) => {
      socket.setEncoding('latin1');
      socket.on('data', (text) => {
        received += text;
      });
      onTestFinished(() => {
        socket.destroy();
      });
    });
    await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      origin.close();
    });
    const url = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
    const { port } = await startTunnelFront(url, { upgradeTimeoutMs: 100 });
    const answer = await exchange(port, `${WEBSOCKET}${get('/smuggled')}`);
    expect(statusOf(answer)).toBe(504);
    expect(received).toContain('/chat');
    expect(received).not.toContain('/smuggled');
  });

  test('is a 502 when the origin is down', async () => {
    const { port, refusals } = await startTunnelFront('http://127.0.0.1:1');
    const answer = await exchange(port, WEBSOCKET);
    expect(statusOf(answer)).toBe(502);
    expect(bodyText(answer)).toContain('ECONNREFUSED');
    expect(refusals).toMatchObject([{ reason: 'upgrade-failed' }]);
  });

  test('is a 501 where the route does not allow it, and is checked like any request', async () => {
    const echo = await startEcho();
    const { port } = await startTunnelFront(echo.url, { rules: { upgrade: false } });
    expect(statusOf(await exchange(port, WEBSOCKET))).toBe(501);
    expect(statusOf(await exchange(port, WEBSOCKET.replace('/chat', '/none')))).toBe(404);
    expect(statusOf(await exchange(port, WEBSOCKET.replace('Host: ', 'Host: a@')))).toBe(400);
    expect(echo.asked).toEqual([]);
  });

  test.each(['h2c', 'HTTP/2.0', 'TLS/1.3', 'websocket, h2c'])('to %s is ignored', async (protocol) => {
    const echo = await startEcho();
    const { port, requests } = await startTunnelFront(echo.url);
    const client = new RawClient(port).send(WEBSOCKET.replace('websocket', protocol));
    await client.until((text) => text.endsWith('ok'));
    expect(requests).toHaveLength(1);
    expect(requests[0]!.fields).not.toContain('upgrade');
    expect(echo.asked).toEqual([]);
  });

  test('of a request with content is ignored', async () => {
    const echo = await startEcho();
    const { port, requests } = await startTunnelFront(echo.url);
    const post = WEBSOCKET.replace('GET', 'POST').replace('Upgrade: ', 'Content-Length: 2\r\nUpgrade: ');
    await exchange(port, `${post}hi`);
    expect(requests).toMatchObject([{ method: 'POST' }]);
  });
});

describe('a tunnel', () => {
  test('ends at one side when the other ends', async () => {
    const echo = await startEcho();
    const { port, front } = await startTunnelFront(echo.url);
    const client = new RawClient(port).send(WEBSOCKET);
    await client.until((text) => text.endsWith('welcome '));
    echo.sockets[0]!.destroy();
    await client.untilClosed();
    const other = new RawClient(port).send(WEBSOCKET);
    await other.until((text) => text.endsWith('welcome '));
    other.socket.destroy();
    await eventually(() => echo.sockets[1]!.destroyed);
    await eventually(() => front.connections() === 0);
  });

  test('ends when the front closes', async () => {
    const echo = await startEcho();
    const { port, front } = await startTunnelFront(echo.url);
    const client = new RawClient(port).send(WEBSOCKET);
    await client.until((text) => text.endsWith('welcome '));
    await front.close({ graceMs: 10_000 });
    await client.untilClosed();
    await eventually(() => echo.sockets[0]!.destroyed);
  });

  test('whose client leaves before the origin has answered is given up', async () => {
    const echo = createNetServer();
    let origin: Socket | undefined;
    echo.on('connection', (socket) => {
      origin = socket;
      socket.on('error', () => {});
      socket.resume();
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      echo.close();
    });
    const { port, refusals } = await startTunnelFront(`http://127.0.0.1:${(echo.address() as AddressInfo).port}`);
    const client = new RawClient(port).send(WEBSOCKET);
    await eventually(() => origin !== undefined);
    client.socket.destroy();
    await eventually(() => origin!.destroyed);
    expect(refusals).toEqual([]);
  });
});
