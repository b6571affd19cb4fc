// Bundles of Workers that use the package in several ways: their size, as it is deployed.

import { gzipSync } from 'node:zlib';
import { rolldown } from 'rolldown';

const SRC = new URL('../../src/', import.meta.url).pathname;

/** What a Worker imports, by what it has. Every gate has the tiers memory, Cache API and KV; which it uses, only requests know. */
export const WORKERS = {
  gate: `export { createGate } from '${SRC}workers/index.ts';`,
  'gate and adminApi': `export { adminApi, createGate } from '${SRC}workers/index.ts';`,
  'gate and schedules': `export { createGate, schedules } from '${SRC}workers/index.ts';`,
  'gate and workersCache': `export { createGate, workersCache } from '${SRC}workers/index.ts';`,
  'gate and all three parts': `export { adminApi, createGate, schedules, workersCache } from '${SRC}workers/index.ts';`,
  'gate and data cache': `export { createGate } from '${SRC}workers/index.ts'; export { createCache } from '${SRC}index.ts';`,
  'gate, Drizzle and SQL analysis': `export { createGate } from '${SRC}workers/index.ts'; export { createCache } from '${SRC}index.ts'; export { withTidegate } from '${SRC}orm/drizzle/index.ts';`,
} as const;

export interface Bundle {
  readonly code: string;
  readonly gzipBytes: number;
}

/** Minified, in one file. `source`: text of the entry. */
export async function deployed(source: string): Promise<Bundle> {
  const bundle = await rolldown({
    input: 'entry',
    platform: 'browser',
    logLevel: 'silent',
    external: [/^cloudflare:/, /^drizzle-orm/, /^libpg-query/],
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === 'entry' ? '\0entry' : undefined),
        load: (id) => (id === '\0entry' ? source : undefined),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm', codeSplitting: false, minify: true });
  const { code } = output[0];
  return { code, gzipBytes: gzipSync(code, { level: 9 }).length };
}
