// The part of `npm run test:workers` in real workerd.

import type { Table } from '../../../bench/report.ts';
import type { PartOptions, PartResult } from '../parts.ts';
import { add, COLUMNS, cellsOf, controlGoal, goalsOf, newRow, type Row } from '../rows.ts';
import { caughtInWorkerd } from './workerd-mutants.ts';
import { raceInWorkerd, type WorkerdScenario } from './workerd-race.ts';
import { WORKERD_CONTROL, WORKERD_MUTANTS, WORKERD_SCENARIOS } from './workerd-scenarios.ts';

interface WorkerdRow extends Row {
  readonly happened: ReadonlyMap<string, number>;
  /** What was to happen, and did not. */
  readonly missed: readonly string[];
}

/** All at once: their time is real, and they mostly wait. */
export async function runWorkerd({ only }: PartOptions): Promise<PartResult> {
  const chosen = WORKERD_SCENARIOS.filter(({ name }) => name.includes(only));
  const [control, ...rows] = (await Promise.all([WORKERD_CONTROL, ...chosen].map(raced))) as [
    WorkerdRow,
    ...WorkerdRow[],
  ];
  const missed = rows.flatMap((row) => row.missed.map((what) => `${row.name}: expected ${what}, got none`));
  return {
    tables: [{ title: 'races in workerd', columns: COLUMNS, rows: [...rows, control].map(cellsOf) }, happenings(rows)],
    goals: [
      ...goalsOf(rows, 'workerd'),
      controlGoal(control, 'workerd'),
      {
        name: 'workerd: faults that a race is to meet, and did not',
        bound: '0',
        got: String(missed.length),
        met: missed.length === 0,
      },
    ],
    failures: [...rows.flatMap(({ failures }) => failures), ...missed],
  };
}

export async function runWorkerdMutants({ only }: PartOptions): Promise<PartResult> {
  const mutants = await Promise.all(
    WORKERD_MUTANTS.filter(({ name }) => name.includes(only)).map(async (mutant) => {
      return [mutant.name, (await caughtInWorkerd(mutant)) ?? 'not caught'];
    }),
  );
  const lost = mutants.filter(([, caught]) => caught === 'not caught').map(([name]) => name);
  return {
    tables: [{ title: 'mutants in workerd', columns: ['mutant', 'caught by'], rows: mutants as string[][] }],
    goals: [
      {
        name: 'workerd: mutants caught',
        bound: 'all',
        got: `${mutants.length - lost.length} of ${mutants.length}`,
        met: lost.length === 0,
      },
    ],
    failures: lost.map((name) => `mutant not caught in workerd: ${name}`),
  };
}

async function raced(scenario: WorkerdScenario): Promise<WorkerdRow> {
  const row = newRow(scenario.name, scenario.settings.mode !== 'bounded');
  const { checker, calls, happened, missed } = await raceInWorkerd(scenario, 1);
  const { findings, counts, lateMs } = checker;
  add(row, { findings, counts, lateMs, calls }, 'seed 1');
  return { ...row, happened, missed };
}

function happenings(rows: readonly WorkerdRow[]): Table {
  return {
    title: 'what these races met',
    columns: ['scenario: how often what happened'],
    rows: rows
      .filter(({ happened }) => happened.size > 0)
      .map(({ name, happened }) => [`${name}: ${[...happened].map(([what, count]) => `${what} ${count}`).join(', ')}`]),
  };
}
