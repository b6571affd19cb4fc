// The drill of the feed: rounds of one set-up after the other.

import { join } from 'node:path';
import { Figures, type Found } from './figures.ts';
import { statedLagMs } from './judge.ts';
import type { DrillEnd } from './report.ts';
import { planRound, type RoundPlan, Rounds, roundsOfDeck } from './round.ts';
import type { SetUp } from './settings.ts';
import { Stage, TIMES } from './stage.ts';

export interface FeedDrillOptions {
  readonly seed: number;
  readonly setUps: readonly SetUp[];
  /** Of each set-up; undefined: as `minutes` says, or each trouble once. */
  readonly rounds: number | undefined;
  readonly minutes: number | undefined;
  readonly first: number;
  readonly folder: string;
  readonly execArgv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly tell: (found: Found) => void;
  /** In place of the plan that follows from the seed. */
  readonly planned?: (plan: RoundPlan) => RoundPlan;
  readonly isEnough?: (figures: Figures) => boolean;
}

export async function drillFeed(options: FeedDrillOptions): Promise<DrillEnd> {
  const { seed, setUps, folder, tell, execArgv = [], env = {} } = options;
  const figures = new Figures(tell);
  const rounds = new Map<string, number>();
  const startedMs = performance.now();
  let commits = 0;
  let invalidations = 0;
  for (const [at, setUp] of setUps.entries()) {
    const shareMs = ((options.minutes ?? Number.POSITIVE_INFINITY) * 60_000 * (at + 1)) / setUps.length;
    const stage = await Stage.open({ setUp, folder: join(folder, setUp.name), figures, execArgv, env });
    try {
      const running = new Rounds(stage, seed);
      const isOver = () => performance.now() - startedMs >= shareMs;
      rounds.set(setUp.name, await runRounds({ stage, running, isOver }, options));
      commits += running.commits;
    } finally {
      await stage.close();
    }
    invalidations += stage.outdated;
  }
  const whole = setUps.filter((setUp) => (rounds.get(setUp.name) ?? 0) >= roundsOfDeck(setUp));
  const durationMs = performance.now() - startedMs;
  const stated = statedLagMs({ ...TIMES, isSchemaSettled: true });
  return { figures, seed, rounds, whole, commits, invalidations, durationMs, statedLagMs: stated };
}

interface Run {
  readonly stage: Stage;
  readonly running: Rounds;
  readonly isOver: () => boolean;
}

async function runRounds({ stage, running, isOver }: Run, options: FeedDrillOptions): Promise<number> {
  const { seed, first, planned = (plan) => plan, isEnough = () => false } = options;
  const { figures, setUp } = stage;
  const most = options.rounds ?? (options.minutes === undefined ? roundsOfDeck(setUp) : Number.POSITIVE_INFINITY);
  figures.where = `${setUp.name}, start`;
  await running.begin();
  let done = 0;
  while (done < most && !isOver() && !isEnough(figures)) {
    const plan = planned(planRound(setUp, seed, first + done - 1));
    figures.where = `${setUp.name}, round ${first + done}, ${plan.trouble}`;
    await running.run(plan);
    done++;
  }
  return done;
}
