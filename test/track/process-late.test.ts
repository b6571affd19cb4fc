// Bodies that read after their head has gone out, while the application or its feed process comes to its end: what cannot
// be told is not whole.

import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import { connect as connectHttp2, createServer as createHttp2Server } from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { expect, it } from 'vitest';
import { feedProcess, type Tracker } from '../../src/track/index.ts';
import { between, processShop } from './process-world.ts';
import { atEnd, trackedShop } from './world.ts';

type Ask = () => Promise<Response>;

async function served(listener: RequestListener): Promise<Ask> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return () => fetch(`http://127.0.0.1:${port}/`, { headers: { connection: 'close' } });
}

/** Until the head has come to whoever asked. */
async function begin(response: ServerResponse, text: string): Promise<void> {
  if (!response.write(text)) await once(response, 'drain');
  await new Promise((resolve) => setTimeout(resolve, 50));
}

interface Bodies {
  readonly tracker: Tracker;
  readonly early: () => string;
  readonly between: () => unknown;
  readonly late: () => string;
}

const KINDS: Readonly<Record<string, (bodies: Bodies) => Promise<Ask>>> = {
  node: ({ tracker, early, between: meanwhile, late }) =>
    served(
      tracker.node(async (_, response) => {
        await begin(response, early());
        await meanwhile();
        response.end(late());
      }),
    ),
  'node, of a length': ({ tracker, early, between: meanwhile, late }) =>
    served(
      tracker.node(async (_, response) => {
        response.setHeader('content-length', 18);
        await begin(response, early().padEnd(9));
        await meanwhile();
        // A cache has all of it before it is ended.
        response.write(late().padEnd(9));
        setTimeout(() => response.end(), 50);
      }),
    ),
  fetch: async ({ tracker, early, between: meanwhile, late }) => {
    const handler = tracker.fetch(() => {
      const scope = tracker.current();
      const encoder = new TextEncoder();
      const first = early();
      let isBegun = false;
      const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
        if (!isBegun) {
          isBegun = true;
          return controller.enqueue(encoder.encode(first));
        }
        await meanwhile();
        controller.enqueue(encoder.encode(scope?.run(late)));
        controller.close();
      };
      return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
    });
    return () => handler(new Request('http://shop.example/'));
  },
};

const USER = 'SELECT firstName FROM users WHERE id = ?';

function reads(db: { prepare(sql: string): { get(id: number): unknown } }) {
  const name = (id: number) => (db.prepare(USER).get(id) as { firstName: string }).firstName;
  return { early: () => name(1), late: () => name(2) };
}

it.each(Object.keys(KINDS))('%s: after the end of a tracker by a process a late read breaks the body', async (kind) => {
  const { tracker, db } = await (await processShop()).application();
  const ask = await KINDS[kind]?.({ tracker, ...reads(db), between: () => tracker.stop() });
  const response = (await ask?.()) as Response;
  expect(response.headers.get('cache-tag')).toMatch(/, q\w+$/);
  await expect(response.text()).rejects.toThrow();
});

it.each(Object.keys(KINDS))('%s: after the end of a tracker of its own, too', async (kind) => {
  const { tracker, db } = await trackedShop();
  const ask = await KINDS[kind]?.({ tracker, ...reads(db), between: () => tracker.stop() });
  const response = (await ask?.()) as Response;
  expect(response.headers.get('cache-tag')).toMatch(/, q\w+$/);
  await expect(response.text()).rejects.toThrow();
});

it('by HTTP/2, and by HTTP/1.0 without a length, a body that is broken off does not look whole', async () => {
  for (const version of ['1.0', '2']) {
    const { tracker, db } = await trackedShop();
    const { early, late } = reads(db);
    const listener = tracker.node(async (_, response) => {
      await begin(response, early());
      await tracker.stop();
      response.end(late());
    });
    const server = version === '2' ? createHttp2Server(listener as never) : createServer(listener);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(() => server.close());
    const { port } = server.address() as AddressInfo;
    expect(await (version === '2' ? endOfHttp2(port) : endOfHttp1(port))).toMatch(/RESET|rst 8/);
  }
});

function endOfHttp1(port: number): Promise<string> {
  const socket = connect(port, '127.0.0.1').resume();
  socket.write('GET / HTTP/1.0\r\n\r\n');
  return new Promise((resolve) => {
    socket.once('end', () => resolve('end'));
    socket.once('error', (error) => resolve(String(error)));
  });
}

function endOfHttp2(port: number): Promise<string> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': '/' }).resume();
  return new Promise((resolve) => {
    stream.once('error', () => undefined);
    stream.once('close', () => {
      resolve(`rst ${stream.rstCode}`);
      session.destroy();
    });
  });
}

it.each(Object.keys(KINDS))('%s: where the process cannot be told in time, too', async (kind) => {
  const world = await processShop();
  let isCut = false;
  const url = await between(
    () => world.process.url,
    (request, response) => {
      if (isCut && request.url === '/reports') response.destroy();
      return isCut && request.url === '/reports';
    },
  );
  const { tracker, db } = await world.application({ feed: feedProcess({ url }) });
  const cut = () => {
    isCut = true;
  };
  const ask = await KINDS[kind]?.({ tracker, ...reads(db), between: cut });
  const response = (await ask?.()) as Response;
  expect(response.headers.get('cache-tag')).toMatch(/, q\w+$/);
  await expect(response.text()).rejects.toThrow();
});

it.each(Object.keys(KINDS))(
  '%s: a body that is told of is whole, and so is one that reads nothing late',
  async (kind) => {
    const { tracker, db } = await (await processShop()).application();
    const both = reads(db);
    const whole = await KINDS[kind]?.({ tracker, ...both, between: () => undefined });
    expect((await (await whole?.())?.text())?.replaceAll(' ', '')).toBe('LaneKim');
    const plain = await KINDS[kind]?.({ tracker, ...both, between: () => tracker.stop(), late: () => 'Kim' });
    expect((await (await plain?.())?.text())?.replaceAll(' ', '')).toBe('LaneKim');
  },
);

it('a tracker that ends says first what is outdated', async () => {
  const world = await processShop();
  let holdMs = 0;
  const url = await between(
    () => world.process.url,
    async (request) => {
      if (request.url === '/reports') await new Promise((resolve) => setTimeout(resolve, holdMs));
      return false;
    },
  );
  const { tracker, db } = await world.application({ feed: feedProcess({ url }) });
  const scope = tracker.openScope();
  scope.run(() => db.prepare(USER).get(1));
  await scope.registered();
  const own = scope.finish().tags[1];
  holdMs = 200;
  scope.run(() => db.prepare(USER).get(2));
  await tracker.stop();
  await world.process.settled();
  expect([...world.target.tags]).toEqual([own]);
});
