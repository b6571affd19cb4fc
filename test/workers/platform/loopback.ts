// The loopback bindings of a simulated Worker (`ctx.exports`): its cached entrypoint behind the imitation of the Workers Cache.
//
// The entrypoint runs in some isolate of the data centre, as an invocation of its own: it goes on when its caller is cut, and
// when it is cut itself, whoever waits for it gets an error.

import type { Invocation } from './isolate.ts';
import type { DataCentre } from './platform.ts';
import { type EntrypointContext, type EntrypointOptions, WorkersCacheImitation } from './workers-cache.ts';
import type { World } from './world.ts';

type EntrypointClass = new (ctx: unknown, env: unknown) => { fetch(request: Request): Promise<Response> };

interface LoopbackParts {
  readonly world: World;
  readonly env: (place: DataCentre) => unknown;
  /** Those that the Worker exports with the platform's cache enabled. */
  readonly cached: readonly string[];
}

export interface Loopback {
  readonly imitation: WorkersCacheImitation;
  /** `ctx.exports` in a data centre. */
  readonly exportsOf: (place: DataCentre) => Readonly<Record<string, unknown>>;
}

export function loopbackOf({ world, env, cached }: LoopbackParts): Loopback {
  const { dice } = world;
  const imitation = new WorkersCacheImitation({
    time: { now: () => world.now, later: (delayMs, work) => world.at(delayMs, work) },
    upperMs: () => dice.below(40),
    upwardMs: () => dice.below(400),
    purgeMs: (isHere) => dice.below(isHere ? 20 : 300),
  });
  const places = new Map<string, DataCentre>();
  const entrypoints = cached.map((name) => {
    const run: EntrypointOptions['run'] = (request, context) => {
      const place = places.get(context.dataCentre) as DataCentre;
      return runIn(place, { name, request, context, env: env(place), exports: exportsOf(place) });
    };
    return [name, imitation.entrypoint({ name, version: 'v1', run })] as const;
  });
  const exportsOf = (place: DataCentre) => {
    places.set(place.name, place);
    const bound = entrypoints.map(([name, entrypoint]) => {
      const fetchAs =
        (props: unknown) => async (request: Request, init?: { readonly cf?: { readonly cacheKey?: string } }) => {
          const caller = world.current(name);
          const found = await world.call('Workers Cache', () =>
            entrypoint.at(place.name, { props }).fetch(request, init),
          );
          return relayed(found, (step) => caller.resume(step));
        };
      return [name, ({ props = {} }: { readonly props?: unknown } = {}) => ({ fetch: fetchAs(props) })];
    });
    return Object.fromEntries(bound) as Record<string, unknown>;
  };
  return { imitation, exportsOf };
}

interface Run {
  readonly name: string;
  readonly request: Request;
  readonly context: EntrypointContext;
  readonly env: unknown;
  readonly exports: unknown;
}

function runIn(place: DataCentre, { name, request, context, env, exports }: Run): Promise<Response> {
  const isolate = place.isolate();
  const invocation = isolate.invoke(`${name} ${new URL(request.url).pathname}`);
  const ctx = {
    ...{ exports, props: context.props, cache: context.cache },
    waitUntil: (work: Promise<unknown>) => invocation.waitUntil(work),
  };
  return new Promise((resolve, reject) => {
    invocation.whenOver(() => reject(new Error(`The entrypoint ${name} was cut`)));
    invocation.resume(() => {
      const run = async () => {
        const Class = isolate.module[name] as EntrypointClass;
        resolve(pumped(await new Class(ctx, env).fetch(request), invocation));
      };
      run().catch((error: unknown) => {
        reject(error);
        invocation.answered();
      });
    });
  });
}

/** The body is read by its invocation, which is over at its end; and it breaks off when the invocation is cut. */
function pumped(response: Response, invocation: Invocation): Response {
  if (response.body === null) {
    invocation.answered();
    return response;
  }
  const reader = response.body.getReader();
  let over = false;
  const body = new ReadableStream({
    start(controller) {
      invocation.whenOver(() => over || controller.error(new Error('The entrypoint was cut')));
      const pump = async () => {
        for (let read = await reader.read(); !read.done; read = await reader.read()) controller.enqueue(read.value);
        over = true;
        controller.close();
      };
      pump()
        .catch((error: unknown) => {
          if (!over) controller.error(error);
          over = true;
        })
        .then(() => invocation.answered());
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}

/** The bytes of the body are events of whoever reads it. */
function relayed(response: Response, resume: (step: () => void) => void): Response {
  if (response.body === null) return response;
  const reader = response.body.getReader();
  let over = false;
  const body = new ReadableStream({
    start(controller) {
      const relay = async () => {
        for (let read = await reader.read(); !read.done; read = await reader.read()) {
          const { value } = read;
          resume(() => over || controller.enqueue(value));
        }
        resume(() => over || controller.close());
      };
      relay().catch((error: unknown) => resume(() => over || controller.error(error)));
    },
    cancel() {
      over = true;
    },
  });
  return new Response(body, { status: response.status, headers: response.headers });
}
