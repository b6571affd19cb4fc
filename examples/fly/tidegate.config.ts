// One configuration for all regions: what differs comes from Fly.io's environment.

import type { TidegateConfig } from 'tidegate';

const { ORIGIN_URL, TIDEGATE_DISK, FLY_REGION = 'local' } = process.env;

export default {
  listen: { host: '0.0.0.0' },
  origins: { app: { url: ORIGIN_URL ?? 'http://app.internal:3000' } },
  ...(TIDEGATE_DISK !== undefined && { disk: { path: TIDEGATE_DISK, maxBytes: 8 * 1024 ** 3 } }),
  // The URL of the engine is a secret: TIDEGATE_CLUSTER_URL.
  cluster: { name: 'shop', node: FLY_REGION },
} satisfies TidegateConfig;
