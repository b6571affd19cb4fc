// Origins that answer what no origin should.

import type { Group } from '../rows.ts';
import { brokenRow, LIMIT_MS } from './broken.ts';
import { ENDINGS } from './endings.ts';
import { FRAMINGS } from './framings.ts';
import { HEADS } from './heads.ts';
import { INTERIMS } from './interims.ts';

export const ORIGINS: Group = {
  name: 'origins',
  waits: true,
  honestRate: 10,
  config: ({ originUrl }) => ({
    origins: {
      app: {
        url: originUrl,
        // Few, so that the next request meets the connection of the broken answer.
        connections: 2,
        perClient: 1,
        headTimeout: LIMIT_MS,
        bodyTimeout: LIMIT_MS,
        circuitBreaker: { failures: 0 },
      },
    },
  }),
  rows: [...INTERIMS, ...FRAMINGS, ...HEADS, ...ENDINGS].map(brokenRow),
};
