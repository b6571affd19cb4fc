// What the front tells the log.

import type { Logger } from 'pino';
import type { FrontHooks } from './front/front-contract.ts';
import { redactGot } from './operator/redact.ts';

/** The hooks of a front but for its exchanges and defects. */
export function frontLog(
  log: Logger,
  shownPath: (path: string) => string,
): Pick<FrontHooks, 'refused' | 'lost' | 'upgradeOff'> {
  const told = new Set<string>();
  return {
    refused: ({ reason, got, peer }) =>
      log.info({ refused: reason, got: redactGot({ reason, got }, shownPath), peer }, 'request refused'),
    // Port scanners cause these constantly, hence debug level.
    lost: ({ reason, got, peer }) => log.debug({ lost: reason, got, peer }, 'connection closed before HTTP'),
    upgradeOff: (origin, route) => {
      if (told.has(origin)) return;
      told.add(origin);
      log.warn(
        { origin, route },
        'a client asked for an Upgrade, such as WebSocket, and got 501: a route tunnels it with `upgrade: true`',
      );
    },
  };
}
