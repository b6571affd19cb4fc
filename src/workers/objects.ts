// Durable Objects, as requests reach them.

import { bound, type ObjectPlace, objectBinding } from '../site/bindings.ts';
import type { Bindings, ExecutionContext, ObjectNamespace } from './platform.ts';

/** A stub belongs to the request that has made it: call it anew for each. Throws E_CONFIG. */
export function objectsOf<Stub>(env: Bindings, place: ObjectPlace): (name: string) => Stub {
  const namespace = bound<ObjectNamespace<Stub>>(env, objectBinding(place));
  return (name) => namespace.get(namespace.idFromName(name));
}

/** Called once: from then on it drains. */
interface DrainStub {
  start(): Promise<void>;
}

const DRAIN = 'TIDEGATE_DRAIN';

/** Sees to it that a database is drained: the first request of an isolate starts its Durable Object. */
export class DrainStart {
  readonly #binding: string | undefined;
  #isStarted = false;

  /** Undefined: by its usual name, where there is one. */
  constructor(binding: string | undefined) {
    this.#binding = binding;
  }

  /** Throws E_CONFIG. */
  seen(env: Bindings, context: Pick<ExecutionContext, 'waitUntil'>): void {
    if (this.#isStarted || (this.#binding === undefined && env[DRAIN] === undefined)) return;
    const place = { key: 'drain', name: this.#binding ?? DRAIN, className: 'TidegateDrain' };
    const drain = objectsOf<DrainStub>(env, place)('drain');
    this.#isStarted = true;
    const started = drain.start().catch((error: unknown) => {
      // The next request sees to it.
      this.#isStarted = false;
      throw error;
    });
    context.waitUntil(started);
  }
}
