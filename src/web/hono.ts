// `tidegate/hono`: the cache as a middleware of Hono. What stands behind it in the chain is the handler.
//
// The chain runs once for a request, and upon the one context whose response goes to the client;
// but a handler is also called in the background, after that has gone. So what stands behind the middleware runs in an
// application of its own, made of the same routes, and each call has a context of its own. Variables set before go with
// it; headers set before do not, so what is for one client is not stored for all.

import type { Context, MiddlewareHandler } from 'hono';
// Its router is the one that costs least to make.
import { Hono } from 'hono/quick';
import { matchedRoutes } from 'hono/route';
import { createFetchCache, type FetchCache, type FetchCacheOptions, type HandlerContext } from './fetch.ts';

export type { CachedHandler, CallOptions, FetchCache, FetchCacheOptions, ResponseSelection } from './fetch.ts';
export { cacheTag, createFetchCache } from './fetch.ts';

/** What handlers behind the middleware find under `c.get('tidegate')`. */
export type TidegateHandle = Pick<HandlerContext, 'tags' | 'invalidate'>;

declare module 'hono' {
  interface ContextVariableMap {
    /** Only in what stands behind the middleware. */
    tidegate: TidegateHandle;
  }
}

export interface TidegateMiddleware extends MiddlewareHandler {
  /** For whoever is to invalidate elsewhere. */
  readonly cache: FetchCache;
}

/**
 * A middleware that answers from the cache: `app.use('/api/*', tidegate({ defaultTtl: '1m' }))`. Given a cache of
 * `createFetchCache`, it shares that. Throws E_CONFIG.
 */
export function tidegate(given: FetchCacheOptions | FetchCache = {}): TidegateMiddleware {
  const cache = typeof given === 'object' && given !== null && 'wrap' in given ? given : createFetchCache(given);
  const middleware: MiddlewareHandler = async (c, next) => {
    // It changes the protocol, and only the platform's own request and response can do that.
    if (c.req.raw.headers.has('upgrade')) return next();
    const context = executionContextOf(c);
    // Exceptions that were told to the cache as responses, by the number in their field.
    const refusals = new Map<string, Error>();
    const serve = cache.wrap((request, handle) => callRest(c, request, { handle, refusals }));
    const { raw } = c.req;
    // A middleware before may have read the content, which Hono keeps.
    const request = raw.bodyUsed ? new Request(raw, { body: await c.req.arrayBuffer() }) : raw;
    const call = context === undefined ? {} : { waitUntil: (work: Promise<unknown>) => context.waitUntil(work) };
    const response = await serve(request, call).catch((error: unknown) => {
      // The client has left, and that is no error of the application.
      if (request.signal.aborted && error === request.signal.reason) return new Response(null, { status: CLIENT_LEFT });
      throw error;
    });
    const refusal = refusals.get(response.headers.get(REFUSAL) ?? '');
    if (refusal !== undefined) throw refusal;
    // Returned and not set: then Hono adds the headers that others set before, to this answer alone.
    return response;
  };
  return Object.assign(middleware, { cache });
}

/** Runs what stands behind the middleware in the chain; any number of times. */
async function callRest(
  c: Context,
  request: Request,
  { handle, refusals }: { readonly handle: TidegateHandle; readonly refusals: Map<string, Error> },
): Promise<Response> {
  // The path as it was matched, however the whole application takes it from a URL.
  const rest = new Hono({ getPath: () => c.req.path });
  rest.use(async (inner, next) => {
    for (const [name, value] of Object.entries(c.var)) inner.set(name as never, value as never);
    inner.set('tidegate', { tags: handle.tags, invalidate: handle.invalidate });
    await next();
  });
  for (const { path, handler } of matchedRoutes(c).slice(c.req.routeIndex + 1)) rest.all(path, handler);
  rest.notFound(() => c.notFound());
  rest.onError((error) => {
    // An HTTPException of Hono is told by its method.
    const status = 'getResponse' in error && 'status' in error ? Number(error.status) : undefined;
    // To whoever waits, and so to the error handler of the whole application; unless something stale may be served.
    if (status === undefined || status < 400 || status >= 500) throw error;
    // An answer like any other: what is stored is not right any more. It is thrown on where it is to be answered with.
    const number = String(refusals.size);
    refusals.set(number, error);
    return new Response(null, { status, headers: { 'cache-control': 'no-store', [REFUSAL]: number } });
  });
  return rest.fetch(request, c.env, executionContextOf(c));
}

/** As proxies log it; nobody gets it. */
const CLIENT_LEFT = 499;

/** Never leaves the process: the response that has it is not stored, and for one client alone. */
const REFUSAL = 'hono-refusal';

/** Hono throws where the platform has none. */
function executionContextOf(c: Context): Context['executionCtx'] | undefined {
  try {
    return c.executionCtx;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
