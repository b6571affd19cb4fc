// A Worker with views behind the gate's log: bundled by views-workerd.test.ts and run in workerd as two isolates that share the
// objects and a KV namespace. The truth is kept outside, behind a service binding.

import { createGate, createViews, view } from '../../src/workers/index.ts';

interface Env {
  readonly TRUTH: { fetch(url: string, init?: object): Promise<Response> };
  readonly TIDEGATE_VIEWS_IN_KV: { idFromName(name: string): unknown; get(id: unknown): unknown };
}

async function ask(env: unknown, path: string, init?: object): Promise<string> {
  const answer = await (env as Env).TRUTH.fetch(`http://truth${path}`, init);
  if (answer.status !== 200) throw new Error(await answer.text());
  return answer.text();
}

const ranking = view('ranking', {
  params: { limit: [10, 20] },
  compute: async ({ params: { limit }, env }) => ({ limit, text: await ask(env, '/ranking') }),
  ...{ every: '1h', tags: ['posts'], timeout: '5s', backoff: { from: '100ms', to: '200ms' } },
});
const ticking = view('ticking', { compute: ({ env }) => ask(env, '/tick'), every: '300ms', atMost: 0 });
const large = view('large', { compute: ({ env }) => ask(env, '/large'), when: { signal: 'large' }, atMost: 0 });
const voted = view('voted', { compute: ({ env }) => ask(env, '/tick'), when: { counter: 'votes', by: 10 }, atMost: 0 });

const views = createViews<Env>([ranking, ticking, large, voted], {
  flush: async (deltas, { id, env }) => {
    await ask(env, '/flush', { method: 'PUT', body: JSON.stringify({ id, deltas }) });
  },
  flushEvery: '200ms',
});

export const { TidegateViews } = views;

const inKv = createViews<Env>([ranking], { binding: 'TIDEGATE_VIEWS_IN_KV', kv: 'TIDEGATE_KV' });
export const TidegateViewsInKv = inKv.TidegateViews;

/** Calls of that object by this isolate. */
let calls = 0;

function openInKv(env: Env) {
  const objects = env.TIDEGATE_VIEWS_IN_KV;
  const counted = {
    idFromName: (name: string) => objects.idFromName(name),
    get: (id: unknown) => {
      calls++;
      return objects.get(id);
    },
  };
  return inKv.open({ ...env, TIDEGATE_VIEWS_IN_KV: counted });
}

const gate = createGate<Env>({
  origins: {
    app: {
      handler: {
        fetch: async (request, _env, { tidegate }) => {
          if (request.method === 'PUT') await tidegate.invalidate({ tag: 'posts' });
          return new Response('told');
        },
      },
    },
  },
});
export const { TidegateLog } = gate;

async function answer(request: Request, env: Env): Promise<unknown> {
  const { pathname, searchParams } = new URL(request.url);
  const own = views.open(env);
  const params = Object.fromEntries(searchParams);
  if (pathname === '/calls') return calls;
  if (pathname === '/kv') return openInKv(env).get('ranking', params);
  if (pathname === '/stats') return own.stats();
  if (pathname === '/signal') return own.signal('large');
  if (pathname === '/count') return own.count('votes', Number(params.by));
  return own.get(pathname.slice(1), params);
}

export default {
  async fetch(request: Request, env: Env, context: never): Promise<Response> {
    if (request.method === 'PUT') return gate.fetch(request, env, context);
    try {
      return Response.json({ answer: await answer(request, env) });
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return Response.json({ code, message });
    }
  },
};
