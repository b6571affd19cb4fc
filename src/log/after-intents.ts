// Keeps an unsafe request back until the intent on its URI is in force at every member. A member that is killed in the
// middle of a write has then surely been heard of it, and what it may have changed is invalidated by those who are left.

import type { Forward, Origin } from '../ports.ts';
import { isSafeMethod } from '../semantics/unsafe.ts';

/** The origin, asked for unsafe methods only once `intents`, which says what is under way at the call, has resolved. */
export function afterIntents(origin: Origin, intents: () => Promise<unknown> | undefined): Origin {
  return {
    forward: (request, listener) => {
      const before = isSafeMethod(request.method) ? undefined : intents();
      if (before === undefined) return origin.forward(request, listener);
      let forward: Forward | undefined;
      let over = false;
      let paused = false;
      const go = () => {
        if (over) return;
        forward = origin.forward(request, listener);
        if (paused) forward.pause();
      };
      // A log that fails does not stop a write: its invalidations will be refused as well, and say so.
      before.then(go, go);
      return {
        pause: () => {
          paused = true;
          forward?.pause();
        },
        resume: () => {
          paused = false;
          forward?.resume();
        },
        abort: () => {
          over = true;
          forward?.abort();
        },
      };
    },
  };
}
