// The origins of a Worker: a server behind a URL, another Worker behind a service binding, or a handler in this one.

import type { Duration } from '../options/durations.ts';
import type { HandlerContext } from '../web/fetch.ts';
import type { Bindings, ExecutionContext, Fetcher, WorkersPlatform } from './platform.ts';

/** What a handler is given as its third argument: the platform's context, and the gate's under `tidegate`. */
export interface GateExecutionContext extends ExecutionContext {
  readonly tidegate: Pick<HandlerContext, 'tags' | 'invalidate'>;
}

/** A function, or an object with a method `fetch`, such as an application of Hono. */
export type OriginHandler<Env = Bindings> =
  | ((request: Request, env: Env, context: GateExecutionContext) => Response | Promise<Response>)
  | { fetch(request: Request, env: Env, context: GateExecutionContext): Response | Promise<Response> };

/** One of three kinds. */
export type WorkersOrigin<Env = Bindings> = {
  /** Longest wait for the response, and for more of its body. Default 1 minute. */
  readonly timeout?: Duration | undefined;
} & (
  | { readonly url: string }
  /** The name of a service binding. */
  | { readonly service: string }
  | { readonly handler: OriginHandler<Env> }
);

/** One call of an origin. */
export interface OriginCall {
  readonly env: Bindings;
  readonly context: GateExecutionContext;
}

/** Asks the origin; throws what a handler throws. */
export type AskOrigin = (request: Request, call: OriginCall) => Response | Promise<Response>;

export function askerOf(origin: WorkersOrigin, { fetch }: Pick<WorkersPlatform, 'fetch'>): AskOrigin {
  if ('url' in origin) {
    const { origin: base } = new URL(origin.url);
    return (request) => fetch(new Request(base + targetOf(request.url), request), PAST_OUTER_CACHES);
  }
  if ('service' in origin) {
    return (request, { env }) => (env[origin.service] as Fetcher).fetch(request, { redirect: 'manual' });
  }
  const { handler } = origin;
  const handle = typeof handler === 'function' ? handler : handler.fetch.bind(handler);
  return (request, { env, context }) => handle(request, env, context);
}

/**
 * A redirect is the client's affair. And the platform may answer a fetch from its own cache, with what was read before the
 * stamp of this fill.
 */
const PAST_OUTER_CACHES: RequestInit = { redirect: 'manual', cache: 'no-store' };

function targetOf(url: string): string {
  return url.slice(url.indexOf('/', url.indexOf('//') + 2));
}
