// The gate in workerd, which Miniflare starts, on a loopback port of its own: Miniflare's own front would compress the answers as
// Cloudflare's does.

import { Miniflare } from 'miniflare';
import type { Profile } from '../src/semantics/policy.ts';
import { bundleOf } from '../test/workers/platform/bundle.ts';

export interface Running {
  readonly url: string;
  close(): Promise<void>;
}

export async function startWorker(profile: Profile, originPort: number): Promise<Running> {
  const code = await bundleOf({ entry: `${import.meta.dirname}/worker.ts`, format: 'esm' });
  const settings = JSON.stringify({ profile, origin: `http://127.0.0.1:${originPort}` });
  const worker = new Miniflare({
    modules: true,
    script: `const CONFORMANCE = ${settings};\n${code}`,
    compatibilityDate: '2026-07-01',
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
    durableObjects: { TIDEGATE_LOG: { className: 'TidegateLog', useSQLite: true } },
  });
  const { origin } = await worker.unsafeGetDirectURL();
  return { url: origin, close: () => worker.dispose() };
}
