// One mutant, through its scenarios, until a seed finds something.

import { programOf } from './bench.ts';
import { runCells } from './cell-runs.ts';
import type { WorkersMutant } from './mutants.ts';
import { runSeed } from './run-seed.ts';
import { LEASE, SCENARIOS } from './scenarios.ts';

/** The first finding, with its scenario and seed; undefined: the mutant has survived. */
export async function caughtBy({ edits, scenarios, cells }: WorkersMutant, seeds: number): Promise<string | undefined> {
  const program = await programOf('gate', edits);
  if (cells !== undefined) {
    const { failures } = await runCells(program, { ...cells, settings: LEASE, ways: ['none'] });
    if (failures[0] !== undefined) return failures[0];
  }
  for (let seed = 1; seed <= seeds; seed++) {
    for (const name of scenarios) {
      const scenario = SCENARIOS.find((one) => one.name === name);
      if (scenario === undefined) throw new Error(`expected the name of a scenario, got ${name}`);
      const { findings } = await runSeed(scenario, { program, seed });
      const [first] = findings;
      if (first !== undefined) return `${name}, seed ${seed}: ${first.fault}: ${first.sentence}`;
    }
  }
  return undefined;
}
