// Nothing outdated is served through the Workers Cache tier, whatever the platform's cache does meanwhile; and the race sees what
// is outdated where the platform's purges alone are relied on.

import { spawnSync } from 'node:child_process';
import { describe, expect, it, test } from 'vitest';
import { WORKERS_CACHE_MUTANTS } from './cache-race/mutants.ts';
import { CacheRace, type RaceResult } from './cache-race/race.ts';

const ACTIONS = 150;

async function racesOf(seeds: number, isPeer: boolean): Promise<readonly RaceResult[]> {
  const results: RaceResult[] = [];
  for (let seed = 1; seed <= seeds; seed++) results.push(await new CacheRace(seed).run(ACTIONS, isPeer));
  return results;
}

const sum = (results: readonly RaceResult[], of: (result: RaceResult) => number) =>
  results.reduce((total, result) => total + of(result), 0);

describe('the race of the Workers Cache', () => {
  it('shows nothing outdated through the gate', async () => {
    const results = await racesOf(40, false);
    expect(results.flatMap(({ outdated }, at) => outdated.map((what) => `seed ${at + 1}: ${what}`))).toEqual([]);
    expect(sum(results, ({ failed }) => failed)).toBe(0);
    // The cache was of use: hits, joined runs, entries of the upper layer.
    const [answers, reads] = [sum(results, (each) => each.answers), sum(results, (each) => each.reads)];
    expect(answers).toBeGreaterThan(40 * ACTIONS * 0.7);
    expect(reads).toBeLessThan(answers / 2);
    for (const name of ['hits', 'joins', 'upperHits', 'purges'] as const)
      expect([name, sum(results, ({ counts }) => counts[name]) > 40]).toEqual([name, true]);
  });

  it('shows outdated answers where the platform is purged and nothing else is done', async () => {
    const results = await racesOf(20, true);
    expect(sum(results, ({ outdated }) => outdated.length)).toBeGreaterThan(50);
    expect(results.filter(({ outdated }) => outdated.length > 0).length).toBeGreaterThan(10);
  });
});

test.each(WORKERS_CACHE_MUTANTS.map(({ name }) => name))('the race catches a tier that %s', (name) => {
  const script = `${import.meta.dirname}/cache-race/mutant-run.ts`;
  const { stdout, stderr } = spawnSync(process.execPath, [script, name], { encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual([expect.stringMatching(/^seed \d+: /), '']);
});
