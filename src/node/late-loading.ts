// What a gate needs only once it serves: the HTTP client for origins, and the metrics.
//
// Loading takes a thread's whole attention, so it is done neither before the gate listens nor at
// once after it, when clients that have waited for it come; who needs a part sooner loads it.

import type { Cancel, Tasks } from '../ports.ts';
import type { Metrics } from './operator/metrics.ts';
import { loadPools } from './origin/late-pools.ts';

const QUIET_MS = 1_000;

/** `failed`: hears what could not be loaded; whoever needs it then hears it too. */
export function loadLater(tasks: Tasks, metrics: Metrics, failed: (error: unknown) => void): Cancel {
  return tasks.later(QUIET_MS, () => void Promise.all([loadPools(), metrics.load()]).catch(failed));
}
