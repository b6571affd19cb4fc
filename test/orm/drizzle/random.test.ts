// Random work finds nothing outdated; with any one guard taken away it does.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { MUTANTS } from './guard-mutants.ts';
import { randomRun } from './random.ts';
import { oneConnection, ownConnections } from './random-drivers.ts';

const folder = mkdtempSync(join(tmpdir(), 'tidegate-random-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
/** Each run has a file of its own: two libraries with one file open lose each other's locks. */
const freshPath = () => join(folder, `${files++}.db`);

const SEEDS = 10;
/** Every second world loses the answers of half its writes: there it shows at once what a failure leaves behind. */
const lossRateOf = (seed: number) => (seed % 2 === 0 ? 0.5 : 0.1);

describe('random work', () => {
  test.each([
    ['one connection for all', oneConnection],
    ['a connection for each transaction', ownConnections],
  ])('gives nothing outdated: %s', { timeout: 240_000 }, async (_name, driver) => {
    let hits = 0;
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await randomRun({ seed, path: freshPath(), driver, lossRate: lossRateOf(seed) });
      expect(result.violations, `seed ${seed}`).toEqual([]);
      expect(result.failures).toBe(0);
      hits += result.hits;
    }
    expect(hits).toBeGreaterThan(SEEDS * 10);
  });

  test.each(MUTANTS)('needs %s', { timeout: 240_000 }, async (_name, mutant) => {
    const driver = mutant.isOfOwnConnections ? ownConnections : oneConnection;
    let violations = 0;
    for (let seed = 1; seed <= 6 * SEEDS && violations === 0; seed++) {
      const run = { seed, path: freshPath(), driver, lossRate: lossRateOf(seed) };
      violations += (await randomRun({ ...run, ...mutant })).violations.length;
    }
    expect(violations).toBeGreaterThan(0);
  });
});
