// `bench -- match`: how many changes a second one core matches against the dependency index, and what an instance in it
// weighs, with 1,000, 100,000 and 1,000,000 instances; beside a walk through all of them. `--instances N`: that number only.
//
// The rate depends on how many instances a change affects, so that is printed next to it. Rates are
// of CPU time, as the goal is for each core; percentiles are of time on the wall.

import { spawnSync } from 'node:child_process';
import { parseArgs } from 'node:util';
import type { Figures, Speed } from './match-child.ts';
import { type Goal, printTable, type Report } from './report.ts';

const COUNTS = [1_000, 100_000, 1_000_000];
/** Changes for which all instances are gone through; at a million that would take minutes. */
const WALKED: { readonly [count: number]: number } = { 1000: 2_000, 100000: 100 };
const LEAST_PER_SECOND = 100_000;
const MAX_P99_US = 50;
const MAX_BYTES = 400;

export async function run(flags: readonly string[]): Promise<Report> {
  const { values } = parseArgs({ args: [...flags], options: { instances: { type: 'string' } } });
  const counts = values.instances === undefined ? COUNTS : [Number(values.instances)];
  if (!(counts[0]! >= 1)) throw new RangeError(`--instances: expected a number from 1; got '${values.instances}'`);
  const figures = counts.map(inChild);
  print(figures);
  return { goals: goalsOf(figures), figures };
}

function inChild(count: number): Figures {
  const script = `${import.meta.dirname}/match-child.ts`;
  const args = ['--expose-gc', script, String(count), String(WALKED[count] ?? 0)];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.status !== 0) throw new Error(`expected match-child to exit with 0; got ${child.status ?? child.signal}`);
  return JSON.parse(child.stdout) as Figures;
}

const thousands = (value: number): string => Math.round(value).toLocaleString('en-US');
const speedCells = ({ changesPerSecond, p50Us, p99Us, maxUs }: Speed): string[] => [
  thousands(changesPerSecond),
  p50Us.toFixed(1),
  p99Us.toFixed(1),
  thousands(maxUs),
];

function print(figures: readonly Figures[]): void {
  printTable({
    title: 'matching: 45 % equality, 20 % range, 20 % window, 15 % prefix; changes of one row: insert, update, delete',
    columns: ['instances', '', 'changes/s of CPU', 'p50 us', 'p99 us', 'max us'],
    rows: figures.flatMap((each) => [
      [thousands(each.instances), 'index', ...speedCells(each.ours)],
      [thousands(each.instances), 'index, refilled', ...speedCells(each.withRefills)],
      [
        thousands(each.instances),
        'walk',
        ...(each.walk === undefined ? ['not measured', '-', '-', '-'] : speedCells(each.walk)),
      ],
    ]),
  });
  console.log('  refilled: what a change affects is bound anew and registered again, and that is in the time.');
  printTable({
    title: 'what the changes affect, and what instances weigh',
    columns: [
      'instances',
      'affected',
      'share',
      'at most',
      'affect none',
      'looks',
      'coarse',
      'as the walk',
      'bytes each',
    ],
    rows: figures.map((each) => [
      thousands(each.instances),
      each.affectedPerChange.toFixed(2),
      `${((100 * each.affectedPerChange) / each.instances).toPrecision(2)} %`,
      String(each.mostAffected),
      `${(100 * each.unaffecting).toFixed(0)} %`,
      each.looksPerChange.toFixed(2),
      String(Object.values(each.stats.coarse).reduce((sum, count) => sum + count)),
      each.compared === 0 ? '-' : `${each.agreed} of ${each.compared}`,
      each.bytesPerInstance.toFixed(0),
    ]),
  });
}

function goalsOf(figures: readonly Figures[]): Goal[] {
  const large = figures.find(({ instances }) => instances === 1_000_000);
  const small = figures.find(({ instances }) => instances === 1_000);
  const growth =
    large === undefined || small === undefined
      ? undefined
      : Math.log(small.ours.changesPerSecond / large.ours.changesPerSecond) / Math.log(1_000);
  const goal = (name: string, bound: string, [got, met]: readonly [string | undefined, boolean]): Goal => ({
    name,
    bound,
    got: got ?? 'not measured',
    met: got !== undefined && met,
  });
  const rate = large?.ours.changesPerSecond;
  const p99Us = large?.ours.p99Us;
  const bytes = large?.bytesPerInstance;
  return [
    goal('changes/s at 1,000,000', `>= ${thousands(LEAST_PER_SECOND)}`, [
      rate === undefined ? undefined : thousands(rate),
      (rate ?? 0) >= LEAST_PER_SECOND,
    ]),
    goal('p99 at 1,000,000', `<= ${MAX_P99_US} us`, [p99Us?.toFixed(1), (p99Us ?? MAX_P99_US + 1) <= MAX_P99_US]),
    goal('growth of time: instances to the power of', '< 1', [growth?.toFixed(2), (growth ?? 1) < 1]),
    goal('bytes of an instance at 1,000,000', `<= ${MAX_BYTES}`, [bytes?.toFixed(0), (bytes ?? Infinity) <= MAX_BYTES]),
  ];
}
