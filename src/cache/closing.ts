// The end of a cache, within a bound.
//
// A fill or tier that hangs cannot be ended. The cache leaves it alone and reports it; afterwards it stores and serves nothing.

import { TidegateError } from '../errors.ts';
import { toMs } from '../options/durations.ts';
import { anything, checkOptions } from '../options/kit.ts';
import type { CloseOptions } from './contract.ts';
import type { NamedCacheParts } from './shared.ts';

const DEFAULT_WITHIN = '30s';

/** In ms. Throws E_CONFIG, E_TTL. */
export function closeTime(options: CloseOptions): number {
  checkOptions('close', options, { within: anything });
  return toMs(options.within ?? DEFAULT_WITHIN, 'within');
}

export async function closeWithin(
  withinMs: number,
  { engine, tasks, close, fault }: Pick<NamedCacheParts, 'engine' | 'tasks' | 'close' | 'fault'>,
): Promise<void> {
  const { promise: enough, resolve } = Promise.withResolvers<'late'>();
  const cancel = withinMs === Number.POSITIVE_INFINITY ? () => {} : tasks.later(withinMs, () => resolve('late'));
  try {
    await engine.close(enough);
    if ((await Promise.race([close(), enough])) !== 'late') return;
    fault(new TidegateError('E_CLOSE', `expected the tiers of a cache to close within ${withinMs} ms, got no end yet`));
  } finally {
    cancel();
  }
}
