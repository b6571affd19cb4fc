// Inside of workerd: what the Workers of the races have in common.

import { DurableObject, WorkerEntrypoint } from 'cloudflare:workers';
import { coordinatorClass } from '../../../src/workers/coordinator.ts';
import type { Bindings, ExecutionContext } from '../../../src/workers/platform.ts';
import { behindImitation, entrypointAnswer } from './behind-imitation.ts';
import { controlledEnv } from './controlled.ts';

type Class = new (context: never, env: never) => object;

interface Abortable {
  abort(): Promise<void>;
}

type Namespace = { getByName(name: string): Readonly<Record<string, (...given: unknown[]) => Promise<unknown>>> };

/** The Durable Objects for other processes. Miniflare's own way there holds on to an object that was aborted. */
export class Objects extends (WorkerEntrypoint as new (context: unknown, env: Bindings) => { readonly env: Bindings }) {
  call(binding: string, name: string, method: string, given: readonly unknown[]): Promise<unknown> | undefined {
    return (this.env[binding] as Namespace).getByName(name)[method]?.(...given);
  }
}

interface Handler {
  fetch(request: Request, env: never, context: never): Response | Promise<Response>;
}

/** The Durable Object, which loses its memory, and all that waits for it, when the test says. */
export function abortable<Base extends Class>(Base: Base): Base {
  return class extends (Base as Class) implements Abortable {
    readonly #abort: () => void;

    constructor(context: never, env: never) {
      super(context, env);
      this.#abort = () => (context as { abort(why: string): void }).abort('the test aborts the object');
    }

    async abort(): Promise<void> {
      this.#abort();
    }
  } as unknown as Base;
}

/** The log. A write counts as vanished after seconds, since a race is over before a minute is. */
export const TidegateLog = abortable(
  coordinatorClass(DurableObject as never, { buckets: 2 ** 17, writeMs: 4_000, unknownOutcomeMs: 2_000 }),
);

/** The entrypoint with controlled bindings. */
export function controlledClass<Base extends Class>(Base: Base): Base {
  return class extends (Base as Class) {
    constructor(context: never, env: never) {
      super(context, controlledEnv(env) as never);
    }
  } as unknown as Base;
}

/** `GET /abort/BINDING/NAME` aborts an object. */
export function racedWorker(app: Handler): {
  fetch(request: Request, env: Bindings, context: ExecutionContext): unknown;
} {
  return {
    fetch: (request, env, context) => {
      const [, call, binding = '', name = ''] = new URL(request.url).pathname.split('/');
      if (call === 'abort') return aborted(env[binding] as Namespace, name);
      const inner = entrypointAnswer(request, context);
      if (inner !== undefined) return inner;
      const controlled = controlledEnv(env) as Bindings & { readonly PLATFORM: never; readonly PLACE: string };
      const given = behindImitation(context, controlled.PLATFORM, controlled.PLACE);
      return app.fetch(request, controlled as never, given as never);
    },
  };
}

async function aborted(objects: Namespace, name: string): Promise<Response> {
  await objects
    .getByName(name)
    .abort?.()
    .catch(() => undefined);
  return new Response(null, { status: 204 });
}
