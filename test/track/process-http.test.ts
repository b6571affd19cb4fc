// What a feed process answers to whoever asks, and what responses of node:http say that are made by it.

import { createServer, get, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serialize } from 'node:v8';
import { Hono } from 'hono';
import { expect, it, vi } from 'vitest';
import { createTracker, feedProcess } from '../../src/track/index.ts';
import { type Application, between, processShop } from './process-world.ts';
import { atEnd } from './world.ts';

type Ask = (path: string, init?: RequestInit) => Promise<Response>;

async function served(listener: RequestListener): Promise<Ask> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { connection: 'close' } });
}

/** As a process with the token answers. */
async function asked(path: string, token: string | undefined) {
  const world = await processShop({ token: 'secret' });
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const response = await fetch(`${world.process.url}${path}`, { headers });
  return { world, status: response.status, text: await response.text() };
}

it('a wrong token is refused, at the beginning and later', async () => {
  for (const token of ['other', undefined]) expect(await asked('/status', token)).toMatchObject({ status: 401 });
  const { world, status, text } = await asked('/status', 'secret');
  expect({ status, body: JSON.parse(text) }).toMatchObject({ status: 200, body: { source: 'shop', state: 'live' } });
  const { url } = world.process;
  const begin = (feed: { url: string; token?: string }, source = 'shop') => createTracker({ source, feed }).start();
  await expect(begin(feedProcess({ url, token: 'other' }))).rejects.toMatchObject({ code: 'E_FEED' });
  await expect(begin(feedProcess({ url }))).rejects.toThrow('401');
  await expect(begin(feedProcess({ url, token: 'secret' }), 'other')).rejects.toThrow('expected a feed of other');
});

it('a malformed report is refused, and nothing of it is registered', async () => {
  const world = await processShop();
  const type = 'application/x-tidegate-report';
  const post = async (body: Uint8Array<ArrayBuffer> | string, contentType = type) => {
    const init = { method: 'POST', headers: { 'content-type': contentType }, body };
    return (await fetch(`${world.process.url}/reports`, init)).status;
  };
  const registration = {
    tag: 'abcd',
    mark: { session: '', generation: 0, position: '', gaps: 0, seen: undefined },
    form: { kind: 'source' },
  };
  const report = {
    stream: '',
    registrations: [] as unknown[],
    outdated: [],
    delivered: [],
    hasWritten: false,
  };
  const bytes = (value: unknown) => new Uint8Array(serialize(value));
  expect(await post(bytes(report))).toBe(200);
  expect(await post(bytes(report), 'text/plain')).toBe(415);
  expect(await post('{}')).toBe(400);
  expect(await post(bytes(null))).toBe(400);
  expect(await post(bytes({ ...report, outdated: ['tg-source:other'] }))).toBe(400);
  expect(await post(bytes({ ...report, outdated: new Array(3) }))).toBe(400);
  expect(await post(bytes({ ...report, registrations: [serialize({ ...registration, form: {} })] }))).toBe(400);
  expect(await post(bytes({ ...report, registrations: [serialize({ ...registration, mark: {} })] }))).toBe(400);
  expect(await post(bytes({ ...report, registrations: [new Uint8Array([1, 2, 3])] }))).toBe(400);
  expect(await post(new Uint8Array(17 * 1024 * 1024)).catch(() => 413)).toBe(413);
  expect(world.process.status()).toMatchObject({ instances: 0, registrations: 0 });
});

it('a page in a browser and a name of elsewhere are refused where there is no token', async () => {
  const world = await processShop();
  const status = (headers: Record<string, string>) =>
    new Promise((resolve) => {
      get(`${world.process.url}/status`, { headers }, (response) => resolve(response.resume().statusCode));
    });
  expect(await status({})).toBe(200);
  expect(await status({ origin: 'http://evil.example' })).toBe(403);
  expect(await status({ host: 'evil.example' })).toBe(421);
});

function shop({ db }: Application) {
  return async (request: Request): Promise<Response> => {
    if (request.method === 'POST') db.exec('UPDATE users SET age = age + 1 WHERE id = 1');
    const user = request.method === 'GET' ? db.prepare('SELECT * FROM users WHERE id = ?').get(1) : {};
    return Response.json(user, { headers: { 'cache-tag': 'mine' } });
  };
}

function listenerOf(application: Application): RequestListener {
  return async (request, response) => {
    const asking = new Request(`http://shop.example${request.url}`, { method: request.method as string });
    const answer = await shop(application)(asking);
    response.writeHead(answer.status, [...answer.headers].flat());
    response.end(await answer.text());
  };
}

const KINDS: Readonly<Record<string, (application: Application) => Promise<Ask>>> = {
  fetch: async (application) => {
    const handler = application.tracker.fetch(shop(application));
    return (path, init) => handler(new Request(`http://shop.example${path}`, init));
  },
  hono: async (application) => {
    const app = new Hono();
    app.use(application.tracker.hono());
    app.all('*', (c) => shop(application)(c.req.raw));
    return async (path, init) => app.request(path, init);
  },
  node: async (application) => served(application.tracker.node(listenerOf(application))),
  express: async (application) => {
    const middleware = application.tracker.express();
    return served((request, response) =>
      middleware(request, response, () => listenerOf(application)(request, response)),
    );
  },
};

it.each(Object.keys(KINDS))('%s: a response has the tags of what is registered by then', async (kind) => {
  const world = await processShop();
  const application = await world.application();
  const ask = await (KINDS[kind] as (typeof KINDS)[string])(application);
  const response = await ask('/users/1');
  expect(response.headers.get('tidegate-untracked')).toBeNull();
  expect(await response.json()).toMatchObject({ firstName: 'Lane' });
  expect(response.headers.get('cache-tag')).toMatch(/^mine, tg-source:shop, s\w{14}, q\w+$/);
  const tag = response.headers.get('cache-tag')?.split(', ').at(-1);
  const written = await ask('/users/1', { method: 'POST' });
  expect(await written.text()).toBe('{}');
  expect(written.headers.get('tidegate-settled')).toBeNull();
  expect([...world.target.tags]).toEqual([tag]);
  await world.process.stop();
  const away = await ask('/users/1');
  expect(away.headers.get('cdn-cache-control')).toBe('no-store');
  expect(away.headers.get('tidegate-untracked')).toContain('not-registered');
  expect(await away.json()).toMatchObject({ firstName: 'Lane' });
});

it('a write says that it has not settled when the process is away', async () => {
  const world = await processShop();
  const application = await world.application({ settle: 100 });
  const ask = await (KINDS.node as (typeof KINDS)[string])(application);
  await world.process.stop();
  const response = await ask('/users/1', { method: 'POST' });
  expect(response.headers.get('tidegate-settled')).toBe('no');
});

it('node: a head is held until there is word, no longer than it may, and what is done to it meanwhile stands', async () => {
  const world = await processShop();
  let holdMs = 60;
  const url = await between(
    () => world.process.url,
    async (request) => {
      if (request.url === '/reports') await new Promise((resolve) => setTimeout(resolve, holdMs));
      return false;
    },
  );
  const application = await world.application({ feed: feedProcess({ url }) });
  const notes: unknown[] = [];
  const ask = await served(
    application.tracker.node((request, response) => {
      application.db.prepare('SELECT * FROM users WHERE id = ?').get(1);
      if (request.url === '/implicit') {
        response.statusCode = 201;
        response.end('whole');
        response.statusCode = 500;
        return;
      }
      response.writeHead(202, 'Noted', { 'x-own': 'yes' });
      notes.push(response.headersSent, response.writableEnded);
      expect(() => response.setHeader('x-late', '1')).toThrow('after they are sent');
      notes.push(response.write('one '), response.headersSent);
      response.once('drain', () => {
        notes.push('drained');
        response.write('two ', () => notes.push('written'));
        response.end('three', () => notes.push('ended'));
        notes.push(response.writableEnded);
      });
    }),
  );
  const response = await ask('/explicit');
  expect(await response.text()).toBe('one two three');
  expect([response.status, response.statusText, response.headers.get('x-own')]).toEqual([202, 'Noted', 'yes']);
  expect(response.headers.get('x-late')).toBeNull();
  expect(response.headers.get('cache-tag')).toMatch(/, q\w+$/);
  await vi.waitFor(() => expect(notes).toEqual([true, false, false, true, 'drained', true, 'written', 'ended']));
  const implicit = await ask('/implicit');
  expect([implicit.status, implicit.headers.get('content-length'), await implicit.text()]).toEqual([201, '5', 'whole']);
  holdMs = 1_500;
  const begunAt = performance.now();
  const late = await ask('/implicit');
  expect(late.headers.get('tidegate-untracked')).toContain('not-registered');
  expect(performance.now() - begunAt).toBeLessThan(1_200);
});

it('node: what a middleware puts around the response after it stays there', async () => {
  const world = await processShop();
  const application = await world.application();
  const ask = await served(
    application.tracker.node((_, response) => {
      const end = response.end.bind(response) as (text: string) => typeof response;
      const write = response.write.bind(response) as (text: string) => boolean;
      response.write = ((text: string) => write(text.toUpperCase())) as typeof response.write;
      response.end = ((text: string) => end(text.toUpperCase())) as typeof response.end;
      application.db.prepare('SELECT * FROM users').all();
      response.write('first ');
      setTimeout(() => response.end('last'), 30);
    }),
  );
  expect(await (await ask('/')).text()).toBe('FIRST LAST');
});

it('a body that reads late ends when the process knows of it, and is outdated', async () => {
  const world = await processShop();
  const application = await world.application();
  const { tracker, db } = application;
  const late = () => JSON.stringify(db.prepare('SELECT id FROM users').all());
  const asks: Ask[] = [
    await served(
      tracker.node((_, response) => {
        tracker.current()?.readsNothing();
        response.write('first ');
        setTimeout(() => response.end(late()), 5);
      }),
    ),
    async (path) => {
      const handler = tracker.fetch(() => {
        const scope = tracker.current();
        scope?.readsNothing();
        const pull = async (controller: ReadableStreamDefaultController<Uint8Array>) => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          controller.enqueue(new TextEncoder().encode(scope?.run(late)));
          controller.close();
        };
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }));
      });
      return handler(new Request(`http://shop.example${path}`));
    },
  ];
  for (const ask of asks) {
    world.target.tags.clear();
    const response = await ask('/');
    expect(await response.text()).toContain('[{"id":1}');
    const own = response.headers.get('cache-tag')?.split(', ').at(1);
    await world.process.settled();
    expect([...world.target.tags]).toEqual([own]);
  }
});
