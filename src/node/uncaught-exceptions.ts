// The last line of defence: an uncaught exception ends neither the process nor other clients' exchanges.
//
// Nobody knows how far the throwing code came. So everything stored is invalidated; where that fails, stored entries
// cannot be trusted any more, and the process ends.

import type { Gate } from '../engine/contract.ts';
import { TidegateError } from '../errors.ts';
import { breakOffCurrent } from './front/exchange.ts';

/** Takes effect at once; covers unhandled rejections too. `end`: ends the process. */
export function surviveUncaughtExceptions(gate: Pick<Gate, 'broken'>, end: (error: unknown) => void): void {
  process.on('uncaughtException', (error) => {
    breakOffCurrent();
    gate.broken(error, 'unknown').catch((failure: unknown) => {
      // The invalidation is in force all the same.
      if (!(failure instanceof TidegateError && failure.code === 'E_LOG')) end(failure);
    });
  });
}
