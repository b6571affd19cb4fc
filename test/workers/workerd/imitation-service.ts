// The imitated Workers Cache as a service of workerd (behind-imitation.ts): it runs the cached entrypoint in an isolate of the data centre
// that asks, where it has nothing.

import { type Request as MiniflareRequest, Response as MiniflareResponse } from 'miniflare';
import type { WorkersCacheImitation } from '../platform/workers-cache.ts';

/** Asks an isolate of the data centre. */
export type AskIsolate = (place: string, url: string, headers: Readonly<Record<string, string>>) => Promise<Response>;

export async function imitationAnswer(
  cache: WorkersCacheImitation,
  request: MiniflareRequest,
  ask: AskIsolate,
): Promise<MiniflareResponse> {
  const headers = new Headers([...request.headers]);
  const place = headers.get('x-place') ?? '';
  const cacheKey = headers.get('x-cache-key') ?? '';
  const run = async (asked: Request, { props }: { readonly props: unknown }) => {
    const answer = await ask(place, asked.url, { ...pairsOf(asked.headers), 'x-inner': JSON.stringify(props) });
    return new Response(answer.body, { status: answer.status, headers: pairsOf(answer.headers) });
  };
  const stored = cache.entrypoint({ name: 'TidegateStored', version: 'v1', run });
  const here = stored.at(place, { props: { tidegate: 'gate' } });
  if (request.method === 'POST')
    return MiniflareResponse.json(await here.cache.purge((await request.json()) as object));
  const answer = await here.fetch(new Request(request.url, { headers }), { cf: { cacheKey } });
  return new MiniflareResponse(answer.body as never, { status: answer.status, headers: pairsOf(answer.headers) });
}

const OF_CONNECTION: ReadonlySet<string> = new Set([
  'content-length',
  'transfer-encoding',
  'connection',
  'keep-alive',
  'host',
]);

function pairsOf(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !OF_CONNECTION.has(name)));
}
