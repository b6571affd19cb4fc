// The scenarios of the races: what the Worker is set to, how data changes, and what goes wrong meanwhile.

import type { Faults, RaceSettings } from './bench.ts';
import type { Load } from './race.ts';

export interface RaceScenario {
  readonly name: string;
  readonly settings: RaceSettings;
  readonly load: Load;
  readonly faults: Faults;
  /** How long after the acknowledgement outdated answers are allowed. Default 0. */
  readonly boundMs?: number;
}

const LOAD: Load = { reads: 40, writes: 12, ways: ['PUT', 'tag'] };

/** Two isolates that know nothing of each other: outdated answers are what it is to show. */
export const CONTROL: RaceScenario = {
  name: 'control: tidegate/hono alone',
  settings: { app: 'hono', mode: 'lease', leaseMs: 0, tiers: ['memory'] },
  load: { ...LOAD, ways: ['PUT'] },
  faults: {},
};
