// The gate's configuration, given the variables and bindings of an environment of wrangler.jsonc. The Worker (src/index.ts) reads
// it, and so does `npm run check`, for each environment.

import { cacheVariables, type WorkersConfig } from 'tidegate/workers';
import { api, type Env } from './src/api.ts';

export default function configuration(env: Env): WorkersConfig<Env> {
  // Wrong variables are refused, each by its name.
  const { enabled, defaultTtl, maxBytes, kv, debug } = cacheVariables(env);
  return {
    origins: { api: { handler: api } },
    // A 404 is kept as well: it has the tag of what was not there.
    routes: [{ defaultTtl: defaultTtl ?? '1h', negativeTtl: '1m', showTags: debug, bypass: enabled ? [] : [{}] }],
    memory: { maxBytes },
    tiers: kv ? ['memory', 'cache-api', 'kv'] : ['memory', 'cache-api'],
    environment: env.ENVIRONMENT,
    // What is asked for most is filled ahead of requests, by the cron trigger of wrangler.jsonc.
    schedule: [{ name: 'warm', cron: '*/5 * * * *', manifest: true }],
    // For `npx tidegate stats` and its like. The token is a secret, which has this name.
    admin: { path: '/.tidegate', token: 'TIDEGATE_ADMIN_TOKEN' },
    // Outside of debugging too: whatever is told here costs hits, such as a KV namespace of another environment.
    onFault: (error) => console.error(error),
  };
}
