// The short form of the races in real workerd, and that they can fail. `npm run test:workers` runs all of them.

import { expect, test } from 'vitest';
import { caughtInWorkerd } from './workerd-mutants.ts';
import { raceInWorkerd } from './workerd-race.ts';
import { WORKERD_CONTROL, WORKERD_MUTANTS, WORKERD_SCENARIOS } from './workerd-scenarios.ts';

const SHORT = ['strict', 'bounded', 'KV alone', 'D1, killed', 'all of it'];
const SHORT_MUTANTS = ['takes every entry for current', 'forgets an invalidation by tag'];

// Their time is real, and they mostly wait.
test.concurrent.each(
  WORKERD_SCENARIOS.filter(({ name }) => SHORT.includes(name)).map((scenario) => [scenario.name, scenario] as const),
)(
  'nothing outdated: %s',
  async (_, scenario) => {
    const { checker, missed } = await raceInWorkerd(scenario, 1);
    expect(checker.findings).toEqual([]);
    expect(missed).toEqual([]);
    expect(checker.counts.hits).toBeGreaterThan(10);
  },
  300_000,
);

test.concurrent('finds outdated answers of two isolates that know nothing of each other', async () => {
  // How often readers meet a write differs from race to race.
  const outdated = async (race: number) => {
    const { checker } = await raceInWorkerd(WORKERD_CONTROL, race);
    expect(checker.counts.hits).toBeGreaterThan(10);
    return checker.findings.filter(({ fault }) => fault === 'outdated').length;
  };
  expect((await outdated(1)) || (await outdated(2)) || (await outdated(3))).toBeGreaterThan(0);
}, 300_000);

test.concurrent.each(
  WORKERD_MUTANTS.filter(({ name }) => SHORT_MUTANTS.includes(name)).map((mutant) => [mutant.name, mutant] as const),
)(
  'catches a gate that %s',
  async (_, mutant) => {
    expect(await caughtInWorkerd(mutant)).toBeDefined();
  },
  300_000,
);
