// The parts of `npm run test:workers`. Each runs in a process of its own and gives plain data: its tables and its goals.

import type { Goal, Table } from '../../bench/report.ts';
import { programOf } from './race/bench.ts';
import { runCells } from './race/cell-runs.ts';
import { VICTIMS } from './race/cells.ts';
import { caughtBy } from './race/mutant-run.ts';
import { WORKERS_MUTANTS } from './race/mutants.ts';
import { runSeed } from './race/run-seed.ts';
import { CONTROL, LEASE, type RaceScenario, SCENARIOS, STRICT } from './race/scenarios.ts';
import { add, COLUMNS, cellsOf, controlGoal, goalsOf, newRow, none, type Row } from './rows.ts';
import { runWorkerd, runWorkerdMutants } from './workerd/workerd-part.ts';

export interface PartResult {
  readonly tables: readonly Table[];
  readonly goals: readonly Goal[];
  /** What went wrong, a line each. */
  readonly failures: readonly string[];
}

export interface PartOptions {
  readonly seeds: number;
  /** Part of the names of the scenarios that are run. */
  readonly only: string;
}

export const PARTS: Readonly<Record<string, (options: PartOptions) => Promise<PartResult>>> = {
  races: runRaces,
  cells: runAllCells,
  mutants: runMutants,
  workerd: runWorkerd,
  workerdMutants: runWorkerdMutants,
};

async function raced(scenario: RaceScenario, seeds: number): Promise<Row> {
  const program = await programOf(scenario.settings.app);
  const row = newRow(scenario.name, scenario.settings.mode !== 'bounded');
  for (let seed = 1; seed <= seeds; seed++) {
    const { findings, counts, lateMs, calls } = await runSeed(scenario, { program, seed });
    add(row, { findings, counts, lateMs, calls }, `seed ${seed}`);
  }
  return row;
}

async function runRaces({ seeds, only }: PartOptions): Promise<PartResult> {
  const chosen = SCENARIOS.filter(({ name }) => name.includes(only));
  const rows: Row[] = [];
  for (const scenario of chosen) rows.push(await raced(scenario, seeds));
  const control = await raced(CONTROL, 1);
  return {
    tables: [
      {
        title: `races in simulated time, ${seeds} seeds each`,
        columns: COLUMNS,
        rows: [...rows, control].map(cellsOf),
      },
    ],
    goals: [...goalsOf(rows, 'simulated'), controlGoal(control, 'simulated')],
    failures: rows.flatMap(({ failures }) => failures),
  };
}

async function runAllCells({ seeds }: PartOptions): Promise<PartResult> {
  const program = await programOf('gate');
  const failures: string[] = [];
  const rows: string[][] = [];
  let wrong = 0;
  // All of them in the mode that has the most rules; more with more seeds.
  for (const settings of seeds > SHORT_SEEDS ? [LEASE, STRICT] : [LEASE]) {
    for (const victim of VICTIMS) {
      const figures = await runCells(program, { settings, victim });
      rows.push([`${settings.mode}: ${victim}`, String(figures.cells), String(figures.wrong)]);
      wrong += figures.wrong;
      failures.push(...figures.failures);
    }
  }
  const title =
    'a request held, cut, dropped with its isolate or losing a call, at each instant, and a change meanwhile';
  return {
    tables: [{ title, columns: ['request', 'cells', 'wrong'], rows }],
    goals: [none('cells with an outdated answer, or none', wrong)],
    failures,
  };
}

export const SHORT_SEEDS = 8;
const MUTANT_SEEDS = 60;

async function runMutants({ only }: PartOptions): Promise<PartResult> {
  const rows: string[][] = [];
  const failures: string[] = [];
  const chosen = WORKERS_MUTANTS.filter(({ name }) => name.includes(only));
  for (const mutant of chosen) {
    const caught = await caughtBy(mutant, MUTANT_SEEDS);
    rows.push([mutant.name, caught?.split(':')[0] ?? 'not caught']);
    if (caught === undefined) failures.push(`mutant not caught: ${mutant.name}`);
  }
  const got = `${chosen.length - failures.length} of ${chosen.length}`;
  return {
    tables: [{ title: 'mutants: the gate without one rule', columns: ['mutant', 'caught by'], rows }],
    goals: [{ name: 'mutants caught', bound: 'all', got, met: failures.length === 0 }],
    failures,
  };
}
