// Scopes around requests, for handlers of fetch, Hono, Express, Fastify and node:http.
//
// A write is answered only when no cache serves anything from before it. So the answer to a request that may write is
// kept back until then.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { TidegateError } from '../../errors.ts';
import { isSafeMethod } from '../../semantics/invalidation.ts';
import type { Finished } from '../contract.ts';
import { answerWithin, settledFields } from './node-response.ts';
import { type Exchange, finishOptionsOf, type RequestScope, routeOfPath } from './scope.ts';

type Handler<Rest extends readonly unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>;
type Listener = (request: IncomingMessage, response: ServerResponse) => void;
type ExpressMiddleware = (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;

/** The part of Hono that is used. */
interface HonoContext {
  readonly req: { readonly method: string; readonly path: string; readonly routePath?: string };
  get res(): Response;
  set res(response: Response | undefined);
}
type HonoMiddleware = (c: HonoContext, next: () => Promise<void>) => Promise<void>;

/** The part of Express that is used, once a route is chosen. */
interface ExpressRequest extends IncomingMessage {
  readonly baseUrl?: string;
  readonly originalUrl?: string;
  readonly route?: { readonly path?: unknown };
}

/** The part of Fastify that is used. */
interface FastifyLike {
  addHook(
    name: 'onRequest' | 'preValidation',
    hook: (
      request: { readonly raw: IncomingMessage; readonly routeOptions?: { readonly url?: string | undefined } },
      reply: { readonly raw: ServerResponse },
      done: (error?: Error) => void,
    ) => void,
  ): unknown;
}
type FastifyPlugin = (fastify: FastifyLike, options: unknown, done: (error?: Error) => void) => void;

export interface Middleware {
  /** `export default { fetch: tracker.fetch(handler) }` */
  fetch<Rest extends readonly unknown[]>(
    handler: Handler<Rest>,
  ): (request: Request, ...rest: Rest) => Promise<Response>;
  /** `app.use(tracker.hono())` */
  hono(): HonoMiddleware;
  /** `app.use(tracker.express())` */
  express(): ExpressMiddleware;
  /** `fastify.register(tracker.fastify())` */
  fastify(): FastifyPlugin;
  /** `http.createServer(tracker.node(listener))` */
  node(listener: Listener): Listener;
}

export interface MiddlewareParts {
  readonly open: () => RequestScope;
  /** Fields that the answer to a write has to add: none where no target serves anything from before it. */
  readonly settle: () => Promise<Fields>;
}

type Fields = Finished['fields'];

export function middlewareOf(parts: MiddlewareParts): Middleware {
  const { open } = parts;
  return {
    fetch:
      (handler) =>
      async (request, ...rest) => {
        const scope = open();
        const response = await scope.run(() => handler(request, ...rest));
        const exchange = exchangeOf(response, request.method, routeOfPath(request.url));
        return withFields(response, await fieldsOf(scope, parts, exchange), scope);
      },
    hono: () => async (c, next) => {
      const scope = open();
      await scope.run(next);
      const { method, path, routePath = routeOfPath(path) } = c.req;
      const fields = await fieldsOf(scope, parts, exchangeOf(c.res, method, routePath));
      const response = withFields(c.res, fields, scope);
      // Without that, the fields of the old response would be put over those of the new one.
      c.res = undefined;
      c.res = response;
    },
    express: () => (request, response, next) => {
      const scope = open();
      answerWithin(scope, { request, response, route: () => expressRoute(request), settle: parts.settle });
      scope.run(next);
    },
    fastify: () => fastifyPlugin(parts),
    node: (listener) => (request, response) => {
      const scope = open();
      answerWithin(scope, { request, response, route: () => routeOfPath(request.url ?? ''), settle: parts.settle });
      scope.run(() => listener(request, response));
    },
  };
}

/** `current`: the scope of the call. */
export function readingNothing<F extends (...given: never[]) => unknown>(
  current: () => RequestScope | undefined,
  handler: F,
): F {
  return new Proxy(handler, {
    apply(target, self, given: unknown[]) {
      const scope = current();
      scope?.readsNothing();
      const next = given.at(-1);
      const handOn = (...rest: unknown[]) => {
        scope?.readsNothing(false);
        return (next as (...rest: unknown[]) => unknown)(...rest);
      };
      return Reflect.apply(target, self, typeof next === 'function' ? given.with(-1, handOn) : given);
    },
  });
}

function fastifyPlugin({ open, settle }: MiddlewareParts): FastifyPlugin {
  const scopes = new WeakMap<IncomingMessage, RequestScope>();
  const plugin: FastifyPlugin = (fastify, _options, done) => {
    fastify.addHook('onRequest', ({ raw, routeOptions }, reply, next) => {
      const scope = open();
      scopes.set(raw, scope);
      const route = () => routeOptions?.url ?? routeOfPath(raw.url ?? '');
      answerWithin(scope, { request: raw, response: reply.raw, route, settle });
      scope.run(next);
    });
    // The body is read by events of the socket, which know nothing of the request.
    fastify.addHook('preValidation', ({ raw }, _reply, next) => {
      const scope = scopes.get(raw);
      if (scope === undefined) next();
      else scope.run(next);
    });
    done();
  };
  // Applies to the whole application, not only to routes registered within the plugin.
  return Object.assign(plugin, { [Symbol.for('skip-override')]: true });
}

function expressRoute({ baseUrl = '', route, originalUrl, url }: ExpressRequest): string {
  return typeof route?.path === 'string' ? baseUrl + route.path : routeOfPath(originalUrl ?? url ?? '');
}

function exchangeOf({ status, headers }: Response, method: string, route: string): Exchange {
  return { method, route, status, field: (name) => headers.get(name) ?? undefined };
}

async function fieldsOf(scope: RequestScope, { settle }: MiddlewareParts, exchange: Exchange): Promise<Fields> {
  const unsettled = isSafeMethod(exchange.method) ? [] : await settledFields(scope, settle);
  const options = finishOptionsOf(exchange);
  await scope.registered(options);
  return [...scope.finish(options).fields, ...unsettled];
}

function withFields(response: Response, fields: Fields, scope: RequestScope): Response {
  // A response that switches protocols cannot be made anew.
  if (response.status < 200) return response;
  const headers = new Headers(response.headers);
  if (response.url !== '' && headers.has('content-encoding')) {
    // A response from `fetch` was decoded, but still claims its content coding.
    headers.delete('content-encoding');
    headers.delete('content-length');
  }
  for (const [name, value] of fields) headers.set(name, value);
  const { status, statusText } = response;
  return new Response(toldBody(response, scope), { status, statusText, headers });
}

/**
 * The body goes on once the process knows its late reads; where that cannot be told, it breaks off, and nobody stores
 * it.
 */
function toldBody({ body }: Response, scope: RequestScope): Response['body'] {
  if (!scope.sent.isStorable || body === null) {
    scope.end();
    return body;
  }
  const told = async () => {
    if ((await scope.sent.told()) === false) throw new TidegateError('E_FEED', UNTOLD);
  };
  return body.pipeThrough(
    new TransformStream({
      async transform(chunk, controller) {
        await told();
        controller.enqueue(chunk);
      },
      async flush() {
        await told();
        scope.end();
      },
      cancel: () => scope.end(),
    }),
  );
}

const UNTOLD =
  'expected to tell what a body has read late, got no word of it: the body may not be stored as a whole one';
