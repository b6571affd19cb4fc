// What bounds tunnels: their count, and how long each may be silent.

import { createServer, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { tunnelRoom } from '../../src/node/front/connection/tunnel-room.ts';
import { frontLog } from '../../src/node/front-log.ts';
import { eventually, RawClient, startFront, statusOf } from './front-kit.ts';

const WEBSOCKET = 'GET /chat HTTP/1.1\r\nHost: example.org\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

async function startTunnels(limits: { readonly maxTunnels: number; readonly tunnelIdleMs: number }) {
  const tunnels = tunnelRoom(limits);
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
  const under = await startFront({ tunnels, originOf: () => ({ url: `http://127.0.0.1:${port}` }) });
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
  expect(counts).toEqual({ open: 2, bytes: { to_client: 10, to_origin: 10 }, stopped: { full: 0, idle: 0 } });
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

test('a tunnel that no route allows is told once for each origin, with the name of the option', async () => {
  const lines: unknown[][] = [];
  const log = { warn: (...line: unknown[]) => lines.push(line), info() {}, debug() {} };
  const { upgradeOff } = frontLog(log as never, (path) => path);
  const { port } = await startFront({ rules: { upgrade: false }, upgradeOff: upgradeOff! });
  for (const _ of [1, 2]) expect(statusOf(await new RawClient(port).send(WEBSOCKET).untilClosed())).toBe(501);
  expect(lines).toEqual([[{ origin: 'app', route: 'all' }, expect.stringContaining('`upgrade: true`')]]);
});
