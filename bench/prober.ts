// `bench -- prober`: what the prober says of its gate, held against what a simulated world knows. The origin changes and tells nobody,
// under a steady and a varying load; it tells all; or none of its answers is like another. `--runs N`: seeds 1 to N (100).
//
// Deterministic: the figures are the same on each run and machine.

import { parseArgs } from 'node:util';
import { outdatedShare } from '../src/engine/prober/counts.ts';
import { ProberWorld, type ProberWorldOptions } from '../test/kit/prober-world.ts';
import { type Goal, printTable, type Report } from './report.ts';

const COMMON = {
  settings: { share: 0.05, ratePerSecond: 1, onOutdated: 'invalidate' },
  seconds: 600,
  rates: [20, 20],
  changeSeconds: 60,
  freshSeconds: 20,
} as const;

/** In the order of the table. */
const WORLDS: Readonly<Record<string, ProberWorldOptions>> = {
  'tells nobody': { ...COMMON, origin: 'silent' },
  'tells nobody, reported only': {
    ...COMMON,
    origin: 'silent',
    settings: { ...COMMON.settings, onOutdated: 'report' },
  },
  'tells nobody, load varies': { ...COMMON, origin: 'silent', rates: [5, 80] },
  'tells nobody, changes seldom': { ...COMMON, origin: 'silent', changeSeconds: 3_600 },
  'tells all': { ...COMMON, origin: 'telling' },
  'no answer like another': { ...COMMON, origin: 'random' },
};

interface Run {
  readonly seed: number;
  readonly truth: number;
  readonly rate: number | undefined;
  readonly low: number;
  readonly high: number;
  readonly samples: number;
  readonly asks: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({ args: [...flags], options: { runs: { type: 'string', default: '100' } } });
  const runs = Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) {
    const error = new RangeError(`--runs: expected an integer, 1 or more; got '${values.runs}'`);
    throw Object.assign(error, { code: 'ERR_PARSE_ARGS_INVALID_OPTION_VALUE' });
  }
  const figures: Record<string, readonly Run[]> = {};
  for (const [name, options] of Object.entries(WORLDS)) {
    const got: Run[] = [];
    for (let seed = 1; seed <= runs; seed++) got.push(await runOf(seed, options));
    figures[name] = got;
  }
  printTable({
    title: `means of seeds 1 to ${runs}: 10 minutes, 50 URLs, answers fresh for 20 s; the prober asks for 5 % of the hits, once a second at most`,
    columns: ['origin', 'true rate', 'found', 'interval', 'covered', 'samples', 'asks', 'outdated', 'open', 'unstable'],
    rows: Object.entries(figures).map(([name, got]) => rowOf(name, got)),
  });
  return { goals: goalsOf(figures), figures };
}

async function runOf(seed: number, options: ProberWorldOptions): Promise<Run> {
  const { prober, truth } = await new ProberWorld(seed, options).run();
  const { verdicts, ...counts } = prober.counts();
  const { rate, interval, samples } = outdatedShare({ verdicts, ...counts });
  return { seed, truth, rate, ...interval, samples, asks: counts.asks, verdicts };
}

const covered = ({ truth, low, high }: Run) => low <= truth && truth <= high;
const percent = (part: number) => `${(100 * part).toFixed(2)} %`;
const mean = (got: readonly Run[], read: (one: Run) => number) =>
  got.reduce((sum, one) => sum + read(one), 0) / got.length;

function rowOf(name: string, got: readonly Run[]): string[] {
  const verdict = (which: string) => mean(got, ({ verdicts }) => verdicts[which] as number).toFixed(1);
  return [
    name,
    percent(mean(got, ({ truth }) => truth)),
    got.every(({ rate }) => rate === undefined) ? 'no sample' : percent(mean(got, ({ rate }) => rate ?? 0)),
    `${percent(mean(got, ({ low }) => low))} to ${percent(mean(got, ({ high }) => high))}`,
    `${got.filter(covered).length} of ${got.length}`,
    mean(got, ({ samples }) => samples).toFixed(0),
    mean(got, ({ asks }) => asks).toFixed(0),
    ...[verdict('outdated'), verdict('undecided'), verdict('unstable')],
  ];
}

function goalsOf(figures: Readonly<Record<string, readonly Run[]>>): Goal[] {
  const goals: Goal[] = [];
  for (const [name, got] of Object.entries(figures).filter(([one]) => one.startsWith('tells nobody'))) {
    const most = got.length;
    const holds = got.filter(covered).length;
    goals.push({
      name: `${name}: the interval holds the true rate`,
      bound: `>= ${Math.ceil(0.9 * most)} of ${most}`,
      got: `${holds}`,
      met: holds >= 0.9 * most,
    });
    if (name.endsWith('seldom')) continue;
    const found = got.filter(({ rate }) => rate !== undefined && rate > 0).length;
    goals.push({ name: `${name}: found`, bound: `${most} of ${most}`, got: `${found}`, met: found === most });
  }
  for (const name of ['tells all', 'no answer like another']) {
    const called = mean(figures[name] as readonly Run[], ({ verdicts }) => verdicts.outdated as number);
    goals.push({ name: `${name}: called outdated`, bound: '0', got: String(called), met: called === 0 });
  }
  return goals;
}
