// A read that is not stored breaks no promise, and on a busy machine one in thousands is not: a case that misses a hit is tried again.

import type { UnseenCell } from './unseen.ts';

export const NO_HIT = 'expected a hit, got none';

const TRIES = 3;

/** The cell; run again where a hit is all that it lacks. */
export async function untilHit(run: () => Promise<UnseenCell>): Promise<UnseenCell> {
  let cell = await run();
  for (let tries = 1; tries < TRIES && cell.problems.join() === NO_HIT; tries++) cell = await run();
  return cell;
}
