// The Worker of the races, with bindings that the test controls.

import gate from '../race/gate-app.ts';
import { controlled } from './controlled.ts';

export { TidegateLog, TidegateStored } from '../race/gate-app.ts';
export default controlled(gate as unknown as Parameters<typeof controlled>[0]);
