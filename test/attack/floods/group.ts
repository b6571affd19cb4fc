// Slow readers and floods: while each goes on, misses of other clients are answered, and so is the honest traffic of the runner.

import { setTimeout as sleep } from 'node:timers/promises';
import type { Group, Row } from '../rows.ts';
import { missWords } from '../uploads.ts';
import { FLOODS, type Flood } from './floods.ts';

const FLOOD_MS = 2_000;
/** Until the attackers are there. */
const COMING_MS = 700;
/** Of many requests or connections that are each done with at once: left out of the short form, which has the floods that hold something. */
const LONG = ['connection flood', 'request flood', 'method flood', 'error flood', 'field flood'];

function rowOf({ name, rule, run }: Flood): Row {
  return {
    name,
    rule,
    expected: '10 of 10 misses',
    long: LONG.includes(rule),
    withinMs: 20_000,
    run: async (world) => {
      const flood = run(world, performance.now() + FLOOD_MS);
      await sleep(COMING_MS);
      const words = await missWords(world);
      await flood;
      return words;
    },
  };
}

export const FLOODS_GROUP: Group = { name: 'floods', listener: 'tls', rows: FLOODS.map(rowOf) };
