// Cloudflare's Workers Cache as its documentation has it (developers.cloudflare.com/workers/cache, 2026-11): a cached entrypoint,
// answers with Cache-Tag, and after a write a purge by tag, whose refusal is told to the writer.

import type { ClientAnswer, ClientRequest, DataCentre } from '../../test/workers/platform/platform.ts';
import { WorkersCacheImitation } from '../../test/workers/platform/workers-cache.ts';
import type { World } from '../../test/workers/platform/world.ts';
import { NO_ROWS, type System } from './site.ts';

/** What the documentation's example does; the purge itself is called by the imitation around it. */
const CODE = `exports.default = { fetch: (request, env) => env.ORIGIN.fetch(request) };`;

export const platformCache: System = {
  name: 'Workers Cache, purge by tag',
  code: CODE,
  deploy: ({ world, origin }) => {
    const cache = imitationIn(world);
    return {
      rows: () => NO_ROWS,
      env: () => ({ ORIGIN: origin }),
      workerRuns: () => cache.counts.runs + cache.counts.purges + cache.counts.refused,
      front: (place, request, worker) => behind(cache, { world, place, request, worker }),
    };
  },
  invalidation: (tag) => ({ method: 'POST', url: `https://site.example/?tag=${tag}` }),
};

interface Asked {
  readonly world: World;
  readonly place: DataCentre;
  readonly request: ClientRequest;
  readonly worker: () => Promise<ClientAnswer>;
}

async function behind(cache: WorkersCacheImitation, { world, place, request, worker }: Asked): Promise<ClientAnswer> {
  const entrypoint = cache.entrypoint({ name: 'default', version: '1', run: async () => responseOf(await worker()) });
  const here = entrypoint.at(place.name);
  if (request.method === 'POST') {
    const tags = new URL(request.url).searchParams.getAll('tag');
    // The call of the purge and its answer.
    const { success } = await world.far('purge', () => here.cache.purge({ tags }));
    return { kind: 'answer', status: success ? 200 : 500, headers: new Headers(), body: '' };
  }
  const { url, method } = request;
  const response = await here.fetch(new Request(url, { method }));
  return { kind: 'answer', status: response.status, headers: response.headers, body: await response.text() };
}

export function imitationIn(world: World): WorkersCacheImitation {
  return new WorkersCacheImitation({
    time: { now: () => world.now, later: (delayMs, work) => world.at(delayMs, work) },
  });
}

export function responseOf(answer: ClientAnswer): Response {
  if (answer.kind !== 'answer') throw new Error(`expected an answer of the Worker, got ${answer.kind}`);
  return new Response(answer.body, { status: answer.status, headers: answer.headers });
}
