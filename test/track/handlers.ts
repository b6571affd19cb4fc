// One handler of Request and Response behind each kind of handler that a tracker takes.

import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Hono } from 'hono';
import type { Tracker } from '../../src/track/index.ts';
import { atEnd } from './world.ts';

type Ask = (path: string, init?: RequestInit) => Promise<Response>;
type Handler = (request: Request) => Response | Promise<Response>;

export async function served(listener: RequestListener): Promise<Ask> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  atEnd(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { ...init, headers: { connection: 'close' } });
}

export const HANDLERS: Readonly<Record<string, (tracker: Tracker, handler: Handler) => Promise<Ask>>> = {
  fetch: async (tracker, handler) => {
    const tracked = tracker.fetch(handler);
    return (path, init) => tracked(new Request(`http://shop.example${path}`, init));
  },
  hono: async (tracker, handler) => {
    const app = new Hono();
    app.use(tracker.hono());
    app.get('/users/:id', (c) => handler(c.req.raw));
    app.all('*', (c) => handler(c.req.raw));
    return async (path, init) => app.request(path, init);
  },
  node: async (tracker, handler) => served(tracker.node(listenerOf(handler))),
  express: async (tracker, handler) => {
    const middleware = tracker.express();
    return served((request, response) =>
      middleware(request, response, () => {
        // As Express has it, once it has chosen a route in a router under `/users`.
        if (request.url?.startsWith('/users/') === true)
          Object.assign(request, { baseUrl: '/users', route: { path: '/:id' } });
        listenerOf(handler)(request, response);
      }),
    );
  },
  fastify: async (tracker, handler) => {
    type Hook = (request: object, reply: object, done: () => void) => void;
    const hooks: Hook[] = [];
    tracker.fastify()({ addHook: (_, hook) => hooks.push(hook as Hook) }, {}, () => undefined);
    return served((request, response) => {
      const [first, second] = hooks as [Hook, Hook];
      const handle = () =>
        setImmediate(() => second({ raw: request }, {}, () => listenerOf(handler)(request, response)));
      const routeOptions = { url: request.url?.startsWith('/users/') === true ? '/users/:id' : undefined };
      first({ raw: request, routeOptions }, { raw: response }, handle);
    });
  },
};

function listenerOf(handler: Handler): RequestListener {
  return async (request, response) => {
    const answer = await handler(
      new Request(`http://shop.example${request.url}`, { method: request.method as string }),
    );
    response.writeHead(answer.status, [...answer.headers].flat());
    response.end(await answer.text());
  };
}
