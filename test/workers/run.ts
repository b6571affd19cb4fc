// `npm run test:workers`: the gate on Workers raced on a simulated platform and in real workerd.
//   --seeds N      seeds of each scenario, 8 if not said
//   --only NAME    the scenarios and mutants that have this in their names
//   --seed N       one seed of the one scenario that --only names, with its events
//   --json FILE    the figures as JSON too
//
// Parts run two at a time, each in a process of its own.

import { fork } from 'node:child_process';
import { parseArgs } from 'node:util';
import { conclude, printTable } from '../../bench/report.ts';
import { PARTS, type PartOptions, type PartResult, SHORT_SEEDS } from './parts.ts';
import { programOf } from './race/bench.ts';
import { runSeed } from './race/run-seed.ts';
import { SCENARIOS } from './race/scenarios.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: String(SHORT_SEEDS) },
    only: { type: 'string', default: '' },
    seed: { type: 'string' },
    json: { type: 'string' },
    part: { type: 'string' },
  },
});
const options: PartOptions = { seeds: Number(values.seeds), only: values.only };

/** The longest part first. */
const ORDER = ['workerd', 'mutants', 'cells', 'races', 'workerdMutants'];

function inProcess(part: string): Promise<PartResult> {
  const child = fork(import.meta.filename, ['--part', part, '--seeds', values.seeds, '--only', values.only]);
  return new Promise((resolve, reject) => {
    child.once('message', (result) => resolve(result as PartResult));
    child.once('exit', (code) => reject(new Error(`expected figures of the part ${part}, got exit code ${code}`)));
  });
}

async function runAll(): Promise<void> {
  const waiting = [...ORDER];
  const results = new Map<string, PartResult>();
  const work = async () => {
    for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
      results.set(part, await inProcess(part));
    }
  };
  await Promise.all([work(), work()]);
  const found = Object.keys(PARTS).map((part) => results.get(part) as PartResult);
  for (const { tables } of found) for (const table of tables) printTable(table);
  for (const failure of found.flatMap(({ failures }) => failures)) console.log(`  FAILED ${failure}`);
  const goals = found.flatMap((one) => one.goals);
  if (goals.some(({ met }) => !met)) process.exitCode = 1;
  conclude('test:workers', { goals, figures: Object.fromEntries(results) }, values.json);
}

async function runOne(seed: number): Promise<void> {
  const scenario = SCENARIOS.find(({ name }) => name === values.only);
  if (scenario === undefined) throw new Error(`expected --only with the name of a scenario, got ${values.only}`);
  const program = await programOf(scenario.settings.app);
  const { findings } = await runSeed(scenario, { program, seed, trace: (line) => console.log(line) });
  for (const { fault, sentence } of findings) console.log(`FAILED ${fault}: ${sentence}`);
}

if (values.part !== undefined) {
  const result = await PARTS[values.part]?.(options);
  process.send?.(result, undefined, undefined, () => process.exit());
} else if (values.seed !== undefined) await runOne(Number(values.seed));
else await runAll();
