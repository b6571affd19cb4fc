// The Worker of the races: the gate in front of an origin behind a service binding, set as the race says.

import { adminApi, createGate, workersCache } from '../../../src/workers/index.ts';
import type { RaceSettings } from './bench.ts';
import { gateConfig } from './gate-config.ts';

declare const RACE: RaceSettings;

const gate = createGate({ origins: { shop: { service: 'ORIGIN' } }, ...gateConfig(RACE) }, { adminApi, workersCache });

export default gate;

export const { TidegateLog, TidegateStored } = gate;
