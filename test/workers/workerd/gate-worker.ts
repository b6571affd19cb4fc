// The Worker of the races, with bindings that the test controls.

import gate, { TidegateStored as Stored } from '../race/gate-app.ts';
import { controlCaches } from './controlled.ts';
import { controlledClass, racedWorker } from './raced-worker.ts';

controlCaches();

export const TidegateStored = controlledClass(Stored);
export { Objects, TidegateLog } from './raced-worker.ts';
export default racedWorker(gate as never);
