// One seed of a scenario, from its world to its findings.

import type { Program } from '../platform/isolate.ts';
import { benchOf } from './bench.ts';
import type { Checker, Finding } from './checker.ts';
import { race } from './race.ts';
import type { RaceScenario } from './scenarios.ts';

export interface SeedResult {
  readonly seed: number;
  readonly findings: readonly Finding[];
  readonly counts: Checker['counts'];
  readonly lateMs: number;
  /** Calls to each service. */
  readonly calls: ReadonlyMap<string, number>;
  readonly logged: readonly string[];
}

export interface SeedOptions {
  readonly program: Program;
  readonly seed: number;
  readonly trace?: (line: string) => void;
}

export async function runSeed(scenario: RaceScenario, { program, seed, trace }: SeedOptions): Promise<SeedResult> {
  const { load } = scenario;
  const bench = benchOf({ ...scenario, ways: load.ways, program, seed, ...(trace !== undefined && { trace }) });
  const { checker, world, logged } = bench;
  const reject = (error: unknown) => checker.found('error', `nobody handled: ${(error as Error)?.stack ?? error}`);
  process.on('unhandledRejection', reject);
  try {
    await world.run(race(bench, load)).catch(reject);
    await new Promise((resolve) => setImmediate(resolve));
  } finally {
    process.off('unhandledRejection', reject);
  }
  const { findings, counts, lateMs } = checker;
  return { seed, findings, counts, lateMs, calls: world.calls, logged };
}
