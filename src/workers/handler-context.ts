// What a handler is given as its context: the platform's, and the gate's part under `tidegate`.

import { summed } from '../engine/summary.ts';
import { parseSelectors } from '../entry/selectors.ts';
import { TidegateError } from '../errors.ts';
import type { Eventually } from '../ports.ts';
import type { AddTags } from '../web/handler-origin.ts';
import type { GateExecutionContext } from './origins.ts';
import type { ExecutionContext } from './platform.ts';
import type { ReadyShard } from './shard.ts';

/** The shard in which a call invalidates, asked for at each invalidation; undefined, or a rejection with E_LOG: nobody hears of it. */
export type ShardOfCall = () => Eventually<ReadyShard | undefined>;

/** Methods of the platform's own object work on that object alone. */
export function contextOf(
  context: ExecutionContext,
  { addTags, shard }: { readonly addTags: AddTags; readonly shard?: ShardOfCall | undefined },
): GateExecutionContext {
  const { props, exports } = context;
  return {
    ...{ props, exports: exports ?? {} },
    waitUntil: (work) => context.waitUntil(work),
    passThroughOnException: () => context.passThroughOnException?.(),
    tidegate: {
      tags: (...tags) => addTags(tags),
      invalidate: async (selection) => {
        const ready = await shard?.();
        if (ready === undefined) throw new TidegateError('E_LOG', NOBODY_HEARS);
        const selectors = parseSelectors(selection);
        return summed(await Promise.all(selectors.map((selector) => ready.served.engine.invalidate(selector))));
      },
    },
  };
}

const NOBODY_HEARS = 'expected the log of invalidations to be in reach, got no answer: nothing is invalidated';
