// The drill proves that it can fail: gates and trackers with a rule taken out.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { conclude, type Goal } from '../../bench/report.ts';
import { drillFeed, type FeedDrillOptions } from './feed.ts';
import type { Figures } from './figures.ts';
import { MUTANT_VARIABLE, MUTANTS, type Mutant, mutantOf } from './mutants.ts';
import { SET_UPS } from './settings.ts';

const PRELOAD = fileURLToPath(new URL('./preload.ts', import.meta.url));
const MAX_ROUNDS = 12;

export async function runMutants(
  options: FeedDrillOptions,
  name: string | undefined,
  json: string | undefined,
): Promise<void> {
  const goals: Goal[] = [];
  for (const mutant of name === undefined ? MUTANTS : [mutantOf(name)]) goals.push(await find(options, mutant));
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('drill mutants', { goals, figures: {} }, json);
}

async function find(options: FeedDrillOptions, mutant: Mutant): Promise<Goal> {
  const { name, trouble, statements = [], faults } = mutant;
  const foundIn = ({ found }: Figures) => found.find(({ fault }) => faults.includes(fault));
  const { figures } = await drillFeed({
    ...options,
    setUps: SET_UPS.filter((setUp) => setUp.name === mutant.setUp),
    rounds: options.rounds ?? MAX_ROUNDS,
    minutes: undefined,
    folder: join(options.folder, name),
    execArgv: ['--import', PRELOAD],
    env: { [MUTANT_VARIABLE]: name },
    tell: () => undefined,
    planned: (plan) => ({ ...plan, trouble, before: [...statements, ...plan.before] }),
    isEnough: (sofar) => foundIn(sofar) !== undefined,
  });
  const told = foundIn(figures);
  const other = figures.found.map(({ fault }) => fault).join(', ');
  const got = told === undefined ? `nothing${other && `, but ${other.slice(0, 80)}`}` : `${told.fault}, ${told.where}`;
  console.log(`${name}: ${got}${told === undefined ? '' : `: ${told.sentence}`}`);
  return { name: `mutant ${name}`, bound: 'found', got, met: told !== undefined };
}
