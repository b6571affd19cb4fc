// `bench -- warm`: what predictive filling gains on real traces. Each is replayed through the memory tier's policy at 1 % of its
// objects, without and with prediction at a budget of 10 % more origin requests. `--traces DIR` names the folder, `--quick` caps each
// trace's requests, `--compare` adds what each part of the model is worth.
//
// Deterministic, but for the time that a replay takes.

import { parseArgs } from 'node:util';
import { type Setup, setups } from './policy-replay.ts';
import { type Goal, printTable, type Report } from './report.ts';
import { type Predictor, replayWarm, urisOf, type WarmResult } from './warm-replay.ts';

const TRACES = ['web07', 'orm-busy'];
const SIZE = 0.01;
const BUDGET = 0.1;

/** `all` is what the gate does, if the origin took no time. */
const PREDICTORS: Readonly<Record<string, Predictor>> = {
  none: { budget: 0, delay: 0 },
  all: { budget: BUDGET, delay: 0 },
  'all, stored 8 requests later': { budget: BUDGET, delay: 8 },
};

const PARTS: Readonly<Record<string, Predictor>> = {
  'templates alone': { budget: BUDGET, delay: 0, bounds: { followers: 0 } },
  'successors alone': { budget: BUDGET, delay: 0, bounds: { templateFollowers: 0 } },
  'successors, next request alone': { budget: BUDGET, delay: 0, bounds: { templateFollowers: 0, lag: 1 } },
  'successors, lag 16': { budget: BUDGET, delay: 0, bounds: { templateFollowers: 0, lag: 16 } },
};

interface Row {
  readonly trace: string;
  readonly predictor: string;
  readonly result: WarmResult;
  /** Origin requests beyond those without prediction, as a part of them. */
  readonly extra: number;
  readonly precision: number | undefined;
  readonly gainPoints: number;
}

export async function run(flags: readonly string[]): Promise<Report> {
  const flag = { type: 'boolean', default: false } as const;
  const options = { traces: { type: 'string' }, quick: flag, compare: flag } as const;
  const { traces, quick, compare } = parseArgs({ args: [...flags], options }).values;
  const rows = Array.from(setups({ traces, quick }, TRACES, [SIZE])).flatMap((setup) =>
    rowsOf(setup, compare ? { ...PREDICTORS, ...PARTS } : PREDICTORS),
  );
  if (rows.length > 0) printRows(rows);
  return { goals: TRACES.flatMap((trace) => goalsOf(trace, rows)), figures: rows };
}

function rowsOf(setup: Setup, predictors: typeof PREDICTORS): Row[] {
  const uris = urisOf(setup);
  const results = Object.entries(predictors).map(([name, one]) => [name, replayWarm(setup, uris, one)] as const);
  const none = results[0]![1];
  return results.map(([predictor, result]) => ({
    ...{ trace: setup.trace.name, predictor, result },
    extra: (result.misses + result.filled) / none.misses - 1,
    precision: result.filled === 0 ? undefined : (result.hits + result.joined) / result.filled,
    gainPoints: 100 * (result.hitRatio - none.hitRatio),
  }));
}

function printRows(rows: readonly Row[]): void {
  printTable({
    title: `hit ratio with ${SIZE * 100} % of the objects; precision: of the filled ones, asked for before they were evicted`,
    columns: ['trace', 'predictor', 'hit ratio', 'gain', 'filled', 'precision', 'more origin requests', 'µs a request'],
    rows: rows.map(({ trace, predictor, result, extra, precision, gainPoints }) => [
      ...[trace, predictor, result.hitRatio.toFixed(4), `${gainPoints.toFixed(2)} points`, String(result.filled)],
      ...[precision?.toFixed(3) ?? '', `${(100 * extra).toFixed(1)} %`, result.microseconds.toFixed(2)],
    ]),
  });
}

function goalsOf(trace: string, rows: readonly Row[]): Goal[] {
  const row = rows.find((one) => one.trace === trace && one.predictor === 'all');
  const goal = (name: string, bound: string, [got, met]: readonly [string | undefined, boolean]): Goal => {
    return { name: `${trace}: ${name}`, bound, got: got ?? 'not measured', met };
  };
  const { precision = 0, extra = 1, gainPoints = 0 } = row ?? {};
  return [
    goal('precision', '>= 0.5', [row && precision.toFixed(3), precision >= 0.5]),
    goal('more origin requests', '<= 10 %', [row && `${(100 * extra).toFixed(1)} %`, extra <= 0.1]),
    goal('gain', '> 0 points', [row && `${gainPoints.toFixed(2)} points`, gainPoints > 0]),
  ];
}
