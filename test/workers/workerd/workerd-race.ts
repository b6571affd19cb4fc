// The race of simulated time in real workerd and in real time: the same readers, writers and checker.

import { Dice } from '../../sim/dice.ts';
import type { SourceEdit } from '../../sim/source-edits.ts';
import { bundleOf } from '../platform/bundle.ts';
import { invalidation, type RaceSettings } from '../race/bench.ts';
import { Checker } from '../race/checker.ts';
import { VersionedOrigin } from '../race/origin.ts';
import { type Load, type RaceBench, race } from '../race/race.ts';
import { ISOLATES, Workerd } from './harness.ts';

export interface WorkerdScenario {
  readonly name: string;
  readonly settings: RaceSettings;
  readonly load: Load;
  readonly boundMs?: number;
  readonly quietMs: number;
  /** Chance that a call fails, by service. */
  readonly fails?: Readonly<Record<string, number>>;
  /** Every call takes up to so long, by service. */
  readonly slowMs?: Readonly<Record<string, number>>;
}

export interface WorkerdResult {
  readonly checker: Checker;
  readonly calls: ReadonlyMap<string, number>;
}

const FATES = ['fails before', 'fails after'] as const;

/** `edits`: a mutant. */
export async function raceInWorkerd(
  scenario: WorkerdScenario,
  seed: number,
  edits: readonly SourceEdit[] = [],
): Promise<WorkerdResult> {
  const { settings, load, boundMs, quietMs, fails = {}, slowMs = {} } = scenario;
  const entry = `${import.meta.dirname}/${settings.app}-worker.ts`;
  const script = await bundleOf({ entry, format: 'esm', edits });
  const hasCoordinator = settings.app === 'gate';
  const dice = new Dice(seed);
  const origin = new VersionedOrigin(dice);
  const workerd = new Workerd({ script, settings, origin, dice, hasCoordinator });
  const { dataCentres, calls } = workerd;
  let isCalm = true;
  workerd.passage = (service) => {
    const thereMs = dice.below((slowMs[service] ?? 0) + 1);
    return isCalm ? {} : { thereMs, ...(dice.chance(fails[service] ?? 0) && { fate: dice.pick(FATES) }) };
  };
  const originFails = () => !isCalm && (fails.ORIGIN ?? 0) > 0;
  const checker = new Checker({ origin, now: () => performance.now(), boundMs, originFails });
  const world = {
    dice,
    pause: (delayMs: number) => new Promise<void>((resolve) => setTimeout(resolve, delayMs)),
    trace: () => undefined,
  };
  const bench: RaceBench = {
    ...{ world, origin, checker, dataCentres, quietMs, isolates: ISOLATES, invalidate: invalidation },
    listIsTold: !load.ways.includes('url'),
    isCachedAgain: settings.tiers.includes('memory'),
    chaos: async () => {
      isCalm = false;
    },
    calm: () => {
      isCalm = true;
    },
  };
  try {
    await workerd.ready;
    await race(bench, load);
  } finally {
    await workerd.dispose();
  }
  return { checker, calls };
}
