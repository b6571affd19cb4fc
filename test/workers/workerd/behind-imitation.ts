// Inside of workerd: a Worker whose cached entrypoint stands behind the imitated Workers Cache, which runs in the test
// (imitation-service.ts) behind the binding PLATFORM and comes back with the header `x-inner`.

import type { ExecutionContext, Fetcher } from '../../../src/workers/platform.ts';

type Entrypoint = (options: { readonly props: object }) => Fetcher;

interface Platform {
  fetch(request: Request): Promise<Response>;
}

/** The context that the gate is given. `place`: the data centre. */
export function behindImitation(context: ExecutionContext, platform: Platform, place: string): ExecutionContext {
  const fetch = (request: Request, { cf }: { readonly cf: { readonly cacheKey: string } }) => {
    const headers = new Headers(request.headers);
    headers.set('x-cache-key', cf.cacheKey);
    headers.set('x-place', place);
    return platform.fetch(new Request(request, { headers }));
  };
  const purge = async (what: object) => {
    const body = JSON.stringify(what);
    const headers = { 'x-place': place };
    return (await platform.fetch(new Request('http://platform/purge', { method: 'POST', headers, body }))).json();
  };
  return { waitUntil: (work) => context.waitUntil(work), exports: { TidegateStored: () => ({ fetch, purge }) } };
}

/** The answer of the entrypoint itself; undefined: the request is a client's. */
export function entrypointAnswer(request: Request, context: ExecutionContext): Promise<Response> | undefined {
  const props = request.headers.get('x-inner');
  if (props === null) return undefined;
  const headers = new Headers(request.headers);
  for (const name of ['x-inner', 'x-cache-key', 'x-place']) headers.delete(name);
  const entrypoint = context.exports?.TidegateStored as Entrypoint;
  return entrypoint({ props: JSON.parse(props) as object }).fetch(new Request(request, { headers }));
}
