// The races in real workerd, and that they can fail.

import { expect, test } from 'vitest';
import { raceInWorkerd } from './workerd-race.ts';
import { WORKERD_CONTROL, WORKERD_MUTANTS, WORKERD_MUTANTS_RACE, WORKERD_SCENARIOS } from './workerd-scenarios.ts';

// Their time is real, and they mostly wait.
test.concurrent.each(WORKERD_SCENARIOS.map((scenario) => [scenario.name, scenario] as const))(
  'nothing outdated: %s',
  async (_, scenario) => {
    const { checker } = await raceInWorkerd(scenario, 1);
    expect(checker.findings).toEqual([]);
    expect(checker.counts.hits).toBeGreaterThan(10);
  },
  120_000,
);

test.concurrent('finds outdated answers of two isolates that know nothing of each other', async () => {
  // How often readers meet a write differs from race to race.
  const outdated = async (race: number) => {
    const { checker } = await raceInWorkerd(WORKERD_CONTROL, race);
    expect(checker.counts.hits).toBeGreaterThan(10);
    return checker.findings.filter(({ fault }) => fault === 'outdated').length;
  };
  expect((await outdated(1)) || (await outdated(2)) || (await outdated(3))).toBeGreaterThan(0);
}, 120_000);

test.concurrent.each(WORKERD_MUTANTS.map((mutant) => [mutant.name, mutant] as const))(
  'catches a gate that %s',
  async (_, { edits }) => {
    const { checker } = await raceInWorkerd(WORKERD_MUTANTS_RACE, 1, edits);
    expect(checker.findings.filter(({ fault }) => fault === 'outdated').length).toBeGreaterThan(0);
  },
  120_000,
);
