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
import type { Scopes } from './scopes.ts';

type Handler<Rest extends readonly unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>;
type Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** The part of Hono that is used. */
interface HonoContext {
  readonly req: { readonly method: string; readonly path: string; readonly routePath?: string };
  get res(): Response;
  set res(response: Response | undefined);
}

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
  hono(): (c: HonoContext, next: () => Promise<void>) => Promise<void>;
  /** `app.use(tracker.express())` */
  express(): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
  /** `fastify.register(tracker.fastify())` */
  fastify(): FastifyPlugin;
  /** `http.createServer(tracker.node(listener))` */
  node(listener: Listener): Listener;
}

interface ScopedTracker {
  openScope(): RequestScope;
  /** Fields that the answer to a write has to add: none where no target serves anything from before it. */
  settle(): Promise<Finished['fields']>;
}

export function middlewareOf(tracker: ScopedTracker): Middleware {
  const settle = () => tracker.settle();
  /** A scope whose fields go out with the response. */
  const scopeOf = (request: IncomingMessage, response: ServerResponse, route: () => string) => {
    const scope = tracker.openScope();
    answerWithin(scope, { request, response, route, settle });
    return scope;
  };
  /** The response with the scope's fields. */
  const finished = async (
    scope: RequestScope,
    response: Response,
    { method, route }: Pick<Exchange, 'method' | 'route'>,
  ) => {
    const unsettled = isSafeMethod(method) ? [] : await settledFields(scope, settle);
    const { status, headers } = response;
    const options = finishOptionsOf({ method, route, status, field: (name) => headers.get(name) ?? undefined });
    await scope.registered(options);
    return withFields(response, [...scope.finish(options).fields, ...unsettled], scope);
  };
  return {
    fetch:
      (handler) =>
      async (request, ...rest) => {
        const scope = tracker.openScope();
        const response = await scope.run(() => handler(request, ...rest));
        return finished(scope, response, { method: request.method, route: routeOfPath(request.url) });
      },
    hono: () => async (c, next) => {
      const scope = tracker.openScope();
      await scope.run(next);
      const { method, path, routePath: route = routeOfPath(path) } = c.req;
      const response = await finished(scope, c.res, { method, route });
      // Without that, the fields of the old response would be put over those of the new one.
      c.res = undefined;
      c.res = response;
    },
    express: () => (request, response, next) => {
      scopeOf(request, response, () => expressRoute(request)).run(next);
    },
    fastify: () => fastifyPlugin(scopeOf),
    node: (listener) => (request, response) => {
      const scope = scopeOf(request, response, () => routeOfPath(request.url ?? ''));
      scope.run(() => listener(request, response));
    },
  };
}

export function readingNothing<F extends (...given: never[]) => unknown>(scopes: Scopes<RequestScope>, handler: F): F {
  return new Proxy(handler, {
    apply(target, self, given: unknown[]) {
      const scope = scopes.current;
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

type ScopeOf = (request: IncomingMessage, response: ServerResponse, route: () => string) => RequestScope;

function fastifyPlugin(scopeOf: ScopeOf): FastifyPlugin {
  const scopes = new WeakMap<IncomingMessage, RequestScope>();
  const plugin: FastifyPlugin = (fastify, _options, done) => {
    fastify.addHook('onRequest', ({ raw, routeOptions }, reply, next) => {
      const scope = scopeOf(raw, reply.raw, () => routeOptions?.url ?? routeOfPath(raw.url ?? ''));
      scopes.set(raw, scope);
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

function withFields(response: Response, fields: Finished['fields'], scope: RequestScope): Response {
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
  if (!scope.reads.isStorable || body === null) {
    scope.end();
    return body;
  }
  const told = async () => {
    if ((await scope.reads.told()) === false) throw new TidegateError('E_FEED', UNTOLD);
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
