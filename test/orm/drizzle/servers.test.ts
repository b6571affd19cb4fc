// `withTidegate` on PostgreSQL 18 and on D1: one server of each for everything that is tested on them.

import type { Miniflare } from 'miniflare';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MUTANTS } from './guard-mutants.ts';
import { soundHolesSuite } from './holes.ts';
import { type PgRun, randomPgRun } from './random-pg.ts';
import { nodePostgres, postgresJs } from './random-pg-drivers.ts';
import {
  openD1,
  openNodePostgres,
  openNodePostgresAgain,
  openNodePostgresClient,
  openPostgresJs,
  type Server,
  startD1,
  startPostgres,
} from './servers.ts';
import { soundSuite } from './suite.ts';
import { soundKeysSuite } from './suite-keys.ts';
import { soundWritesSuite } from './suite-writes.ts';

let server: Server;
let d1: Miniflare;
beforeAll(async () => {
  [server, d1] = await Promise.all([startPostgres(), startD1()]);
}, 240_000);
afterAll(async () => await Promise.all([server.stop(), d1.dispose()]), 60_000);

soundSuite('node-postgres', () => openNodePostgres(server.url));
soundWritesSuite('node-postgres', () => openNodePostgres(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: true,
});
soundKeysSuite('node-postgres', () => openNodePostgres(server.url));
soundWritesSuite('node-postgres, one connection', () => openNodePostgresClient(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: false,
});
soundSuite('postgres.js', () => openPostgresJs(server.url));
soundWritesSuite('postgres.js', () => openPostgresJs(server.url), {
  hasTransactions: true,
  hasBatch: false,
  gate: false,
});
soundSuite('D1', () => openD1(d1));
soundWritesSuite('D1', () => openD1(d1), { hasTransactions: false, hasBatch: true, gate: false });
soundKeysSuite('D1', () => openD1(d1));

const there = () => openNodePostgresAgain(server.url);
soundHolesSuite('node-postgres', { here: () => openNodePostgres(server.url), there, hasOwnConnections: true });
soundHolesSuite('one connection', { here: () => openNodePostgresClient(server.url), there, hasOwnConnections: false });
soundHolesSuite('postgres.js', { here: () => openPostgresJs(server.url), there, hasOwnConnections: true });

/** To play one again, and no other. */
const SEED = process.env.TIDEGATE_SEED;
const SEEDS = SEED === undefined ? [1, 2, 3, 4, 5, 6] : [Number(SEED)];

/** Until one is found. */
async function violationsOf(parts: Omit<PgRun, 'seed' | 'url'>, seeds: number): Promise<number> {
  for (let seed = 1; seed <= seeds; seed++) {
    const { violations } = await randomPgRun({ seed, url: server.url, ...parts });
    if (violations.length > 0) return violations.length;
  }
  return 0;
}

describe('random work on PostgreSQL', () => {
  test.each([
    ['node-postgres', nodePostgres],
    ['postgres.js', postgresJs],
  ])('gives nothing outdated: %s', { timeout: 240_000 }, async (_name, driver) => {
    let hits = 0;
    for (const seed of SEEDS) {
      const result = await randomPgRun({ seed, url: server.url, driver });
      expect(result.violations, `TIDEGATE_SEED=${seed}`).toEqual([]);
      expect(result.failures, `TIDEGATE_SEED=${seed}`).toEqual([]);
      expect(result.rollbacks).toBeGreaterThan(0);
      hits += result.hits;
    }
    expect(hits).toBeGreaterThan(SEEDS.length * 5);
  });

  // Those that it finds at once. It finds the others too, with more seeds, but for `intents`, which one connection for all needs.
  const quick = MUTANTS.filter(([name]) => /not beside|waiting|transactions that read/.test(name));
  test.each(process.env.TIDEGATE_MUTANTS === undefined ? quick : MUTANTS)(
    'needs %s',
    { timeout: 240_000 },
    async (_name, { isOfOwnConnections: _, ...mutation }) => {
      expect(await violationsOf({ driver: nodePostgres, ...mutation }, 60)).toBeGreaterThan(0);
    },
  );
});
