// A gate as its users start it, whose statistics may be left out: `gate.ts CONFIG with|without`. Prints its URL.

import type { Recorder } from '../../src/engine/statistics/statistics.ts';
import { loadConfig } from '../../src/node/config/config.ts';
import { logOf, startPart } from '../../src/node/serve.ts';
import { openTiers } from '../../src/node/tiers.ts';

const [file, which] = process.argv.slice(2);
const nothing = () => {};

/** Counts nothing. */
const NONE: Recorder = {
  answered: nothing,
  foundIn: nothing,
  forwarded: nothing,
  heard: nothing,
  failed: nothing,
  refilled: nothing,
  ended: nothing,
  outcomes: () => ({ hit: 0, stale: 0, validated: 0, collapsed: 0, miss: 0, bypass: 0, error: 0, refused: 0 }),
  counts: () => ({
    routes: {},
    tiers: {},
    latency: { hits: new Float64Array(), misses: new Float64Array() },
    bytes: 0,
  }),
};

const config = await loadConfig({ file, cwd: process.cwd() });
const log = logOf(config);
const tiers = await openTiers(config, log);
const gate = await startPart(config, { log, tiers, role: undefined, ...(which === 'without' && { statistics: NONE }) });
process.once('SIGTERM', () => void gate.close({ grace: 0 }).then(() => process.exit(0)));
console.log(gate.url);
