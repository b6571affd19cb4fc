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

const placeOf = (name: string): ObjectPlace => ({ key: 'drain', name, className: 'TidegateDrain' });

/** Sees to it that a database is drained: the first request of an isolate starts its Durable Object. */
export class DrainStart {
  /** Undefined: it is needed nowhere. */
  readonly needed: ObjectPlace | undefined;
  #isStarted = false;

  /** Undefined: by its usual name, where there is one. */
  constructor(binding: string | undefined) {
    this.needed = binding === undefined ? undefined : placeOf(binding);
  }

  /** Throws E_CONFIG. */
  seen(env: Bindings, context: Pick<ExecutionContext, 'waitUntil'>): void {
    if (this.#isStarted || (this.needed === undefined && env[DRAIN] === undefined)) return;
    const drain = objectsOf<DrainStub>(env, this.needed ?? placeOf(DRAIN))('drain');
    this.#isStarted = true;
    const started = drain.start().catch((error: unknown) => {
      // The next request sees to it.
      this.#isStarted = false;
      throw error;
    });
    context.waitUntil(started);
  }
}
