// The parts of `npm run test:workers`. Each runs in a process of its own and gives plain data: its tables and its goals.

import type { Goal, Table } from '../../bench/report.ts';
import type { SourceEdit } from '../sim/source-edits.ts';
import { programOf } from './race/bench.ts';
import { runCells } from './race/cell-runs.ts';
import { VICTIMS } from './race/cells.ts';
import { caughtBy } from './race/mutant-run.ts';
import { WORKERS_MUTANTS } from './race/mutants.ts';
import { runSeed } from './race/run-seed.ts';
import { CONTROL, LEASE, type RaceScenario, SCENARIOS, STRICT } from './race/scenarios.ts';
import { raceInWorkerd, type WorkerdScenario } from './workerd/workerd-race.ts';
import {
  WORKERD_CONTROL,
  WORKERD_MUTANTS,
  WORKERD_MUTANTS_RACE,
  WORKERD_SCENARIOS,
} from './workerd/workerd-scenarios.ts';

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

/** Lines told of each scenario. */
const MAX_FAILURES = 3;

const none = (name: string, got: number): Goal => ({ name, bound: '0', got: String(got), met: got === 0 });

export const PARTS: Readonly<Record<string, (options: PartOptions) => Promise<PartResult>>> = {
  races: runRaces,
  cells: runAllCells,
  mutants: runMutants,
  workerd: runWorkerd,
};

interface Row {
  readonly name: string;
  readonly isStrict: boolean;
  requests: number;
  hits: number;
  outdated: number;
  others: number;
  lateMs: number;
  refused: number;
  coordinator: number;
  origin: number;
  readonly failures: string[];
}

const COLUMNS = [
  'scenario',
  'requests',
  'outdated',
  'latest ms',
  'other faults',
  'hits',
  'refused',
  'log/request',
  'origin/request',
];

function cellsOf(row: Row): string[] {
  const share = (of: number) => (row.requests === 0 ? '–' : (of / row.requests).toFixed(2));
  const late = row.lateMs === 0 ? '–' : row.lateMs.toFixed(0);
  const counts = [row.outdated, late, row.others, share(row.hits), row.refused].map(String);
  return [row.name, String(row.requests), ...counts, share(row.coordinator), share(row.origin)];
}

async function raced(scenario: RaceScenario, seeds: number): Promise<Row> {
  const program = await programOf(scenario.settings.app);
  const row = newRow(scenario.name, scenario.settings.mode !== 'bounded');
  for (let seed = 1; seed <= seeds; seed++) {
    const { findings, counts, lateMs, calls } = await runSeed(scenario, { program, seed });
    add(row, { findings, counts, lateMs, calls }, `seed ${seed}`);
  }
  return row;
}

function newRow(name: string, isStrict: boolean): Row {
  const zero = { requests: 0, hits: 0, outdated: 0, others: 0, lateMs: 0, refused: 0, coordinator: 0, origin: 0 };
  return { name, isStrict, ...zero, failures: [] };
}

type Raced = Pick<Awaited<ReturnType<typeof runSeed>>, 'findings' | 'counts' | 'lateMs' | 'calls'>;

function add(row: Row, { findings, counts, lateMs, calls }: Raced, where: string): void {
  const outdated = findings.filter(({ fault }) => fault === 'outdated').length;
  row.requests += counts.reads + counts.writes;
  row.hits += counts.hits;
  row.refused += counts.refused;
  row.outdated += outdated;
  row.others += findings.length - outdated;
  row.lateMs = Math.max(row.lateMs, lateMs);
  row.coordinator += calls.get('coordinator') ?? 0;
  row.origin += calls.get('origin') ?? calls.get('ORIGIN') ?? 0;
  for (const { fault, sentence } of findings) {
    if (row.failures.length < MAX_FAILURES) row.failures.push(`${row.name}, ${where}: ${fault}: ${sentence}`);
  }
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

function goalsOf(rows: readonly Row[], where: string): Goal[] {
  const sum = (of: 'outdated' | 'others', some: readonly Row[] = rows) =>
    some.reduce((total, row) => total + row[of], 0);
  const strict = rows.filter(({ isStrict }) => isStrict);
  const bounded = rows.filter(({ isStrict }) => !isStrict);
  return [
    none(`${where}: outdated answers, lease and strict`, sum('outdated', strict)),
    ...(bounded.length === 0 ? [] : [none(`${where}: answers outdated beyond the bound`, sum('outdated', bounded))]),
    none(`${where}: no answer, an error while the origin answers, mixed bytes, not cached again`, sum('others')),
  ];
}

/** A race that finds nothing where there is something sees nothing. */
function controlGoal({ outdated }: Row, where: string): Goal {
  const name = `${where}: outdated answers of tidegate/hono alone`;
  return { name, bound: '≥ 1', got: String(outdated), met: outdated > 0 };
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

/** All at once: their time is real, and they mostly wait. */
async function runWorkerd({ only }: PartOptions): Promise<PartResult> {
  const chosen = WORKERD_SCENARIOS.filter(({ name }) => name.includes(only));
  const [control, ...rows] = await Promise.all(
    [WORKERD_CONTROL, ...chosen].map((scenario) => racedInWorkerd(scenario)),
  );
  const table = { title: 'races in workerd', columns: COLUMNS, rows: [...rows, control as Row].map(cellsOf) };
  const mutants = await Promise.all(
    WORKERD_MUTANTS.filter(({ name }) => name.includes(only)).map(async ({ name, edits }) => {
      const { outdated } = await racedInWorkerd(WORKERD_MUTANTS_RACE, edits);
      return { name, outdated };
    }),
  );
  const lost = mutants.filter(({ outdated }) => outdated === 0).map(({ name }) => name);
  return {
    tables: [
      table,
      {
        title: 'mutants in workerd',
        columns: ['mutant', 'outdated'],
        rows: mutants.map(({ name, outdated }) => [name, String(outdated)]),
      },
    ],
    goals: [
      ...goalsOf(rows, 'workerd'),
      controlGoal(control as Row, 'workerd'),
      {
        name: 'workerd: mutants caught',
        bound: 'all',
        got: `${mutants.length - lost.length} of ${mutants.length}`,
        met: lost.length === 0,
      },
    ],
    failures: [
      ...rows.flatMap(({ failures }) => failures),
      ...lost.map((name) => `mutant not caught in workerd: ${name}`),
    ],
  };
}

async function racedInWorkerd(scenario: WorkerdScenario, edits: readonly SourceEdit[] = []): Promise<Row> {
  const row = newRow(scenario.name, scenario.settings.mode !== 'bounded');
  const { checker, calls } = await raceInWorkerd(scenario, 1, edits);
  const { findings, counts, lateMs } = checker;
  add(row, { findings, counts, lateMs, calls }, 'seed 1');
  return row;
}
