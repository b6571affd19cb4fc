// The control of the races, with bindings that the test controls.

import app from '../race/hono-app.ts';
import { controlled } from './controlled.ts';

export default controlled(app as unknown as Parameters<typeof controlled>[0]);
