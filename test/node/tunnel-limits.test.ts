// What bounds tunnels: their count, and how long each may be silent.

import { createServer as createHttpServer } from 'node:http';
import { connect, createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { TunnelRoom } from '../../src/node/front/connection/tunnel-room.ts';
import { trustOf } from '../../src/node/front/trusted-proxies.ts';
import { frontLog } from '../../src/node/front-log.ts';
import { eventually, type FrontSetup, RawClient, startFront, statusOf } from './front-kit.ts';

const WEBSOCKET = 'GET /chat HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

interface Limits {
  readonly maxTunnels: number;
  readonly maxTunnelsPerClient?: number;
  readonly tunnelIdleMs: number;
}

async function startTunnels(limits: Limits, more: FrontSetup = {}) {
  const tunnels = new TunnelRoom({ maxTunnelsPerClient: 10, ...limits });
  const origins: Socket[] = [];
  const server = createServer((socket) => {
    origins.push(socket);
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(SWITCHED);
      socket.pipe(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of origins) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  const under = await startFront({ ...more, tunnels, originOf: () => ({ url: `http://127.0.0.1:${port}` }) });
  const open = async () => {
    const client = new RawClient(under.port).send(`${WEBSOCKET}hello`);
    await client.until((text) => text.endsWith('hello'));
    return client;
  };
  return { ...under, counts: tunnels.counts, open, origins };
}

test('tunnels are counted, with their bytes, and one beyond the limit is answered 503', async () => {
  const { port, counts, open } = await startTunnels({ maxTunnels: 2, tunnelIdleMs: 0 });
  const first = await open();
  await open();
  expect(counts).toEqual({
    open: 2,
    bytes: { to_client: 10, to_origin: 10 },
    stopped: { full: 0, client: 0, idle: 0 },
  });
  expect(statusOf(await new RawClient(port).send(WEBSOCKET).untilClosed())).toBe(503);
  expect(counts.stopped.full).toBe(1);
  first.socket.end();
  await eventually(() => counts.open === 1);
  await open();
  expect(counts.open).toBe(2);
});

test('a tunnel that is silent in both directions ends, at both sides; one that is used stays', async () => {
  const { counts, open, origins } = await startTunnels({ maxTunnels: 2, tunnelIdleMs: 300 });
  const used = await open();
  const silent = await open();
  let pings = 0;
  const timer = setInterval(() => {
    // In turn, each direction keeps it.
    if (pings++ % 2 === 0) used.send('x');
    else origins[0]?.write('y');
  }, 60);
  onTestFinished(() => clearInterval(timer));
  await silent.untilClosed();
  await eventually(() => origins[1]?.destroyed === true);
  expect(counts).toMatchObject({ open: 1, stopped: { idle: 1 } });
  expect(used.closed).toBe(false);
});

test('one client does not take all tunnels', async () => {
  const room = new TunnelRoom({ maxTunnels: 3, maxTunnelsPerClient: 1, tunnelIdleMs: 0 });
  const leave = room.enter('2001:db8::1');
  expect(room.enter('2001:db8::2')).toBe('more than 1 of one client');
  expect(room.enter('192.0.2.1')).toBeTypeOf('function');
  if (typeof leave === 'function') for (const _ of [1, 2]) leave();
  for (const _ of [1, 2]) expect(room.enter(undefined)).toBeTypeOf('function');
  expect(room.enter('2001:db8::2')).toBe('more than 3');
  expect(room.counts).toMatchObject({ open: 3, stopped: { client: 1, full: 1 } });
  const { port, counts, open } = await startTunnels(
    { maxTunnels: 3, maxTunnelsPerClient: 1, tunnelIdleMs: 0 },
    { trust: () => trustOf([]) },
  );
  await open();
  expect(statusOf(await new RawClient(port).send(WEBSOCKET).untilClosed())).toBe(503);
  expect(counts.stopped.client).toBe(1);
});

test('an overloaded process opens none', async () => {
  const { port } = await startTunnels({ maxTunnels: 3, tunnelIdleMs: 0 }, { sheds: () => true });
  expect(statusOf(await new RawClient(port).send(WEBSOCKET).untilClosed())).toBe(503);
});

test('an answer without 101 that nobody reads ends, and gives its place back', async () => {
  const origin = createHttpServer((_, response) => response.end(Buffer.alloc(50_000_000)));
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    origin.closeAllConnections();
    origin.close();
  });
  const { port } = origin.address() as { port: number };
  const more = { stallMs: 300, originOf: () => ({ url: `http://127.0.0.1:${port}` }) };
  const tunnels = new TunnelRoom({ maxTunnels: 1, maxTunnelsPerClient: 1, tunnelIdleMs: 0 });
  const under = await startFront({ ...more, tunnels });
  const client = connect(under.port, '127.0.0.1').on('error', () => {});
  onTestFinished(() => void client.destroy());
  client.pause().write(WEBSOCKET);
  await eventually(() => tunnels.counts.open === 1);
  await eventually(() => tunnels.counts.stopped.idle === 1 && tunnels.counts.open === 0);
});

test('a tunnel that no route allows is told once for each origin, with the name of the option', async () => {
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => lines.push(line), info() {}, debug() {} };
  const { upgradeOff } = frontLog(log as never, (path) => path);
  const { port } = await startFront({ rules: { upgrade: false }, upgradeOff: upgradeOff! });
  for (const _ of [1, 2]) expect(statusOf(await new RawClient(port).send(WEBSOCKET).untilClosed())).toBe(501);
  expect(lines).toEqual([[{ origin: 'app', route: 'all' }, expect.stringContaining('`upgrade: true`')]]);
});
