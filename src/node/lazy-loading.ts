// Loads the parts that a gate needs only once it serves: the HTTP client for origins, and the metrics.
//
// Loading keeps a thread fully busy, so it happens neither before the gate listens nor immediately after, when waiting
// clients connect; a caller that needs a part sooner loads it.

import type { Cancel, Tasks } from '../ports.ts';
import type { Metrics } from './operator/metrics.ts';
import { loadPools } from './origin/origin.ts';

const QUIET_MS = 1_000;

/** `failed`: called with the error of a part that did not load; users of that part get the error too. */
export function loadLater(tasks: Tasks, metrics: Metrics, failed: (error: unknown) => void): Cancel {
  return tasks.later(QUIET_MS, () => void Promise.all([loadPools(), metrics.load()]).catch(failed));
}
