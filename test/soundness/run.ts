// `npm run soundness -- --changes 1000000`: random databases, queries and writes; does the index name every query whose
// answer changed, and how many besides?
//   --changes N      rows changed in all, default 100000
//   --seed N         of the first world, default 1; each world has the next
//   --worlds N       at most so many: with 1, one world again
//   --feature NAME   queries of one feature alone
//   --json FILE      the figures as JSON too

import { parseArgs } from 'node:util';
import { conclude, printTable } from '../../bench/report.ts';
import { FEATURES } from './queries.ts';
import { type FeatureFigures, type Missed, Tally } from './tally.ts';
import { World } from './world.ts';

/** Transactions of one world. */
const STEPS = 400;

const { values } = parseArgs({
  options: {
    changes: { type: 'string', default: '100000' },
    seed: { type: 'string', default: '1' },
    worlds: { type: 'string' },
    feature: { type: 'string' },
    json: { type: 'string' },
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
for (; changes < wanted && done < worlds; done++) {
  const world = new World({ seed: firstSeed + done, tally, feature: values.feature });
  for (let step = 0; step < STEPS && changes < wanted; step++) changes += world.step();
  world.close();
  if (tally.misses.length >= 20) break;
}

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
