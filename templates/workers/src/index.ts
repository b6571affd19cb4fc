// The Worker: a gate in front of the API, with isolates that share one log of invalidations.

import { env } from 'cloudflare:workers';
import { adminApi, createGate, schedules } from 'tidegate/workers';
import configuration from '../tidegate.config.ts';
import type { Env } from './api.ts';

/** What the configuration uses beyond routes and tiers is imported, so that the bundle holds nothing else. */
const gate = createGate(configuration(env as unknown as Env), { adminApi, schedules });

/** The class of the Durable Objects that keep the log; wrangler.jsonc names it. */
export const { TidegateLog } = gate;

export default gate;
