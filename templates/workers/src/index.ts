// The Worker: a gate in front of the API, with isolates that share one log of invalidations.

import { env } from 'cloudflare:workers';
import { cacheVariables, createGate } from 'tidegate/workers';
import { api, type Env } from './api.ts';

/** Wrong variables are refused when the Worker is loaded, each by its name. */
const { enabled, defaultTtl, maxBytes, kv, debug } = cacheVariables(env as never);

const gate = createGate<Env>({
  origins: { api: { handler: api } },
  // A 404 is kept as well: it has the tag of what was not there.
  routes: [{ defaultTtl: defaultTtl ?? '1h', negativeTtl: '1m', showTags: debug, bypass: enabled ? [] : [{}] }],
  memory: { maxBytes },
  tiers: kv ? ['memory', 'cache-api', 'kv'] : ['memory', 'cache-api'],
  environment: (env as unknown as Env).ENVIRONMENT,
  // What is asked for most is filled ahead of requests, by the cron trigger of wrangler.jsonc.
  schedule: [{ name: 'warm', cron: '*/5 * * * *', manifest: true }],
  // Outside of debugging too: whatever is told here costs hits, such as a KV namespace of another environment.
  onFault: (error) => console.error(error),
});

/** The class of the Durable Objects that keep the log; wrangler.jsonc names it. */
export const { TidegateLog } = gate;

export default gate;
