// The control of the races, with bindings that the test controls.

import app from '../race/hono-app.ts';
import { racedWorker } from './raced-worker.ts';

export { Objects } from './raced-worker.ts';
export default racedWorker(app as never);
