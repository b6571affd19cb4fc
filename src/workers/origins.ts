// The origins of a Worker: a server behind a URL, another Worker behind a service binding, or a handler in this one.

import type { ResolvedWorkersOrigin } from '../site/workers-config.ts';
import type { OriginHandler } from '../site/workers-types.ts';
import type { HandlerContext } from '../web/fetch.ts';
import type { Bindings, ExecutionContext, Fetcher, WorkersPlatform } from './platform.ts';

/** What a handler is given as its third argument: the platform's context, and the gate's under `tidegate`. */
export interface GateExecutionContext extends ExecutionContext {
  passThroughOnException(): void;
  readonly props: unknown;
  readonly tidegate: Pick<HandlerContext, 'tags' | 'invalidate'>;
}

/** One call of an origin. */
export interface OriginCall {
  readonly env: Bindings;
  readonly context: GateExecutionContext;
}

/** Asks the origin; throws what a handler throws. */
export type AskOrigin = (request: Request, call: OriginCall) => Response | Promise<Response>;

export function askerOf(origin: ResolvedWorkersOrigin, { fetch }: Pick<WorkersPlatform, 'fetch'>): AskOrigin {
  if (origin.kind === 'url') {
    const { url } = origin;
    return (request) => fetch(new Request(url + targetOf(request.url), request), PAST_OUTER_CACHES);
  }
  if (origin.kind === 'service') {
    return (request, { env }) => (env[origin.service] as Fetcher).fetch(request, { redirect: 'manual' });
  }
  const handler = origin.handler as OriginHandler<Bindings, GateExecutionContext>;
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
