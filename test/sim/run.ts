// `npm run sim -- --seeds 2000`: that many worlds, and their figures.
//   --seed N         one world, with its events
//   --first N        the first seed, 1 if not said
//   --mutant NAME    the engine with one rule taken out, until a seed catches it
//   --mutants        all of them, one after the other
//   --json FILE      the figures as JSON too

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { MUTANTS } from './mutants.ts';
import { editSources } from './source-edits.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    seed: { type: 'string' },
    first: { type: 'string', default: '1' },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
    json: { type: 'string' },
  },
});

const BROKE_DOWN = /heap out of memory|Last few GCs/;

const first = whole(values.first, 'first');
/** The rarest of the mutants shows in one world of two thousand. */
const seeds = whole(values.seeds ?? (values.mutants ? '4000' : '2000'), 'seeds');

if (values.mutants) runMutants();
else if (values.mutant !== undefined && values.seed === undefined) await runMutant(values.mutant);
else await runSeeds();

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number for --${option}, got ${text}`);
  return Number(text);
}

async function runSeeds(): Promise<void> {
  if (values.mutant !== undefined) apply(values.mutant);
  const { simulate } = await import('./simulate.ts');
  const { reportOf, printReport, reportAsJson } = await import('./report.ts');
  const results = [];
  if (values.seed !== undefined) {
    results.push(await simulate(whole(values.seed, 'seed'), (line) => console.log(line)));
  } else {
    for (let seed = first; seed < first + seeds; seed++) results.push(await simulate(seed));
  }
  const report = reportOf(results);
  printReport(report);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(reportAsJson(report), undefined, 2)}\n`);
  process.exitCode = report.goals.every(({ met }) => met) ? 0 : 1;
}

function apply(name: string): void {
  const mutant = MUTANTS.find((each) => each.name === name);
  const names = MUTANTS.map((each) => each.name).join(', ');
  if (mutant === undefined) throw new TypeError(`expected one of ${names}; got ${name}`);
  editSources(mutant.edits);
}

/** Seeds until one finds something; exits with 0 when one did. */
async function runMutant(name: string): Promise<void> {
  apply(name);
  const { simulate } = await import('./simulate.ts');
  for (let seed = first; seed < first + seeds; seed++) {
    const [found] = (await simulate(seed)).violations;
    if (found === undefined) continue;
    console.log(`seed ${seed}: ${found.fault}: ${found.sentence}`);
    return;
  }
  console.log(`survived ${seeds} seeds`);
  process.exitCode = 1;
}

/** A mutant takes effect as modules are loaded, so each has a process of its own. */
function runMutants(): void {
  let caught = 0;
  for (const { name } of MUTANTS) {
    const args = [...process.execArgv, import.meta.filename, '--mutant', name, '--seeds', String(seeds)];
    const child = spawnSync(process.execPath, [...args, '--first', String(first)], { encoding: 'utf8' });
    // One without its checks may also break down, for want of memory for instance; but not before it has begun.
    if (child.status === 0 || BROKE_DOWN.test(child.stderr)) caught++;
    const said = child.stdout.trim() || child.stderr.trim().split('\n').slice(0, 5).join(' ');
    console.log(`${name.padEnd(28)} ${said.slice(0, 160)}`);
  }
  console.log(`mutants: goals met ${caught} of ${MUTANTS.length}`);
  process.exitCode = caught === MUTANTS.length ? 0 : 1;
}
