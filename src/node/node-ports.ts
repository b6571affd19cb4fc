// The Clock and Tasks ports on Node.

import type { Clock, Tasks } from '../ports.ts';

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

export const nodeTasks: Tasks = {
  later(delayMs, work) {
    const timer = setTimeout(work, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon(work) {
    queueMicrotask(work);
  },
};
