// A gate without one of its rules in real workerd. Its races differ from each other, so it has some of them to be caught in.

import type { SourceEdit } from '../../sim/source-edits.ts';
import { raceInWorkerd, type WorkerdScenario } from './workerd-race.ts';

export interface WorkerdMutant {
  readonly name: string;
  readonly edits: readonly SourceEdit[];
  readonly scenario: WorkerdScenario;
}

const MOST_RACES = 3;

/** The race and the number of outdated answers in it; undefined: none of them has shown it. */
export async function caughtInWorkerd({ scenario, edits }: WorkerdMutant): Promise<string | undefined> {
  for (let seed = 1; seed <= MOST_RACES; seed++) {
    const { checker } = await raceInWorkerd(scenario, seed, edits);
    const outdated = checker.findings.filter(({ fault }) => fault === 'outdated').length;
    if (outdated > 0) return `${scenario.name}, seed ${seed}: ${outdated} outdated`;
  }
  return undefined;
}
