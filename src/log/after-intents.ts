// Holds an unsafe request back until the intent on its URI is in force at every member. If a member is killed in the middle
// of a write, the others then certainly know of the write and invalidate what it may have changed.

import type { Forward, Origin } from '../ports.ts';
import { isSafeMethod } from '../semantics/unsafe.ts';

/** Forwards unsafe methods only once `intents` has settled; it gives the intents being opened at the call. */
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
      // A log that fails does not stop a write: the log will refuse the write's invalidations too, and report that.
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
