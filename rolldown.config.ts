// What the package holds: the entry points of package.json and the files that are run as processes and threads, with what
// they share in chunks, and the demo. Dependencies stay out. One file a module would cost each start a hundred milliseconds.

import { defineConfig } from 'rolldown';

const ENTRIES = [
  'index',
  'semantics/index',
  'node/index',
  'web/fetch',
  'web/hono',
  'workers/index',
  'workers/cache',
  'workers/d1/index',
  'cache/store-tier',
  'metrics/prometheus',
  'metrics/otel',
  'orm/drizzle/index',
  'node/redis-log',
  'track/index',
  'testing/index',
  'node/bin',
  'node/workers/worker-main',
  'store/disk/manifest/manifest-thread',
];

export default defineConfig({
  input: { ...Object.fromEntries(ENTRIES.map((name) => [name, `src/${name}.ts`])), demo: 'examples/demo/demo.ts' },
  external: /^[^./]/,
  platform: 'node',
  output: { dir: 'dist', format: 'esm', chunkFileNames: 'chunks/[name].js' },
});
