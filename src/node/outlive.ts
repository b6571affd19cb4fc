// The last line of defence: an exception that came to nobody does not end the process, nor whom it serves.
//
// Nobody knows how far it came. So everything stored is invalidated; where not even that can be done,
// what is stored cannot be trusted any more, and the process ends.

import type { Gate } from '../engine/contract.ts';
import { TidegateError } from '../errors.ts';
import { breakOffCurrent } from './front/exchange-context.ts';

/** From now on; a rejection that nobody handles is one too. `end`: ends the process. */
export function outliveExceptions(gate: Pick<Gate, 'broken'>, end: (error: unknown) => void): void {
  process.on('uncaughtException', (error) => {
    breakOffCurrent();
    gate.broken(error, 'unknown').catch((failure: unknown) => {
      // It is in force all the same.
      if (!(failure instanceof TidegateError && failure.code === 'E_LOG')) end(failure);
    });
  });
}
