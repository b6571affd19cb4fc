// One seed, from its world to its findings.

import { live } from './afterwards.ts';
import type { Tally } from './tally.ts';
import { type Violation, World } from './world.ts';

export interface SeedResult {
  readonly seed: number;
  readonly tally: Tally;
  readonly violations: readonly Violation[];
  /** Stands for all that happened. */
  readonly digest: number;
}

/** Runs the world of one seed. `trace` is given every event as a line of text. */
export async function simulate(seed: number, trace?: (line: string) => void): Promise<SeedResult> {
  const world = new World(seed, trace);
  const reject = (error: unknown) => world.crashed(error);
  process.on('unhandledRejection', reject);
  try {
    await live(world).catch(reject);
    // Node tells of rejections that nobody handled only after the promises have had their turn.
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', reject);
  }
  return { seed, tally: world.tally, violations: world.violations, digest: world.digest };
}
