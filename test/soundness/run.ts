// `npm run soundness -- --changes 1000000`: random databases, queries and writes; does the index name every query whose
// answer changed, and how many besides?
//   --changes N      rows changed in all, default 100000
//   --seed N         of the first world, default 1; each world has the next
//   --worlds N       at most so many: with 1, one world again
//   --feature NAME   queries of one feature alone
//   --json FILE      the figures as JSON too
//   --mutant NAME    with one rule taken out, until a change is missed
//   --mutants        all of them, one after the other

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import { conclude, printTable } from '../../bench/report.ts';
import { editSources } from '../sim/source-edits.ts';
import { MUTANTS } from './mutants.ts';
import { FEATURES } from './queries.ts';
import { type FeatureFigures, type Missed, Tally } from './tally.ts';

/** Transactions of one world. */
const STEPS = 400;

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    worlds: { type: 'string' },
    feature: { type: 'string' },
    json: { type: 'string' },
    mutant: { type: 'string' },
    mutants: { type: 'boolean', default: false },
  },
});

const wanted = whole(values.changes, 'changes');
const firstSeed = whole(values.seed, 'seed');
const worlds = values.worlds === undefined ? Number.POSITIVE_INFINITY : whole(values.worlds, 'worlds');
if (values.feature !== undefined && !FEATURES.includes(values.feature)) {
  throw new TypeError(`expected --feature to be one of ${FEATURES.join(', ')}, got ${values.feature}`);
}

const started = performance.now();
const tally = new Tally();
let changes = 0;
let done = 0;

if (values.mutants) runMutants();
else if (values.mutant === undefined) {
  await runWorlds({ feature: values.feature, maxMisses: 20 });
  report();
} else await runMutant(values.mutant);

interface Limits {
  readonly feature: string | undefined;
  readonly maxMisses: number;
}

async function runWorlds({ feature, maxMisses }: Limits): Promise<void> {
  // Only now, so that a mutant is loaded as one.
  const { World } = await import('./world.ts');
  for (; changes < wanted && done < worlds; done++) {
    const world = new World({ seed: firstSeed + done, tally, feature });
    for (let step = 0; step < STEPS && changes < wanted; step++) changes += world.step();
    world.close();
    if (tally.misses.length >= maxMisses) break;
  }
}

function report(): void {
  printTable({
    title: `${changes} changes in ${done} databases, ${seconds()} s`,
    columns: ['feature', 'tracked', 'judged', 'changed', 'named', 'needless', 'precision', 'missed'],
    rows: [...[...tally.features].map(([feature, figures]) => rowOf(feature, figures)), rowOf('total', tally.total())],
  });
  printTable({
    title: 'fallbacks',
    columns: ['of templates', 'times'],
    rows: [...tally.fallbacks].sort((one, other) => other[1] - one[1]).map(([name, times]) => [name, String(times)]),
  });
  for (const missed of tally.misses) console.log(`\n${told(missed)}`);

  const total = tally.total();
  conclude(
    'soundness',
    {
      goals: [
        { name: 'missed changes, SQLite', bound: '0', got: String(total.missed), met: total.missed === 0 },
        { name: 'changes judged', bound: `${wanted}`, got: String(changes), met: changes >= wanted || done === worlds },
      ],
      figures: {
        changes,
        total,
        features: Object.fromEntries(tally.features),
        fallbacks: Object.fromEntries(tally.fallbacks),
      },
    },
    values.json,
  );
  if (total.missed > 0) process.exitCode = 1;
}

/** Exits with 0 if a change was missed. */
async function runMutant(name: string): Promise<void> {
  const mutant = MUTANTS.find((one) => one.name === name);
  if (mutant === undefined)
    throw new TypeError(`expected --mutant to be one of ${MUTANTS.map((one) => one.name).join(', ')}, got ${name}`);
  editSources(mutant.edits);
  await runWorlds({ feature: values.feature ?? mutant.feature, maxMisses: 1 });
  const [missed] = tally.misses;
  console.log(
    missed === undefined
      ? `survived ${changes} changes`
      : `after ${changes} changes: ${missed.query.feature}: ${missed.query.text}`,
  );
  process.exitCode = missed === undefined ? 1 : 0;
}

/** A mutant takes effect as modules are loaded, so each has a process of its own. */
function runMutants(): void {
  let caught = 0;
  for (const { name } of MUTANTS) {
    const args = [...process.execArgv, import.meta.filename, '--mutant', name, '--changes', String(wanted)];
    const child = spawnSync(process.execPath, [...args, '--seed', String(firstSeed)], { encoding: 'utf8' });
    if (child.status === 0) caught++;
    const said = child.stdout.trim() || child.stderr.trim().split('\n').slice(0, 5).join(' ');
    console.log(`${name.padEnd(34)} ${said.slice(0, 160)}`);
  }
  console.log(`mutants: goals met ${caught} of ${MUTANTS.length}`);
  process.exitCode = caught === MUTANTS.length ? 0 : 1;
}

function whole(text: string, option: string): number {
  if (!/^\d+$/.test(text)) throw new TypeError(`expected a whole number for --${option}, got ${text}`);
  return Number(text);
}

function seconds(): string {
  return ((performance.now() - started) / 1000).toFixed(0);
}

function rowOf(feature: string, one: FeatureFigures): string[] {
  const precision = one.affected === 0 ? '-' : ((one.affected - one.needless) / one.affected).toFixed(3);
  const counts = [one.judged, one.changed, one.affected, one.needless].map(String);
  return [feature, `${one.tracked}/${one.templates}`, ...counts, precision, String(one.missed)];
}

function told({ seed, query, writes, before, after }: Missed): string {
  const shown = writes.map(({ text, parameters }) => `  ${text} ${JSON.stringify(parameters.map(String))}`);
  const lines = [
    `MISSED, seed ${seed}, ${query.feature}: ${query.text} ${JSON.stringify(query.parameters.map(String))}`,
  ];
  return [...lines, ...shown, `  before: ${JSON.stringify(before)}`, `  after:  ${JSON.stringify(after)}`].join('\n');
}
