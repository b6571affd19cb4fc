// The Worker of the races, with bindings that the test controls.

import { DurableObject } from 'cloudflare:workers';
import { coordinatorClass } from '../../../src/workers/coordinator.ts';
import gate, { TidegateStored as Stored } from '../race/gate-app.ts';
import { controlCaches } from './controlled.ts';
import { abortable, controlledClass, racedWorker } from './raced-worker.ts';

controlCaches();

/** A write counts as vanished after seconds, since a race is over before a minute is. */
export const TidegateLog = abortable(
  coordinatorClass(DurableObject as never, { buckets: 2 ** 17, writeMs: 4_000, unknownOutcomeMs: 2_000 }),
);
export const TidegateStored = controlledClass(Stored);
export { Objects } from './raced-worker.ts';
export default racedWorker(gate as never);
