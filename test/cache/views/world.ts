// Views for tests: on a real data cache, in simulated time. Between two pieces of work all promises go on.

import { createCacheOn } from '../../../src/cache/create-cache.ts';
import { createViewsOn, type Views, type ViewsOptions } from '../../../src/cache/views/views.ts';
import type { Cache, CacheOptions, View } from '../../../src/index.ts';
import { SimulatedTime } from '../../kit/simulated-time.ts';
import { settle } from '../bench.ts';

export interface ViewWorld {
  readonly cache: Cache;
  readonly time: SimulatedTime;
  readonly faults: string[];
  readonly random: { next: number };
  open(views: readonly View[], options?: Partial<ViewsOptions>): Views;
  /** Moves time forward by so many ms. */
  pass(ms: number): Promise<void>;
  /** Resolves after so many simulated ms. */
  wait(ms: number): Promise<void>;
}

export function viewWorld(options: CacheOptions = {}): ViewWorld {
  const time = new SimulatedTime();
  const faults: string[] = [];
  const random = { next: 0 };
  const cache = createCacheOn(
    { onFault: (error) => void faults.push((error as Error).message), ...options },
    { clock: time, tasks: time, random: () => random.next, epoch: 'e1' },
  );
  return {
    ...{ cache, time, faults, random },
    open: (views, given = {}) => createViewsOn(views, { cache, ...given }, () => random.next),
    async pass(ms) {
      await settle();
      for (let left = ms; left > 0; left -= 50) {
        time.advance(Math.min(50, left));
        await settle();
      }
    },
    wait: (ms) => new Promise((done) => time.later(ms, done)),
  };
}
