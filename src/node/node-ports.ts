// Clock, Tasks and Random on Node.

import type { Clock, Random, Tasks } from '../ports.ts';

export const nodeClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

export const nodeRandom: Random = () => Math.random();

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
